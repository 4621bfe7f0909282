"""Threads that ask a server."""

import concurrent.futures
import contextlib


@contextlib.contextmanager
def thread_pool(num_threads: int):
    """A pool whose threads are waited for, but not where an error or Ctrl-C ends it.

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
