"""The precision that a flag names, or that suits the machine."""

import pytest
import tensorflow as tf

from mnist_sum_tf.training import precision
from mnist_sum_tf.user_errors import UserError


def test_precision_follows_the_processor():
    for cpuinfo, fast in (
        ("vendor_id : GenuineIntel flags : avx512f avx512_bf16", False),
        ("vendor_id : GenuineIntel flags : avx512_bf16 amx_bf16", True),
        ("vendor_id : AuthenticAMD flags : avx512f avx512_bf16", True),
        ("vendor_id : AuthenticAMD flags : avx2", False),
    ):
        assert precision.has_fast_bfloat16(cpuinfo) is fast


@pytest.mark.parametrize(
    "capabilities, expected",
    [([(8, 0)], "mixed_bfloat16"), ([(8, 0), (7, 5)], "float32")],
)
def test_precision_follows_the_oldest_gpu(monkeypatch, capabilities, expected):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda capability: {"compute_capability": capability},
    )
    assert precision.resolve_precision("auto") == expected


def test_an_unknown_precision_is_reported():
    with pytest.raises(UserError, match="--precision .* 'fp8'"):
        precision.resolve_precision("fp8")
