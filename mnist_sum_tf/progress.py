"""Progress bars: drawn over and over in a terminal, a line now and then in a log."""

import sys

import tqdm

LOG_SECONDS = 10  # between two lines where standard error is not a terminal


def progress_bar(*args, **kwargs) -> tqdm.tqdm:
    """A `tqdm.tqdm` on standard error, of the same arguments.

    Where that is not a terminal, it shows nothing in its first `LOG_SECONDS`.
    """
    if sys.stderr and sys.stderr.isatty():
        return tqdm.tqdm(*args, dynamic_ncols=True, **kwargs)
    return tqdm.tqdm(
        *args,
        file=_Lines(sys.stderr),
        mininterval=LOG_SECONDS,
        delay=LOG_SECONDS,
        maxinterval=10 * LOG_SECONDS,
        **kwargs,
    )


class _Lines:
    """A stream that turns what is drawn over itself into lines."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text: str) -> None:
        if self._stream and (line := text.strip()):
            print(line, file=self._stream, flush=True)

    def flush(self) -> None:
        pass
