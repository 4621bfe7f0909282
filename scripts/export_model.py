"""Exports a trained model as a SavedModel with four signatures.

Example:
    python scripts/export_model.py --workdir=/tmp/mnist_sum \\
        --export_dir=exported_models/mnist_sum
"""

import cli
from absl import flags

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The experiment to export.", required=True
)
_EXPORT_DIR = flags.DEFINE_string(
    "export_dir", None, "Folder of the model's versions; the next one is made.",
    required=True,
)  # fmt: skip


def main(argv):
    del argv
    from mnist_sum_tf.serving.export import export_model
    from mnist_sum_tf.training.trained_models import load_sum_model

    print(export_model(load_sum_model(_WORKDIR.value), _EXPORT_DIR.value))


if __name__ == "__main__":
    cli.run(main)
