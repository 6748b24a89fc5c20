"""The tables that the commands print for people."""

import sys
from typing import Any, NamedTuple, TextIO

import polars as pl
from rich.console import Console
from rich.table import Table

from fastpack.files.token_account import TokenAccount
from fastpack.options import PackingOptions
from fastpack.packing.account import as_percentage
from fastpack.packing.plan import PackingPlan
from fastpack.reports.compare import STRATEGY_NAMES

_PLAN = {
    "n_documents": "documents",
    "documents_empty": "  empty",
    "documents_cut": "  cut",
    "documents_dropped": "  dropped",
    "n_tokens": "tokens",
    "packed": "  packed",
    "truncated": "  truncated",
    "dropped": "  dropped",
    "n_chunks": "chunks",
    "n_bins": "sequences",
    "lower_bound": "  lower bound",
    "extra": "extra (tokens)",
    "alignment": "alignment (tokens)",
    "padding": "padding (tokens)",
    "efficiency": "efficiency",
}
"""Labels of the figures of a plan, in the order in which they are printed."""

_BLOCKS = {
    "n_blocks": "blocks",
    "bins_added_by_blocks": "  sequences added by them",
}
"""Labels of the figures that an account of blocks has beside those of a plan."""

_ONLY_BY_RULES = {"extra", "alignment"}
"""Figures that are 0 without a rule, and then not printed."""

_QUALITY = {
    "gap": "more than the lower bound",
    "gap_share": "  share of the bound",
    "bins_not_full": "not full",
    "bins_not_full_share": "  of all",
    "chunks_per_bin_mean": "chunks a sequence: mean",
    "chunks_per_bin_median": "  median",
    "chunks_per_bin_p99": "  99 % have at most",
    "chunks_per_bin_max": "  most",
    "iterations": "linear programs solved",
    "seconds": "  in seconds",
    "ended_by": "search ended by",
}

_NO_SHARES = {"chunks_per_bin_mean", "seconds"}
"""Figures with fractions that are not of a whole."""

_COMPARISON = {
    "n_bins": "sequences",
    "n_bins_over_concatenation": "  over concatenation",
    "padding": "padding (tokens)",
    "efficiency": "efficiency",
    "documents_cut": "documents cut",
    "documents_cut_unnecessarily": "  of which fit",
    "cuts": "cuts",
    "tokens_left_out": "tokens left out",
}

_DEMO = {
    "n_bins": "sequences",
    "padding": "padding (tokens)",
    "documents_cut": "documents cut",
    "documents_cut_unnecessarily": "  that would have fitted whole",
}

_WIDTH = 10_000
"""Characters of a line, on a terminal too: a narrow one wraps it, no number is cut."""


class PrintedTable(NamedTuple):
    """A table for people: its title, and rows that start with a label.

    `header` names the columns after the label, or is empty.
    """

    title: str
    rows: list[tuple[str, ...]]
    header: tuple[str, ...] = ()


def print_tables(*tables: PrintedTable, stream: TextIO | None = None) -> None:
    """Print tables to a stream, which is stdout if none is given."""
    # Not as a default: sys.stdout may be redirected later.
    console = Console(
        file=stream or sys.stdout, highlight=False, markup=False, width=_WIDTH
    )
    for title, rows, header in tables:
        table = Table("", show_header=bool(header))
        for name in header or rows[0][1:]:
            table.add_column(name, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        console.print(title)
        console.print(table)


def plan_table(plan: PackingPlan | TokenAccount) -> PrintedTable:
    """Lay out the figures of a packing."""
    figures = plan.figures()
    return PrintedTable(
        f"Packed into sequences of {plan.options.context_length:,} tokens",
        [
            (label, _as_text(figures[name]))
            for name, label in {**_PLAN, **_BLOCKS}.items()
            if name in figures and (figures[name] or name not in _ONLY_BY_RULES)
        ],
    )


def account_tables(account: PackingPlan | TokenAccount) -> list[PrintedTable]:
    """Lay out the figures of a packing, and how it was searched for if it was."""
    tables = [plan_table(account)]
    if isinstance(account, PackingPlan) and (certificate := account.certificate):
        rows: list[tuple[str, ...]] = [
            ("more than the lower bound", _as_text(certificate.gap)),
            ("ended by", certificate.ended_by),
        ]
        tables.append(PrintedTable("Search", rows))
    return tables


def quality_table(figures: dict[str, Any]) -> PrintedTable:
    """Lay out the figures of `fastpack.quality`."""
    shown = {name: figure for name, figure in figures.items() if figure is not None}
    for name in _NO_SHARES & shown.keys():
        shown[name] = f"{shown[name]:,.6g}"
    return PrintedTable(
        "Sequences",
        [
            (label, _as_text(shown[name]))
            for name, label in _QUALITY.items()
            if name in shown
        ],
    )


def comparison_tables(comparison: pl.DataFrame) -> list[PrintedTable]:
    """Lay out strategies side by side, a table a context length."""
    return [
        _side_by_side(
            f"Sequences of {part['context_length'][0]:,} tokens", part, _COMPARISON
        )
        for part in comparison.partition_by("context_length", maintain_order=True)
    ]


def verification_tables(
    figures: dict[str, Any], options: PackingOptions
) -> list[PrintedTable]:
    """Lay out the figures of `fastpack.verify`, and what it could not check."""
    seen = PrintedTable(
        f"A valid packing into sequences of {options.context_length:,} tokens",
        [
            (_label(name), _as_text(value))
            for name, value in figures.items()
            if name != "unchecked"
        ],
    )
    unchecked: list[tuple[str, ...]] = [(text,) for text in figures["unchecked"]]
    return [seen, PrintedTable("Not checked", unchecked)] if unchecked else [seen]


def demo_table(plan: PackingPlan, comparison: pl.DataFrame) -> PrintedTable:
    """Lay out concatenation and best-fit side by side."""
    title = (
        f"{plan.n_documents:,} documents, {plan.n_tokens:,} tokens, "
        f"sequences of {plan.options.context_length:,}"
    )
    beside = comparison.filter(pl.col("strategy") != "truncate")
    return _side_by_side(title, beside, _DEMO)


def _side_by_side(
    title: str, comparison: pl.DataFrame, labels: dict[str, str]
) -> PrintedTable:
    """Lay out columns of a comparison as rows, its strategies as columns."""
    return PrintedTable(
        title,
        [
            (label, *map(_as_text, comparison[name].to_list()))
            for name, label in labels.items()
        ],
        header=tuple(STRATEGY_NAMES[name] for name in comparison["strategy"]),
    )


def _label(name: str) -> str:
    """Return a label for people: a bin is a sequence."""
    words = name.removeprefix("n_").replace("bin", "sequence")
    return words.replace("_", " ")


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return as_percentage(value) if isinstance(value, float) else f"{value:,}"
