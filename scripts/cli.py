"""How every script starts and ends: quiet TensorFlow, errors in one line."""

import logging
import os
import pathlib
import re
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As training does: a program takes of a GPU's memory what it needs.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

import ctrl_c
from absl import app, flags

from mnist_sum_tf import quiet

SHIPPED_MODEL = (
    pathlib.Path(__file__).resolve().parents[1] / "exported_models" / "mnist_sum"
)
LONGEST_FLAG = 200


def check_flag_names(arguments: list[str]) -> None:
    """Refuses arguments that cannot be flag names, on which absl would fail.

    Raises:
        UserError: if a name is too long, or cannot be printed.
    """
    for argument in arguments:
        name = argument.split("=")[0]
        is_plain = name.isprintable() and len(name) <= LONGEST_FLAG
        if name.startswith("-") and not is_plain:
            from mnist_sum_tf.user_errors import UserError

            raise UserError(
                "Flags must be among those that --help shows. "
                f"Received: {name[:40]!r}..."
            )


def check_no_files(arguments: list[str]) -> None:
    """Refuses positional arguments, such as a flag's second value: they would be lost.

    Raises:
        UserError: if there is any.
    """
    from mnist_sum_tf.user_errors import UserError

    if arguments:
        raise UserError(
            "This script takes only flags, as --flag=value. "
            f"Received: {' '.join(arguments)}"
        )


def check_not_empty() -> None:
    """Refuses `--model=$UNSET`, which would count as no `--model` at all.

    Raises:
        UserError: if a flag's value is empty.
    """
    from mnist_sum_tf.user_errors import UserError

    for name in flags.FLAGS:
        flag = flags.FLAGS[name]
        if flag.present and flag.value in ("", []):
            raise UserError(f"--{name} must have a value. Received: nothing")


def run(
    main,
    takes_files: bool = False,
    needs_tensorflow: bool = True,
    waits_for_threads: bool = True,
) -> None:
    """Runs `main`; a `UserError` becomes one line and exit status 1, Ctrl-C 130.

    Args:
        main: takes the positional arguments, the program's name first.
        takes_files: whether positional arguments are allowed.
        needs_tensorflow: whether it is imported.
        waits_for_threads: whether Ctrl-C waits; if not, threads that wait for a server
            do not keep the program alive.
    """

    def guarded(argv):
        # Imported late: `--help` should not wait for TensorFlow.
        if needs_tensorflow:
            quiet.import_tensorflow()
        _set_up()
        return _run_and_report(main, argv, takes_files)

    if sys.stderr is None:  # Closed; errors would be printed among the results.
        sys.stderr = open(os.devnull, "w")
    try:
        check_flag_names(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"error: {error}")
    with ctrl_c.Interrupts() as interrupts:
        try:
            return _run_app(guarded)
        except Exception as error:
            if not interrupts.has_come:  # else it may be what the interrupt became
                _end_unprinted(error)
        except KeyboardInterrupt:  # Training handles it itself.
            pass
    print("stopped by Ctrl-C", file=sys.stderr, flush=True)
    leave = sys.exit if waits_for_threads else os._exit
    leave(128 + signal.SIGINT)


def _run_app(guarded) -> None:
    """Runs the program, which ends in `SystemExit` unless it fails."""
    try:
        app.run(guarded, flags_parser=_parse_flags)
    finally:
        if sys.stdout:
            sys.stdout.flush()  # Here, where a closed pipe is handled.


def _parse_flags(argv: list[str]) -> list[str]:
    """Parses flags as absl does, with one-line errors, and status 0 after --help."""
    try:
        return flags.FLAGS(argv)
    except SystemExit:  # --help was shown, after which absl would exit with 1.
        sys.exit(0)
    except flags.Error as error:
        from mnist_sum_tf.user_errors import one_line

        reason = one_line(" ".join(str(error).split()))
        missing = re.fullmatch(r"flag --(\w+)=None: .* other than None\.", reason)
        if missing:
            sys.exit(f"error: --{missing[1]} must be given. Received: nothing")
        files = [each for each in argv[1:] if each[0:1] == "-" and os.path.exists(each)]
        hint = f" (the file must be given as ./{one_line(files[0])})" if files else ""
        sys.exit(f"error: Flags must be as --help says. Received: {reason}{hint}")


def _end_unprinted(error: Exception) -> None:
    """Ends the program if nothing can be printed; else the error is raised again."""
    if not isinstance(error, BrokenPipeError):  # The reader has closed the pipe.
        if not isinstance(error, OSError) or not _stdout_fails():
            raise error
        print(
            "error: standard output must be a file that can be written. "
            f"Received: {error.strerror}",
            file=sys.stderr,
        )
    # Nothing may be written at the end either.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def _stdout_fails() -> bool:
    """Whether it is standard output that fails, and not another file."""
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def _set_up() -> None:
    """Sets up logging and standard output."""
    # A file's name that is no UTF-8 is shown as far as it can be.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    logging.basicConfig(format="%(levelname)s: %(message)s", force=True)
    logging.getLogger().setLevel(logging.INFO)


def _run_and_report(main, argv: list[str], takes_files: bool):
    from mnist_sum_tf.training import interruptions
    from mnist_sum_tf.user_errors import UserError, one_line

    try:
        check_not_empty()
        if not takes_files:
            check_no_files(argv[1:])
        return main(argv)
    except UserError as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr, flush=True)
        if isinstance(error, interruptions.MachineLost):
            os._exit(1)  # TensorFlow would wait for it at the end
        sys.exit(1)
    except interruptions.TrainingStopped as stop:
        print(stop, file=sys.stderr)
        sys.exit(interruptions.EXIT_STATUS)
