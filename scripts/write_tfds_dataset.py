"""Writes the bundled digits as a data set of TensorFlow Datasets (TFDS).

Afterwards `tfds.load("mnist", data_dir=..., download=False)` reads them, and so
does every program here that takes --digits=tfds --tfds_data_dir=...

Example:
    python scripts/write_tfds_dataset.py --tfds_data_dir=data/tfds
"""

import numpy as np
from absl import flags
from cli import run

from mnist_sum_tf.data import digits, tfds_export

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "tfds_data_dir", None, "The folder of TFDS data sets to add MNIST to."
)
flags.mark_flag_as_required("tfds_data_dir")


def main(argv):
    del argv
    train, validation, test = (
        digits.load_digits(split=split)
        for split in ("train", "validation", "test")
    )
    all_train = digits.Digits(
        *(np.concatenate(arrays) for arrays in zip(train, validation))
    )
    path = tfds_export.write_tfds_dataset(
        FLAGS.tfds_data_dir, all_train, test
    )
    print(f"Wrote 70,000 digits to {path}")


if __name__ == "__main__":
    run(main)
