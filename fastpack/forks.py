"""Forks: a child that was forked after Polars has run would hang; it is refused.

The threads of Polars do not live on in a child, which then waits for them. That can be
known before a fork alone, so ``import fastpack`` has it watched. It costs 0.1 ms a
fork, and nothing where processes are spawned.
"""

import os
import re
import threading
import time
from contextlib import suppress
from pathlib import Path

from fastpack.errors import ForkedProcessError, OptionError

_TASKS = Path("/proc/self/task")
"""The threads of this process, on Linux. Elsewhere processes are spawned by default."""

_THREAD = re.compile(r"polars-\d|async-executor")
"""The beginning of the names of threads that Polars starts at its first query."""

_PAUSES = 20
"""Milliseconds to wait at most for new threads to have their names: until it runs for
the first time, a thread has that of the one that started it."""

_others: set[str] = set()
"""The numbers of threads that have had no name of their own after that."""

_has_run = False
"""Whether Polars had run at the last fork."""

_is_broken = False
"""Whether this process was forked after that."""


def refuse_forked() -> None:
    """Refuse to go on in a child that would hang."""
    if _is_broken:
        msg = (
            "this process was forked after Polars had run: Polars would hang in it\n"
            "Hint: spawn processes: multiprocessing.get_context('spawn')."
        )
        raise ForkedProcessError(msg)


def refuse_forking(executor: object) -> None:
    """Refuse an executor that forks its workers; they would hang."""
    # A private name, as there is no other way to ask; it has it since Python 3.7.
    context = getattr(executor, "_mp_context", None)
    if context is not None and context.get_start_method() == "fork":
        msg = (
            "`executor` forks its processes, and Polars would hang in them\n"
            "Hint: spawn them: ProcessPoolExecutor(mp_context="
            "multiprocessing.get_context('spawn')); or leave it out, for threads."
        )
        raise OptionError(msg)


def _look() -> None:
    global _has_run  # noqa: PLW0603 -- one a process
    names = _names()
    for _ in range(_PAUSES):
        if not _without_names(names):
            break
        time.sleep(0.001)
        names = _names()
    _others.update(_without_names(names))
    _has_run = any(map(_THREAD.match, names.values()))


def _names() -> dict[str, str]:
    """Return the name of each thread, by its number; none if this is not Linux."""
    names = {}
    with suppress(OSError):
        for task in _TASKS.iterdir():
            with suppress(OSError):  # it has just ended
                names[task.name] = (task / "comm").read_text()
    return names


def _without_names(names: dict[str, str]) -> set[str]:
    """Return the threads, except those of Python, that are called as the process."""
    of_process = names.get(str(os.getpid()))
    of_python = {str(thread.native_id) for thread in threading.enumerate()}
    called_so = {number for number, name in names.items() if name == of_process}
    return called_so - of_python - _others


def _mark() -> None:
    global _is_broken  # noqa: PLW0603 -- one a process
    _is_broken = _is_broken or _has_run


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_look, after_in_child=_mark)
