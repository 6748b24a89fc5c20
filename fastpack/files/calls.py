"""Calls through an executor: what travels to its workers, and what comes back."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

from fastpack.engines.remote import LOST_HINT
from fastpack.errors import EngineError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_IN_FLIGHT = 256
"""Calls that the executor has at a time, at least: two for each of its workers, if it
says how many it has. More would only wait there, and take memory."""

_READERS = 16
"""Threads of the driver that read what workers wrote: a store takes 20 ms for each."""

Call: TypeAlias = tuple[Any, ...]
"""A number, a function that a worker can be sent, and its arguments."""


def hand_out(executor: Executor, value: Any) -> Any:
    """Hand a value to all workers once, if the executor can.

    Returns
    -------
    object
        The argument that stands for it in calls: the value itself if the executor
        pickles it for each.
    """
    return executor.put(value) if hasattr(executor, "put") else value


@contextmanager
def _naming_lost_workers() -> Iterator[None]:
    """Say what to do about the end of a worker, which ends its whole pool."""
    try:
        yield
    except BrokenExecutor as error:
        msg = f"the executor lost a worker: {error}\nHint: {LOST_HINT}"
        raise EngineError(msg) from error


@_naming_lost_workers()
def run_all(
    executor: Executor,
    calls: Iterable[Call],
    on_result: Callable[[int, Any], None],
) -> None:
    """Call ``function(*arguments)`` for each (number, function, *arguments) of `calls`.

    `on_result` is called with the number and the result of each, in the order in which
    they end. After a failure no more calls are started, and those that run are waited
    for. Then the failure of the smallest number is raised: the first in the order of
    the sources. Raises EngineError if a worker of a pool is lost.
    """
    running: dict[Future[Any], int] = {}
    ended: SimpleQueue[Future[Any]] = SimpleQueue()
    failures: dict[int, BaseException] = {}
    in_flight = max(_IN_FLIGHT, 2 * getattr(executor, "n_workers", 0))

    def take_one() -> None:
        nonlocal running
        future = ended.get()
        number = running.pop(future, None)
        if number is None:  # it was cancelled
            return
        error = future.exception()
        if error is None:
            on_result(number, future.result())
        else:
            failures[number] = error
            running = {f: n for f, n in running.items() if not f.cancel()}

    try:
        for number, *call in calls:
            future = executor.submit(*call)
            running[future] = number
            future.add_done_callback(ended.put)
            # Between two calls too: to prepare one may take as long as to run one.
            while not ended.empty() or len(running) == in_flight:
                take_one()
            if failures:
                break
        while running:
            take_one()
    finally:  # an interrupt, say
        wait([future for future in running if not future.cancel()])
    if failures:
        raise failures[min(failures)]


def read_ahead(
    function: Callable[[_Item], _Result], items: Iterable[_Item]
) -> Iterator[_Result]:
    """Give the result for each item, in order; threads compute the next ones."""
    threads = ThreadPoolExecutor(_READERS)
    ahead: deque[Future[_Result]] = deque()
    try:
        for item in items:
            ahead.append(threads.submit(function, item))
            if len(ahead) > _READERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        threads.shutdown(cancel_futures=True)
