"""A short form of `fuzz_readers.py`, whose 2,700 inputs are for by hand."""

import fuzz_readers


def test_damaged_files_and_flags_are_read_or_refused():
    counts, failures, memory = fuzz_readers.fuzz(270, seed=1)
    assert not failures
    assert sum(counts.values()) == 270
    assert memory < fuzz_readers.MAX_BYTES
    # Every kind of reader meets inputs that it refuses.
    readers = [reader.__name__ for reader in fuzz_readers.READERS]
    assert all(counts[name, "refused"] for name in readers)
