"""Writes the bundled digits as a data set of TensorFlow Datasets (TFDS).

Afterwards `tfds.load("mnist", data_dir=..., download=False)` reads them, and so
does every program here that takes --digits=tfds --tfds_data_dir=...

Example:
    python scripts/write_tfds_dataset.py --tfds_data_dir=data/tfds
"""

import cli
from absl import flags

_TFDS_DATA_DIR = flags.DEFINE_string(
    "tfds_data_dir",
    None,
    "The folder of TFDS data sets to add MNIST to.",
    required=True,
)


def main(argv):
    del argv
    from mnist_sum_tf.data.tfds_export import write_bundled_digits

    path = write_bundled_digits(_TFDS_DATA_DIR.value)
    print(f"Wrote MNIST to {path}")


if __name__ == "__main__":
    cli.run(main)
