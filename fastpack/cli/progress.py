"""Progress of the passes over many files: bars on a terminal, lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from fastpack.files.passes import PackingProgress, ProgressCallback

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


class _Rate:
    """The documents a second of a pass, from its first report on."""

    def __init__(self, first: PackingProgress) -> None:
        self._first = first
        self._start = time.monotonic()

    def describe(self, progress: PackingProgress) -> str:
        """Say how far the pass has come, and how fast it is."""
        seconds = time.monotonic() - self._start
        documents = progress.documents - self._first.documents
        what = "blocks" if progress.step == "pack" else "sources"
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
                progress.step, total=progress.all_bytes, text=""
            )
        self._bars.update(
            self._tasks[progress.step],
            completed=progress.n_bytes,
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
