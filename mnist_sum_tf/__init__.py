"""Reads the sum of four handwritten digits from one grey image of 40x168."""

__version__ = "0.1.0"
