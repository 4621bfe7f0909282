"""Measures how fast this machine composes, trains and answers.

Examples:
    python scripts/benchmark.py --quick
    python scripts/benchmark.py --sections=pipeline,inference --output=speed.json
"""

import cli
from absl import flags

from mnist_sum_tf.user_errors import UserError

_QUICK = flags.DEFINE_bool(
    "quick",
    False,
    "End after some two minutes: few rounds, the compact encoder alone.",
)
_SECTIONS = flags.DEFINE_list(
    "sections",
    [],
    "Of pipeline, training, waiting, twin, inference, arithmetic, "
    "memory; by default all.",
)
_MODEL = flags.DEFINE_string(
    "model",
    None,
    "The SavedModel, or folder of versions, whose weights answer; "
    "by default the one that ships.",
)
_OUTPUT = flags.DEFINE_string("output", None, "A JSON file to write as well.")


def main(argv):
    del argv
    if _MODEL.value and "inference" not in (_SECTIONS.value or ["inference"]):
        raise UserError(
            "--model is for the section inference. Received: "
            f"--model={_MODEL.value} --sections={','.join(_SECTIONS.value)}"
        )
    from mnist_sum_tf.benchmarks import run, settings

    choose = settings.quick if _QUICK.value else settings.full
    run.run(choose(_MODEL.value or cli.SHIPPED_MODEL), _SECTIONS.value, _OUTPUT.value)


if __name__ == "__main__":
    cli.run(main)
