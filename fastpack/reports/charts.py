"""Figures of a corpus: the tables that are drawn, with titles and descriptions."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

Kind = Literal[
    "documents-cut",
    "padding",
    "sequences",
    "cuts",
    "documents-per-sequence",
    "space-left",
]

NAMES = {
    "concatenate": "concatenation",
    "truncate": "one document each",
    "best_fit": "best-fit",
}
"""Strategies, as people read them."""

_SINGLE_CLASSES = 24
"""Up to so many documents in a sequence, each number is a class of its own."""


class Chart(NamedTuple):
    """Numbers that are drawn: the table has what the chart shows, and names its axes.

    `description` says in a sentence what is to be seen, for who cannot see it.
    `context_length` is None where the figure is of several.
    """

    kind: Kind
    title: str
    description: str
    table: pl.DataFrame
    context_length: int | None = None

    @property
    def name(self) -> str:
        """What tells it from the other figures of a report: it names files."""
        suffix = "" if self.context_length is None else f"-{self.context_length}"
        return self.kind + suffix


def sweep_figures(table: pl.DataFrame, n_documents: int) -> list[Chart]:
    """Draw documents cut, padding and sequences over the context length."""
    capacity = pl.col("context_length") * pl.col("n_bins")
    table = table.with_columns(
        cut_percent=100 * pl.col("documents_cut") / n_documents,
        padding_percent=100 * pl.col("padding") / capacity,
    ).pivot("strategy", index="context_length")
    length = pl.col("context_length").alias("context length")
    cut = table.select(
        length,
        pl.col("cut_percent_concatenate").alias("concatenation, %"),
        pl.col("cut_percent_best_fit").alias("best-fit, %"),
        pl.col("documents_cut_concatenate").alias("concatenation"),
        pl.col("documents_cut_unnecessarily_concatenate").alias("of which fit"),
        pl.col("documents_cut_best_fit").alias("best-fit"),
    )
    padding = table.select(
        length,
        pl.col("padding_percent_concatenate").alias("concatenation, %"),
        pl.col("padding_percent_best_fit").alias("best-fit, %"),
        pl.col("padding_concatenate").alias("concatenation"),
        pl.col("padding_best_fit").alias("best-fit"),
    )
    sequences = table.select(
        length,
        pl.col("n_bins_concatenate").alias("concatenation"),
        pl.col("n_bins_best_fit").alias("best-fit"),
        pl.col("n_bins_truncate").alias("one document each"),
        (100 * pl.col("n_bins_over_concatenation_best_fit")).alias(
            "best-fit over concatenation, %"
        ),
    )
    return [
        Chart(
            "documents-cut",
            "Documents cut, by context length",
            _ends(cut, "concatenation, %", "Concatenation cuts", "of the documents")
            + _ends(cut, "best-fit, %", "Best-fit packing", "of them"),
            cut,
        ),
        Chart(
            "padding",
            "Padding, by context length",
            _ends(padding, "best-fit, %", "Best-fit packing pads", "of the capacity")
            + _ends(padding, "concatenation, %", "Concatenation", "of it"),
            padding,
        ),
        Chart(
            "sequences",
            "Sequences, by context length",
            _ends(sequences, "best-fit", "Best-fit packing makes", "sequences")
            + _ends(sequences, "concatenation", "Concatenation", ""),
            sequences,
        ),
    ]


def _ends(table: pl.DataFrame, column: str, does: str, what: str) -> str:
    """Say what a column is at the first context length, and at the last."""
    first, last = table.row(0, named=True), table.row(-1, named=True)
    unit = " %" if column.endswith("%") else ""

    def number(row: dict[str, Any]) -> str:
        return f"{row[column]:.3g}{unit}" if unit else f"{row[column]:,}"

    text = (
        f"{does} {number(first)} {what} at {first['context length']:,} tokens, "
        f"{number(last)} at {last['context length']:,}. "
    )
    return text.replace("  ", " ")


def cuts_chart(table: pl.DataFrame, capacity: int) -> Chart:
    """Draw the table of `fastpack.cuts`."""
    table = table.select(
        pl.Series("tokens", _labels(table["shortest"], table["longest"])),
        "documents",
        pl.col("concatenate").alias("concatenation"),
        pl.col("best_fit").alias("best-fit"),
    )
    by = {
        name: np.quantile(table[name].to_numpy(), [0, 1])
        for name in ("concatenation", "best-fit")
    }
    spans = [
        f"{least:,.3g} to {most:,.3g} by {name}" for name, (least, most) in by.items()
    ]
    return Chart(
        "cuts",
        "Cuts inside a document, by its length",
        "Cuts inside a document, on the average of its class: "
        + ", ".join(spans)
        + ".",
        table,
        capacity,
    )


def documents_figure(bins: pl.DataFrame, capacity: int) -> Chart:
    """Draw how many documents the bins of `bins_of` hold."""
    most = int(bins["chunks"].to_numpy().max())
    edges = list(range(1, most + 2))
    if most > _SINGLE_CLASSES:  # two classes to an octave
        octaves = range(2, most.bit_length() + 1)
        halves = [
            start for power in octaves for start in (2**power, 3 * 2 ** (power - 1))
        ]
        edges = [1, 2, 3, *(start for start in halves if start <= most), most + 1]
    table = _classes(bins, "chunks", edges, "documents in a sequence")
    return Chart(
        "documents-per-sequence",
        "Documents in a sequence",
        f"The most frequent number is {_top(table)}, the largest {most:,}.",
        table.drop("space"),
        capacity,
    )


def space_figure(bins: pl.DataFrame, capacity: int) -> Chart:
    """Draw the space left in the bins of `bins_of`."""
    edges = [0, *(2**power for power in range(capacity.bit_length())), capacity + 1]
    edges = sorted(set(edges))
    table = _classes(bins, "space", edges, "space left, tokens")
    full = table["sequences, %"][0] if table["space left, tokens"][0] == "0" else 0.0
    return Chart(
        "space-left",
        "Space left in sequences that are not full",
        f"{full:.4g} % of all sequences are full.",
        table.rename({"space": "padding tokens"}),
        capacity,
    )


def _classes(
    bins: pl.DataFrame, column: str, edges: list[int], name: str
) -> pl.DataFrame:
    """Count bins by classes of a column, from each edge to the next; no empty ends."""
    values = bins[column].to_numpy()
    places = np.searchsorted(edges, values, side="right") - 1
    counts = bins["bins"].to_numpy()
    size = len(edges) - 1
    sequences, space = np.zeros((2, size), np.int64)
    np.add.at(sequences, places, counts)
    np.add.at(space, places, counts * bins["space"].to_numpy())
    used = np.flatnonzero(sequences)
    there = slice(int(used[0]), int(used[-1]) + 1)
    labels = _labels(edges[:-1], [edge - 1 for edge in edges[1:]])
    return pl.DataFrame(
        {
            name: labels[there],
            "sequences": sequences[there],
            "sequences, %": 100 * sequences[there] / sequences.sum(),
            "space": space[there],
        }
    )


def _labels(
    first: Sequence[int] | pl.Series, last: Sequence[int] | pl.Series
) -> list[str]:
    return [
        f"{low:,}" if low == high else f"{low:,} - {high:,}"
        for low, high in zip(first, last, strict=True)
    ]


def _top(table: pl.DataFrame) -> str:
    return str(table.sort("sequences", descending=True)[table.columns[0]][0])
