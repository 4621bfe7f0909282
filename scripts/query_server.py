"""Reads the sum of four handwritten digits through a model server.

Examples:
    python scripts/query_server.py exported_models/samples
    python scripts/query_server.py photo.jpg --server=grpc://localhost:8500
    python scripts/query_server.py --status
    python scripts/query_server.py exported_models/samples --concurrency=8 \\
        --load_seconds=10
"""

import json
import os
import sys
import threading

import cli
from absl import flags

LONGEST_SECONDS = 86_400  # A day; the system's timers end somewhere beyond.

_SERVER = flags.DEFINE_string(
    "server", "http://localhost:8501", "http:// or https:// for REST, grpc:// "
    "or grpcs:// (encrypted) for gRPC; a path before /v1/models may follow.",
)  # fmt: skip
_MODEL = flags.DEFINE_string("model", "mnist_sum", "The model's name there.")
_VERSION = flags.DEFINE_integer(
    "version", None, "Of the model; by default the newest.", 0, 2**63 - 1
)
_SIGNATURE = flags.DEFINE_enum(
    "signature", "serving_bytes", ["serving_bytes", "serving_default"],
    "Send the files as they are, or as canvases of 40x168 pixels.",
)  # fmt: skip
_JSON = flags.DEFINE_bool(
    "json", False, "Print a list of {path, digits, sum, probability} instead."
)
_STATUS = flags.DEFINE_bool(
    "status", False, "Print the model's versions and signatures instead."
)
_TIMEOUT = flags.DEFINE_float(
    "timeout_seconds", 30.0, "For each request, with its repetitions.", 0.001
)
_CONCURRENCY = flags.DEFINE_integer(
    "concurrency", 1, "Requests at a time.", 1, 1000
)
_LOAD_SECONDS = flags.DEFINE_float(
    "load_seconds", None, "Ask for the first images again and again, and print "
    "throughput and latency instead.", 0.0,
)  # fmt: skip
_BATCH_SIZE = flags.DEFINE_integer(
    "load_batch_size", 1, "Images in each request under load.", 1, 32
)
_CA_CERTIFICATES = flags.DEFINE_string(
    "ca_certificates", None, "A PEM file with who may vouch for the server."
)
_TOKEN_FILE = flags.DEFINE_string(
    "token_file", None, "A file with a bearer token for a proxy; by default "
    "the environment's MNIST_SUM_TOKEN.",
)  # fmt: skip


# What `--status` has no use for.
_OF_IMAGES = (_SIGNATURE, _JSON, _CONCURRENCY, _LOAD_SECONDS, _BATCH_SIZE)


def main(argv):
    from mnist_sum_tf import config, prediction

    _check_flags(argv)
    client = _connect()
    if _STATUS.value:
        return _print_status(client)
    if len(argv) < 2:
        raise config.UserError(
            "query_server.py needs image files: query_server.py IMAGE... "
            "Received: none"
        )
    if _LOAD_SECONDS.value is not None:
        return _print_load(client, prediction.find_images(argv[1:]))
    missing = []
    paths = prediction.find_images(argv[1:], missing.append)
    return _print_readings(client, paths, missing)


def _check_flags(argv) -> None:
    from mnist_sum_tf import config

    for flag in (_TIMEOUT, _LOAD_SECONDS):
        # Written so that what is no number is refused as well.
        if flag.value is not None and not flag.value <= LONGEST_SECONDS:
            raise config.UserError(
                f"--{flag.name} must be a number of seconds up to {LONGEST_SECONDS}. "
                f"Received: {flag.value}"
            )
    beside = [f"--{flag.name}" for flag in _OF_IMAGES if flag.present] + argv[1:]
    if _STATUS.value and beside:
        raise config.UserError(
            "--status asks for nothing but the versions and signatures. Received: "
            f"{' '.join(['--status', *beside])}"
        )
    if _LOAD_SECONDS.value is not None and _JSON.value:
        raise config.UserError(
            "--load_seconds prints a table and cannot be combined with --json. Received: "
            f"--load_seconds={_LOAD_SECONDS.value} --json"
        )
    if _BATCH_SIZE.present and _LOAD_SECONDS.value is None:
        raise config.UserError(
            f"--{_BATCH_SIZE.name} requires --load_seconds. Received: "
            f"--{_BATCH_SIZE.name}={_BATCH_SIZE.value} alone"
        )


