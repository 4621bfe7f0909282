"""Reads the sum of four handwritten digits through a model server.

Examples:
    python scripts/query_server.py exported_models/samples
    python scripts/query_server.py photo.jpg --server=grpc://localhost:8500
    python scripts/query_server.py --status
    python scripts/query_server.py exported_models/samples --concurrency=8 \\
        --load_seconds=10
"""

import cli
from absl import flags

from mnist_sum_tf.serving.addresses import MODEL_NAME
from mnist_sum_tf.user_errors import UserError

LONGEST_SECONDS = 86_400  # A day; the system's timers end somewhere beyond.

_SERVER = flags.DEFINE_string(
    "server",
    "http://localhost:8501",
    "http:// or https:// for REST, grpc:// "
    "or grpcs:// (encrypted) for gRPC; a path before /v1/models may follow.",
)
_MODEL = flags.DEFINE_string("model", MODEL_NAME, "The model's name there.")
_VERSION = flags.DEFINE_integer(
    "version", None, "The model's version; by default the newest.", 0, 2**63 - 1
)
_SIGNATURE = flags.DEFINE_enum(
    "signature",
    "serving_bytes",
    ["serving_bytes", "serving_default"],
    "Send the files as they are, or as canvases of 40x168 pixels.",
)
_JSON = flags.DEFINE_bool(
    "json", False, "Print a list of {path, digits, sum, probability} instead."
)
_STATUS = flags.DEFINE_bool(
    "status", False, "Print the model's versions and signatures instead."
)
_TIMEOUT = flags.DEFINE_float(
    "timeout_seconds", 30.0, "For each request, including its retries.", 0.001
)
_CONCURRENCY = flags.DEFINE_integer("concurrency", 1, "Requests at a time.", 1, 1000)
_LOAD_SECONDS = flags.DEFINE_float(
    "load_seconds",
    None,
    "Run a load test with the first images, and print throughput and latency instead.",
    0.0,
)
_BATCH_SIZE = flags.DEFINE_integer(
    "load_batch_size", 1, "Images in each request under load.", 1, 32
)
_CA_CERTIFICATES = flags.DEFINE_string(
    "ca_certificates", None, "A PEM file of trusted certificate authorities."
)
_TOKEN_FILE = flags.DEFINE_string(
    "token_file",
    None,
    "A file with a bearer token for a proxy; by default "
    "the environment's MNIST_SUM_TOKEN.",
)


# Flags that `--status` does not use.
_OF_IMAGES = (_SIGNATURE, _JSON, _CONCURRENCY, _LOAD_SECONDS, _BATCH_SIZE)


def main(argv):
    _check_flags(argv)
    try:
        from mnist_sum_tf.serving.query import QueryConfig, query_and_report
    except ImportError as error:
        if (error.name or "").startswith("mnist_sum_tf"):
            raise
        raise UserError(
            "query_server.py needs pip install -e '.[serving]'. "
            f"Received: no module {error.name}"
        ) from None
    settings = QueryConfig(
        server=_SERVER.value,
        model=_MODEL.value,
        version=_VERSION.value,
        signature=_SIGNATURE.value,
        as_json=_JSON.value,
        shows_status=_STATUS.value,
        timeout_seconds=_TIMEOUT.value,
        concurrency=_CONCURRENCY.value,
        load_seconds=_LOAD_SECONDS.value,
        load_batch_size=_BATCH_SIZE.value,
        ca_certificates=_CA_CERTIFICATES.value,
        token_file=_TOKEN_FILE.value,
    )
    return 0 if query_and_report(argv[1:], settings) else 1


def _check_flags(argv) -> None:
    for flag in (_TIMEOUT, _LOAD_SECONDS):
        # Written so that NaN is refused as well.
        if flag.value is not None and not flag.value <= LONGEST_SECONDS:
            raise UserError(
                f"--{flag.name} must be a number of seconds up to {LONGEST_SECONDS}. "
                f"Received: {flag.value}"
            )
    beside = [f"--{flag.name}" for flag in _OF_IMAGES if flag.present] + argv[1:]
    if _STATUS.value and beside:
        raise UserError(
            "--status asks for nothing but the versions and signatures. Received: "
            f"{' '.join(['--status', *beside])}"
        )
    if _LOAD_SECONDS.value is not None and _JSON.value:
        raise UserError(
            "--load_seconds prints a table and cannot be combined with --json. Received: "
            f"--load_seconds={_LOAD_SECONDS.value} --json"
        )
    if _BATCH_SIZE.present and _LOAD_SECONDS.value is None:
        raise UserError(
            f"--{_BATCH_SIZE.name} requires --load_seconds. Received: "
            f"--{_BATCH_SIZE.name}={_BATCH_SIZE.value} alone"
        )
    if not (_STATUS.value or argv[1:]):
        raise UserError(
            "query_server.py needs image files: query_server.py IMAGE... Received: none"
        )


if __name__ == "__main__":
    cli.run(main, takes_files=True, waits_for_threads=False)
