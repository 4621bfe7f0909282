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
_KEEP_VERSIONS = flags.DEFINE_integer(
    "keep_versions", None, "How many versions stay, the newest; by default all."
)


def main(argv):
    del argv
    from mnist_sum_tf.serving.export import export_model
    from mnist_sum_tf.training.trained_models import load_sum_model

    sum_model = load_sum_model(_WORKDIR.value)
    print(export_model(sum_model, _EXPORT_DIR.value, _KEEP_VERSIONS.value))


if __name__ == "__main__":
    cli.run(main)
