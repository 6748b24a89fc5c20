"""Forks: a child that was forked after Polars has run would hang; it is refused.

The threads of Polars do not live on in a child, which then waits for them. That can be
known before a fork alone, so ``import fastpack`` has it watched. It costs 0.1 ms a
fork, and nothing where processes are spawned.
"""

import os
from pathlib import Path

from fastpack.errors import ForkedProcessError, OptionError

_TASKS = Path("/proc/self/task")
"""The threads of this process, on Linux. Elsewhere processes are spawned by default."""

_THREADS = ("polars-0", "async-executor")
"""The names of threads that Polars starts at its first query begin so."""

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
    try:
        names = [(task / "comm").read_text() for task in _TASKS.iterdir()]
    except OSError:  # no Linux, or a thread that has just ended
        return
    _has_run = any(name.startswith(_THREADS) for name in names)


def _mark() -> None:
    global _is_broken  # noqa: PLW0603 -- one a process
    _is_broken = _is_broken or _has_run


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_look, after_in_child=_mark)
