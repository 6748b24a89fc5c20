"""What the commands print for people: tables and progress, on stderr."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from fastpack.demo import Demo
from fastpack.options import PackingOptions
from fastpack.passes import PackingProgress, Report
from fastpack.planning import PackingPlan

_LINE_SECONDS = 10.0
"""Where there is no terminal, a line at most that often."""


@contextmanager
def showing_progress(*, is_quiet: bool) -> Iterator[Report]:
    """Show a bar for each pass on a terminal, lines elsewhere; or nothing at all."""
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
    """How fast a pass is, from its first report on."""

    def __init__(self, first: PackingProgress) -> None:
        self._first = first
        self._start = time.monotonic()

    def describe(self, progress: PackingProgress) -> str:
        """Say how far the pass is."""
        seconds = time.monotonic() - self._start
        documents = progress.documents - self._first.documents
        text = (
            f"{progress.shards:,} of {progress.n_shards:,} sources, "
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


def show_plan(plan: PackingPlan) -> None:
    """Print the figures of a packing."""
    rows = [
        ("documents", f"{plan.n_documents:,}"),
        ("  empty", f"{plan.empty_documents:,}"),
        ("  cut", f"{plan.cut_documents:,}"),
        ("  dropped", f"{plan.dropped_documents:,}"),
        ("tokens", f"{plan.n_tokens:,}"),
        ("  packed", f"{plan.packed:,}"),
        ("  truncated", f"{plan.truncated:,}"),
        ("  dropped", f"{plan.dropped:,}"),
        ("chunks", f"{plan.n_chunks:,}"),
        ("sequences", f"{plan.n_bins:,}"),
        ("  lower bound", f"{plan.lower_bound:,}"),
        ("padding (tokens)", f"{plan.padding:,}"),
        ("efficiency", f"{100 * plan.efficiency:.6g} %"),
    ]
    title = f"Packed into sequences of {plan.options.context_length:,} tokens"
    _print_table(title, ["", ""], rows)


def show_quality(figures: dict[str, Any]) -> None:
    """Print how good a plan is."""
    per_bin = [
        f"{figures[f'documents_per_bin_{name}']:,.6g}"
        for name in ("mean", "median", "p99", "max")
    ]
    rows = [
        ("more than the lower bound", f"{figures['gap']:,}"),
        ("  of all", f"{100 * figures['gap_share']:.4g} %"),
        ("not full", f"{figures['bins_not_full']:,}"),
        ("  of all", f"{100 * figures['bins_not_full_share']:.4g} %"),
        *zip(
            ("documents in one: mean", "  median", "  99 % have at most", "  most"),
            per_bin,
            strict=True,
        ),
    ]
    _print_table("Sequences", ["", ""], rows)


def show_comparison(table: pl.DataFrame) -> None:
    """Print strategies side by side, a table a context length."""
    for part in table.partition_by("context_length", maintain_order=True):
        names = ["", *(name.replace("_", " ") for name in part["strategy"])]
        rows = [
            (name.replace("_", " "), *map(_as_text, part[name].to_list()))
            for name in part.columns[2:]
        ]
        title = f"Sequences of {part['context_length'][0]:,} tokens"
        _print_table(title, names, rows)


def show_verification(
    path: Path, figures: dict[str, Any], options: PackingOptions
) -> None:
    """Print what a verification saw."""
    rows = [
        (name.replace("_", " ").replace("n ", ""), _as_text(value))
        for name, value in figures.items()
    ]
    title = f"A valid packing into sequences of {options.context_length:,} tokens"
    _print_table(title, ["", ""], rows)
    print(f"verified {path}", file=sys.stderr)  # noqa: T201


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{100 * value:.6g} %" if isinstance(value, float) else f"{value:,}"


def show_demo(demo: Demo) -> None:
    """Print concatenation and best-fit side by side."""
    plan = demo.plan
    by_strategy = {row["strategy"]: row for row in demo.comparison.to_dicts()}
    figures = [
        (name, *(by_strategy[each][key] for each in ("concatenate", "best_fit")))
        for name, key in (
            ("sequences", "sequences"),
            ("padding (tokens)", "padding_tokens"),
            ("documents cut", "documents_truncated"),
            ("  that would have fitted whole", "documents_truncated_unnecessarily"),
        )
    ]
    title = (
        f"{plan.n_documents:,} documents, {plan.n_tokens:,} tokens, "
        f"sequences of {plan.options.context_length:,}"
    )
    rows = [
        (name, *(f"{number:,}" for number in numbers)) for name, *numbers in figures
    ]
    _print_table(title, ["", "concatenation", "best-fit"], rows)
    for path in (demo.documents, demo.assignment):
        print(f"wrote {path}", file=sys.stderr)  # noqa: T201


def _print_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Print a table for people, on stderr: stdout is for data."""
    table = Table(show_header=any(header))
    for number, name in enumerate(header):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(stderr=True, highlight=False)
    console.print(title, markup=False)
    console.print(table)
