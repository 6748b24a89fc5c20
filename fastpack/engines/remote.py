"""RemoteExecutor: threads, each of which waits for one task of an engine.

The interface of executors then means what it says: a call that waits here can be
cancelled, one that the engine has is waited for. A thread costs 0.1 ms a task; engines
take 1 ms and more.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeVar

from fastpack.errors import EngineError, MissingExtraError

_Result = TypeVar("_Result")

RETRIES = 3
"""How often a task is run again if its worker is lost."""

LOST_HINT = (
    "is there enough memory for each? Run the same again to go on: what is complete is "
    "kept."
)
"""The hint against the loss of workers."""


class RemoteExecutor(ThreadPoolExecutor, ABC):
    """An executor whose calls are run by an engine.

    Parameters
    ----------
    n_workers
        The number of calls that the engine runs at a time. It has twice as many: a
        worker that is done need not wait for this process.

    Attributes
    ----------
    n_workers
        As above.
    """

    engine: str
    """Its name."""

    def __init__(self, n_workers: int) -> None:
        super().__init__(2 * n_workers, thread_name_prefix="fastpack-engine")
        self.n_workers = n_workers

    def submit(
        self, function: Callable[..., _Result], /, *arguments: Any, **keywords: Any
    ) -> "Future[_Result]":
        """Have the engine call ``function(*arguments, **keywords)``."""
        if keywords:  # engines have some of their own
            function = partial(function, **keywords)
        return super().submit(self._run, function, *arguments)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 -- as the base class has it
        """Wait for the calls, or cancel them; leave the engine."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        self._close()

    @abstractmethod
    def put(self, value: Any) -> Any:
        """Hand a value to all workers, once; return an argument that stands for it."""

    @abstractmethod
    def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Have the engine call a function; wait for the result, or raise its error."""

    def _lost_error(self, error: Exception) -> EngineError:
        """Return the error that the workers of a task were lost, once too often."""
        msg = (
            f"{self.engine} lost the workers of a task, time and again: {error}\n"
            f"Hint: {LOST_HINT}"
        )
        return EngineError(msg)

    @abstractmethod
    def _close(self) -> None:
        """Leave the engine, and end what was started for this executor."""


def check_extra(extra: str, package: str) -> None:
    """Raise MissingExtraError if the package of an extra is not installed."""
    if find_spec(package) is None:
        msg = (
            f"this engine needs the package {package}, which is not installed\n"
            f"Hint: pip install 'fastpack-llm[{extra}]'."
        )
        raise MissingExtraError(msg)


@contextmanager
def connecting(engine: str, address: str | None) -> Iterator[None]:
    """Name the address in errors about a cluster that cannot be reached."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        where = "could be started here" if address is None else f"is at {address!r}"
        msg = (
            f"no {engine} cluster {where}: {error}\n"
            "Hint: `address` is as the engine's own start-up prints it; leave it out "
            "for a local cluster."
        )
        raise EngineError(msg) from error
