"""Threads: a function over parts of a corpus in memory, on all cores, in order.

The kernels do not hold the GIL. There is one pool for the process, with as many threads
as Polars has, so that packings at the same time share the cores; the caller's thread
does its share. Nothing that runs here may call `map_in_threads` itself.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import polars as pl

_Result = TypeVar("_Result")

ROWS_A_THREAD = 1 << 18
"""Rows that a further thread is worth: below, handing them over costs as much."""

_pool: ThreadPoolExecutor | None = None
_lock = threading.Lock()


def n_cores() -> int:
    """Return the number of threads that Polars has: all cores, or as it was told."""
    return pl.thread_pool_size()


def n_threads(n_rows: int) -> int:
    """Return the number of threads for so many rows."""
    return max(1, min(n_cores(), n_rows // ROWS_A_THREAD))


def map_in_threads(
    function: Callable[..., _Result], *arguments: Sequence[Any]
) -> list[_Result]:
    """Call a function for each position of the arguments, all at the same time.

    The first call is made by this thread. An exception of the first call that has one
    is raised, when all have ended.
    """
    first, *others = zip(*arguments, strict=True)
    futures = [_open_pool().submit(function, *other) for other in others]
    try:
        results = [function(*first)]
    finally:
        for future in futures:
            future.exception()  # waits
    return results + [future.result() for future in futures]


def _open_pool() -> ThreadPoolExecutor:
    global _pool  # noqa: PLW0603 -- one a process
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(
                max(1, n_cores() - 1), thread_name_prefix="fastpack"
            )
        return _pool


def _forget_pool() -> None:
    """Start anew in a forked child, which has none of the threads."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