def _connect():
    from mnist_sum_tf import config

    try:
        from mnist_sum_tf.serving.client import Server, connect
    except ImportError as error:
        raise config.UserError(
            "query_server.py needs pip install -e '.[serving]'. "
            f"Received: no module {error.name}"
        ) from None
    server = Server(
        _SERVER.value, _MODEL.value, _VERSION.value, _CA_CERTIFICATES.value,
        _token(),
    )  # fmt: skip
    # Under load a request that fails counts, and is not sent again.
    max_attempts = None if _LOAD_SECONDS.value is None else 1
    return connect(server, _TIMEOUT.value, _tell_once(), max_attempts)


def _tell_once():
    """A function that says why nothing happens, once, whichever thread calls it."""
    import tqdm

    from mnist_sum_tf import config

    may_tell = threading.Lock()

    def tell(error):
        if may_tell.acquire(blocking=False):
            reason = config.one_line(str(error))
            # Not across a progress bar.
            tqdm.tqdm.write(f"waiting for the server: {reason}", file=sys.stderr)

    return tell


def _token():
    from mnist_sum_tf import config

    if not _TOKEN_FILE.value:
        return os.environ.get("MNIST_SUM_TOKEN", "").strip() or None
    try:
        with open(_TOKEN_FILE.value) as file:
            token = file.read().strip()
        fault = None if token else "it is empty"
    except (OSError, UnicodeError) as error:
        fault = error
    if fault:
        raise config.UserError(
            "--token_file must be a file with a token. "
            f"Received: {_TOKEN_FILE.value} ({fault})"
        )
    return token


def _print_status(client):
    for version, state in sorted(client.versions().items()):
        print(f"version {version}   {state}")
    for name, signature in sorted(client.signatures().items()):
        inputs, outputs = (
            ", ".join(sorted(signature[key])) or "nothing"
            for key in ("inputs", "outputs")
        )
        print(f"{name}   {inputs} -> {outputs}")


def _print_load(client, paths):
    from mnist_sum_tf.serving import load

    ask = load.repeatable_request(
        client, paths, _SIGNATURE.value, _BATCH_SIZE.value
    )
    ask()
    measured = load.measure_load(
        ask, _CONCURRENCY.value, _LOAD_SECONDS.value
    )
    print(load.format_load(measured))
    sys.exit(1 if measured.num_failed else 0)


def _print_readings(client, paths, missing):
    from mnist_sum_tf import config, prediction_results
    from mnist_sum_tf.serving import queries

    answers, ends = _ask(client, paths)
    failures = [a.reason for a in answers if isinstance(a, queries.Failure)]
    readings = [a for a in answers if not isinstance(a, queries.Failure)]
    if _JSON.value:
        print(json.dumps([reading._asdict() for reading in readings], indent=2))
    elif readings:
        print(prediction_results.format_readings(readings))
    errors = [*missing, *failures, *ends]
    for reason in errors:
        print(f"error: {config.one_line(str(reason))}", file=sys.stderr)
    sys.exit(1 if errors else 0)


def _ask(client, paths) -> tuple[list, list]:
    """What was read, and the error that ended it, if one did."""
    import tqdm

    from mnist_sum_tf.serving import errors, queries

    answers = []
    with tqdm.tqdm(
        total=len(paths), unit="image", disable=len(paths) < 2, leave=False
    ) as bar:
        try:
            for answer in queries.query_files(
                client, paths, _SIGNATURE.value, _CONCURRENCY.value, bar.update
            ):
                answers.append(answer)
        except errors.ServingError as error:
            return answers, [error]
    return answers, []


if __name__ == "__main__":
    cli.run(main, takes_files=True, waits_for_threads=False)
