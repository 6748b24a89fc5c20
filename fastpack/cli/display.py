"""What the commands print for people: tables, on stderr."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from fastpack.cli.demo import Demo
from fastpack.options import PackingOptions
from fastpack.packing.plan import PackingPlan


def show_plan(plan: PackingPlan) -> None:
    """Print the figures of a packing."""
    rows = [
        ("documents", f"{plan.n_documents:,}"),
        ("  empty", f"{plan.documents_empty:,}"),
        ("  cut", f"{plan.documents_cut:,}"),
        ("  dropped", f"{plan.documents_dropped:,}"),
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
        f"{figures[f'chunks_per_bin_{name}']:,.6g}"
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
            ("sequences", "n_bins"),
            ("padding (tokens)", "padding"),
            ("documents cut", "documents_cut"),
            ("  that would have fitted whole", "documents_cut_unnecessarily"),
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
