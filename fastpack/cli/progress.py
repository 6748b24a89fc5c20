"""Progress of the passes over many files: bars on a terminal, lines elsewhere.

A search has a bar on a terminal, and nothing elsewhere.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fastpack.cli.printing import say
from fastpack.files.passes import PackingProgress, ProgressCallback
from fastpack.options import PackingOptions
from fastpack.packing.optimal.place import SearchProgress
from fastpack.packing.placement import OnProgress
from fastpack.packing.plan import PackingPlan

_LINE_SECONDS = 10.0
"""The least time between two lines, if there is no terminal."""


@contextmanager
def showing_progress(*, is_quiet: bool) -> Iterator[ProgressCallback]:
    """Show a bar for each pass on a terminal, lines elsewhere, nothing if quiet."""
    console = Console(stderr=True, highlight=False)
    if is_quiet:
        yield lambda _: None
    elif console.is_terminal:
        with Progress(
            TextColumn("{task.description:6}"),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(compact=True),
            console=console,
        ) as bars:
            yield _Bars(bars).report
    else:
        yield _Lines(console).report


@contextmanager
def showing_search(
    options: PackingOptions, *, is_quiet: bool = False
) -> Iterator[OnProgress]:
    """Show how far the search for a plan has come, if there is one to be seen."""
    console = Console(stderr=True, highlight=False)
    if is_quiet or options.strategy == "best_fit" or not console.is_terminal:
        yield lambda _: None
        return
    with Progress(
        TextColumn("search"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
    ) as bars:
        task = bars.add_task("", total=None)

        def report(found: SearchProgress) -> None:
            text = f"{found.n_bins:,} sequences, {_above_bound(found.gap)}"
            bars.update(task, description=text)

        yield report
        bars.update(task, total=1, completed=1)


def say_unfinished(plans: Iterable[PackingPlan]) -> None:
    """Say which searches the clock has ended."""
    for plan in plans:
        certificate = plan.certificate
        if certificate is not None and certificate.ended_by == "time":
            say(
                f"the search at {plan.options.context_length:,} tokens was ended by "
                f"--time-limit, {_above_bound(certificate.gap)}: a longer one may give "
                "fewer sequences"
            )


def _above_bound(gap: float) -> str:
    return f"{100 * gap:.3g} % above the bound"


class _Rate:
    """The documents a second of a pass, from its first report on."""

    def __init__(self, first: PackingProgress) -> None:
        self._first = first
        self._start = time.monotonic()

    def describe(self, progress: PackingProgress) -> str:
        """Say how far the pass has come, and how fast it is."""
        seconds = time.monotonic() - self._start
        documents = progress.documents - self._first.documents
        if progress.gap is not None:
            return _above_bound(progress.gap)
        what = "blocks" if progress.step in {"plan", "pack"} else "sources"
        text = (
            f"{progress.shards:,} of {progress.n_shards:,} {what}, "
            f"{progress.documents:,} documents"
        )
        if documents and seconds > 0:
            text += f" ({documents / seconds:,.0f}/s)"
        return text


class _Bars:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._passes: dict[str, _Rate] = {}
        self._tasks: dict[str, TaskID] = {}

    def report(self, progress: PackingProgress) -> None:
        if progress.step not in self._passes:
            self._passes[progress.step] = _Rate(progress)
            self._tasks[progress.step] = self._bars.add_task(
                progress.step, total=None, text=""
            )
        done, of_all = progress.n_bytes, progress.all_bytes
        if progress.step == "plan":
            done, of_all = progress.shards, progress.n_shards
        # How long one search takes is not known.
        is_known = progress.step != "plan" or of_all > 1 or done
        self._bars.update(
            self._tasks[progress.step],
            completed=done,
            total=of_all if is_known else None,
            text=self._passes[progress.step].describe(progress),
        )


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._passes: dict[str, _Rate] = {}
        self._last = time.monotonic()

    def report(self, progress: PackingProgress) -> None:
        rate = self._passes.setdefault(progress.step, _Rate(progress))
        now = time.monotonic()
        is_last = progress.shards == progress.n_shards
        if is_last or now - self._last >= _LINE_SECONDS:
            self._last = now
            text = f"{progress.step}: {rate.describe(progress)}"
            self._console.print(text, markup=False, soft_wrap=True)
