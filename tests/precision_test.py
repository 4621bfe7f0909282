"""The precision that a flag names, or that suits the machine."""

import pytest

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


def test_an_unknown_precision_is_reported():
    with pytest.raises(UserError, match="--precision .* 'fp8'"):
        precision.resolve_precision("fp8")
