"""Threads that ask a server."""

import concurrent.futures
import contextlib


@contextlib.contextmanager
def thread_pool(num_threads: int):
    """A thread pool that waits for its threads, except on an error or Ctrl-C.

    Args:
        num_threads: how many at most.
    """
    pool = concurrent.futures.ThreadPoolExecutor(num_threads)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
