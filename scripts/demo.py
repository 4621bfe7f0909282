"""Serves a page to draw four digits on; a model reads them while you draw.

Examples:
    python scripts/demo.py
    python scripts/demo.py --backend=http://localhost:8501
    python scripts/demo.py --port=0 --model=exported_models/mine
"""

import cli
from absl import flags

_HOST = flags.DEFINE_string(
    "host", "127.0.0.1", "Address to listen at; 0.0.0.0 lets other machines in."
)
_PORT = flags.DEFINE_integer(
    "port", 8600, "Port to listen at; 0 takes a free one.", 0, 65535
)
_MODEL = flags.DEFINE_string(
    "model",
    None,
    "A SavedModel or a folder of its versions; by default the "
    "one that ships. Not with --backend.",
)
_BACKEND = flags.DEFINE_string(
    "backend",
    None,
    "A model server to ask instead: http://localhost:8501 or grpc://localhost:8500; "
    "a bearer token for a proxy may be in the environment's MNIST_SUM_TOKEN.",
)
_CA_CERTIFICATES = flags.DEFINE_string(
    "ca_certificates",
    None,
    "A PEM file of trusted certificate authorities, for --backend.",
)


def main(argv):
    del argv
    from mnist_sum_tf.demo import server
    from mnist_sum_tf.user_errors import UserError

    if _MODEL.value and _BACKEND.value:
        raise UserError(
            "Only one of --model and --backend may be given. "
            f"Received: {_MODEL.value} and {_BACKEND.value}"
        )
    if _CA_CERTIFICATES.value and not _BACKEND.value:
        raise UserError(
            "--ca_certificates requires --backend. Received: "
            f"--ca_certificates={_CA_CERTIFICATES.value} alone"
        )
    server.run_demo(
        server.DemoConfig(
            host=_HOST.value,
            port=_PORT.value,
            model=_MODEL.value or str(cli.SHIPPED_MODEL),
            backend=_BACKEND.value,
            ca_certificates=_CA_CERTIFICATES.value,
            examples=str(cli.SHIPPED_MODEL.parent / "photographs"),
        )
    )


if __name__ == "__main__":
    cli.run(main)
