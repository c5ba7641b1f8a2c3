"""Work on a picture in bands of rows, on all cores, with memory for a few bands only.

NumPy lets go of Python's lock while it computes, so threads are enough. Each thread keeps one
scratch, made by the caller, for all of its bands.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Scratch = TypeVar("Scratch")

CHUNK_PIXELS = 1 << 15
"""Pixels computed at a time: a dozen float planes of that size stay in a core's cache."""

_ROWS = 256
_MOST_THREADS = 8


def chunk_rows(width: int) -> int:
    """Rows of a picture of that width that make one chunk, at least one."""
    return max(1, CHUNK_PIXELS // width)


def for_each_band(
    height: int,
    work: Callable[[int, int, Scratch], None],
    make_scratch: Callable[[], Scratch],
    done: Callable[[float], None],
) -> None:
    """Call work(first row, row after the last, scratch) for bands that cover the height.

    Args:
        work: called on several threads at once, each time with rows of its own.
        make_scratch: makes what one thread reuses.
        done: told on the caller's thread, after each band, the finished share 0..1.

    Raises:
        Whatever work raises; bands not yet begun are then dropped.
    """
    threads = min(_cores(), _MOST_THREADS)
    rows = max(1, min(_ROWS, -(-height // (2 * threads))))
    starts = range(0, height, rows)
    local = threading.local()

    def run(start: int) -> None:
        if not hasattr(local, "scratch"):
            local.scratch = make_scratch()
        work(start, min(start + rows, height), local.scratch)

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(run, start) for start in starts]
        try:
            for number, future in enumerate(futures, 1):
                future.result()
                done(number / len(futures))
        finally:
            for future in futures:
                future.cancel()


_limit = 0


def limit_threads(count: int) -> None:
    """Use at most so many threads from now on, in this process; 0 for all cores."""
    global _limit
    _limit = count


def _cores() -> int:
    """Cores that this process may use."""
    if _limit:
        return _limit
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
