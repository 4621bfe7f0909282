"""The original's PyTorch checkpoints, to and from work directories."""
