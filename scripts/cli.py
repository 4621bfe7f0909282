"""How every script starts and ends: quiet TensorFlow, errors in one line."""

import logging
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app

SHIPPED_MODEL = (
    pathlib.Path(__file__).resolve().parents[1] / "exported_models" / "mnist_sum"
)


def run(main) -> None:
    """Runs `main`; a `UserError` becomes one line and exit status 1."""

    def guarded(argv):
        # Imported late: `--help` should not wait for TensorFlow.
        from mnist_sum_tf.config import UserError
        from mnist_sum_tf.training import interruptions

        logging.basicConfig(format="%(levelname)s: %(message)s", force=True)
        logging.getLogger().setLevel(logging.INFO)
        logging.getLogger("absl").setLevel(logging.WARNING)
        try:
            return main(argv)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
        except interruptions.TrainingStopped as stop:
            print(stop, file=sys.stderr)
            sys.exit(interruptions.EXIT_STATUS)

    app.run(guarded)
