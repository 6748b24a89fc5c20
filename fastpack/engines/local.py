"""Local: processes of this machine; the number of its processors.

Threads share all memory, and are the default of `pack_files`. Processes serve where
Python itself takes the time, as in expressions that call it.
"""

import multiprocessing
import os
import pickle
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from fastpack.errors import OptionError, OptionTypeError

_Result = TypeVar("_Result")

POLARS_THREADS = "POLARS_MAX_THREADS"
"""The variable of the environment that Polars takes its number of threads from."""


def process_executor(*, workers: int | None = None) -> "ProcessExecutor":
    """Return an executor of processes, which are spawned: Polars hangs after a fork.

    Call it below ``if __name__ == "__main__":``, as all that spawns processes. The loss
    of a process ends the run, by EngineError; the same run again goes on.

    Parameters
    ----------
    workers
        The number of processes; None is one for each processor. They share the
        processors: each process has its part of them as threads of Polars.

    Returns
    -------
    concurrent.futures.Executor
        To be closed, best by ``with``.

    Raises
    ------
    OptionError, OptionTypeError
        `workers` cannot be right.

    Examples
    --------
    ::

        with fastpack.engines.process_executor(workers=8) as executor:
            fastpack.pack_files(
                "corpus/", "out/", context_length=8192, executor=executor
            )
    """
    check_workers(workers)
    return ProcessExecutor(workers or n_processors())


class ProcessExecutor(ProcessPoolExecutor):
    """Processes, to which values are handed in files.

    Parameters
    ----------
    n_workers
        The number of processes.

    Attributes
    ----------
    n_workers
        As above.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._folder = tempfile.TemporaryDirectory(prefix="fastpack-")
        self._n_values = 0
        super().__init__(
            n_workers,
            multiprocessing.get_context("spawn"),
            _limit_polars,
            (polars_threads(n_workers),),
        )

    def put(self, value: Any) -> "_Stored":
        """Write a value to a file, which each process reads once."""
        path = Path(self._folder.name, str(self._n_values))
        self._n_values += 1
        path.write_bytes(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
        return _Stored(str(path))

    def submit(
        self, function: Callable[..., _Result], /, *arguments: Any, **keywords: Any
    ) -> "Future[_Result]":
        """Have a process call ``function(*arguments, **keywords)``."""
        return super().submit(_call, function, arguments, keywords)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 -- as the base class has it
        """Wait for the calls, or cancel them; end the processes."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        self._folder.cleanup()


class _Stored(NamedTuple):
    """Stands for a value that was put into a file."""

    path: str


def _limit_polars(threads: str) -> None:
    os.environ[POLARS_THREADS] = threads  # read when Polars is imported


def _call(
    function: Callable[..., _Result],
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
) -> _Result:
    loaded = (_load(each) if isinstance(each, _Stored) else each for each in arguments)
    return function(*loaded, **keywords)


@lru_cache(maxsize=2)  # what all calls share, and the plan of a block
def _load(stored: _Stored) -> Any:
    return pickle.loads(Path(stored.path).read_bytes())  # noqa: S301 -- our own


def check_workers(workers: object) -> None:
    """Refuse a value that is neither a number of workers nor None."""
    hint = "Hint: None is one for each processor."
    if workers is None:
        return
    if not isinstance(workers, int) or isinstance(workers, bool):
        msg = f"`workers` must be an integer, got {workers!r}\n{hint}"
        raise OptionTypeError(msg)
    if workers < 1:
        msg = f"`workers` must be at least 1, got {workers}\n{hint}"
        raise OptionError(msg)


def n_processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def polars_threads(workers: int) -> str:
    """Return the threads of Polars for each of so many processes on one machine."""
    return os.environ.get(POLARS_THREADS, str(max(1, n_processors() // workers)))
