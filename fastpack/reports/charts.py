"""Charts of a corpus: the tables that are drawn, with titles and descriptions."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from fastpack.reports.compare import STRATEGY_NAMES, Strategy

Kind = Literal["documents-cut", "cuts", "documents-per-sequence"]

_SINGLE_CLASSES = 24
"""Up to so many documents in a sequence, each number is a class of its own."""


class Chart(NamedTuple):
    """Numbers that are drawn, one row a place on the horizontal axis.

    Parameters
    ----------
    kind
        The kind of chart.
    title
        The title.
    description
        Alternative text, for readers who do not see the chart: a sentence or two.
    table
        The numbers, those that are drawn and others, with names for people.
    x, x_title
        The column of the horizontal axis, and the title of this axis.
    y_title
        The title of the vertical axis, with the unit of the series.
    series
        The column that is drawn for each strategy.
    context_length
        L in tokens; None for a chart over several context lengths.
    """

    kind: Kind
    title: str
    description: str
    table: pl.DataFrame
    x: str
    x_title: str
    y_title: str
    series: dict[Strategy, str]
    context_length: int | None = None

    @property
    def name(self) -> str:
        """The name of the chart within a report, and of its file."""
        suffix = "" if self.context_length is None else f"-{self.context_length}"
        return self.kind + suffix


def cuts_chart(table: pl.DataFrame, context_length: int) -> Chart:
    """Tabulate cuts by the length of documents: the table of `fastpack.cuts`."""
    series: dict[Strategy, str] = {
        strategy: STRATEGY_NAMES[strategy] for strategy in ("concatenate", "best_fit")
    }
    spans = []
    for strategy, name in series.items():
        cuts = table[strategy].to_numpy()
        spans.append(f"{cuts.min():,.3g} to {cuts.max():,.3g} by {name}")
    return Chart(
        kind="cuts",
        title="Cuts inside a document, by its length",
        description=(
            "Cuts inside a document, on the average of its class: "
            + ", ".join(spans)
            + "."
        ),
        table=table.select(
            pl.Series("tokens", _labels(table["shortest"], table["longest"])),
            "documents",
            **{name: pl.col(strategy) for strategy, name in series.items()},
        ),
        x="tokens",
        x_title="tokens in the document",
        y_title="cuts (from 1 on, log scale)",
        series=series,
        context_length=context_length,
    )


def documents_chart(bins: pl.DataFrame, context_length: int) -> Chart:
    """Tabulate how many documents the bins of `bins_of` hold.

    Chunks are documents here: no bin holds two chunks of one document, as each chunk of
    a split document fills a bin, except the last.
    """
    chunks = bins["chunks"].to_numpy()
    most = int(chunks.max())
    edges = list(range(1, most + 2))
    if most > _SINGLE_CLASSES:  # two classes to an octave
        octaves = range(2, most.bit_length() + 1)
        halves = [
            start for power in octaves for start in (2**power, 3 * 2 ** (power - 1))
        ]
        edges = [1, 2, 3, *(start for start in halves if start <= most), most + 1]
    places = np.searchsorted(edges, chunks, side="right") - 1
    sequences, padding = np.zeros((2, len(edges) - 1), np.int64)
    np.add.at(sequences, places, bins["bins"].to_numpy())
    np.add.at(padding, places, (bins["bins"] * bins["space"]).to_numpy())
    used = slice(int(places.min()), None)  # the last class has the largest number
    x, y = "documents in a sequence", "sequences, %"
    table = pl.DataFrame(
        {
            x: _labels(edges[:-1], [edge - 1 for edge in edges[1:]])[used],
            "sequences": sequences[used],
            y: 100 * sequences[used] / sequences.sum(),
            "padding, tokens": padding[used],
        }
    )
    top = table.row(int(sequences[used].argmax()))[0]
    return Chart(
        kind="documents-per-sequence",
        title="Documents in a sequence",
        description=f"The most frequent number is {top}, the largest {most:,}.",
        table=table,
        x=x,
        x_title=x,
        y_title=y,
        series={"best_fit": y},
        context_length=context_length,
    )


def _labels(
    first: Sequence[int] | pl.Series, last: Sequence[int] | pl.Series
) -> list[str]:
    return [
        f"{low:,}" if low == high else f"{low:,} - {high:,}"
        for low, high in zip(first, last, strict=True)
    ]
