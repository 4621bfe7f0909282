"""The original's PyTorch checkpoints, to and from work directories."""

import sys

# PyTorch's optimizers look for Triton, whose import ends a process that has loaded
# TensorFlow in a segmentation fault (Triton 3, TensorFlow 2.21); they do without.
sys.modules.setdefault("triton", None)
