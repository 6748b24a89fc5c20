"""The sweep: context lengths between those chosen, and the charts over them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from fastpack.options import MAX_CONTEXT_LENGTH, PackingOptions
from fastpack.reports.charts import Chart, Kind
from fastpack.reports.compare import STRATEGY_NAMES, Strategy

SWEEP_STEPS = 13
"""Context lengths of the sweep, both ends among them."""


def sweep_of(chosen: Sequence[PackingOptions]) -> list[PackingOptions]:
    """Return options for context lengths from the shortest to the longest chosen.

    The context lengths ascend in equal ratios, with the chosen ones among them. Around
    a single one they go from a quarter of it to four times as much.
    """
    rules = chosen[0]
    lengths = [each.context_length for each in chosen]
    low, high = min(lengths), max(lengths)
    if low == high:
        least = -(-(rules.extra_tokens + rules.min_chunk) // rules.align) * rules.align
        # If long documents are refused, a shorter context might refuse the corpus.
        low = low if rules.long_documents == "error" else max(low // 4, least)
        high = min(high * 4, MAX_CONTEXT_LENGTH)
    steps = np.rint(np.geomspace(low, high, SWEEP_STEPS) / rules.align) * rules.align
    between = {int(step) for step in steps if low <= step <= high}
    return [
        replace(rules, context_length=each) for each in sorted({*lengths, *between})
    ]


class _Sweep(NamedTuple):
    """A chart over the context length: one measure, and numbers beside it.

    Parameters
    ----------
    kind, title, y_title
        As in `Chart`.
    measure, unit
        The measure that is drawn, and its unit, if it has one.
    strategies
        The strategies whose measure is drawn.
    beside
        Measures that are in the table alone, by their names for people.
    sentences
        The description, by strategy: `{}` is for the measure at the first context
        length. The one at the last is added.
    """

    kind: Kind
    title: str
    y_title: str
    measure: str
    unit: str
    strategies: tuple[Strategy, ...]
    beside: dict[str, str]
    sentences: dict[Strategy, str]


_SWEEPS = (
    _Sweep(
        "documents-cut",
        "Documents cut, by context length",
        "documents cut, %",
        measure="cut_share",
        unit="%",
        strategies=("concatenate", "best_fit"),
        beside={
            STRATEGY_NAMES["concatenate"]: "documents_cut_concatenate",
            "of which fit": "documents_cut_unnecessarily_concatenate",
            STRATEGY_NAMES["best_fit"]: "documents_cut_best_fit",
        },
        sentences={
            "concatenate": "Concatenation cuts {} of the documents",
            "best_fit": "Best-fit packing {} of them",
        },
    ),
    _Sweep(
        "padding",
        "Padding, by context length",
        "padding, % of the capacity",
        measure="padding_share",
        unit="%",
        strategies=("concatenate", "best_fit"),
        beside={
            STRATEGY_NAMES["concatenate"]: "padding_concatenate",
            STRATEGY_NAMES["best_fit"]: "padding_best_fit",
        },
        sentences={
            "best_fit": "Best-fit packing pads {} of the capacity",
            "concatenate": "Concatenation {} of it",
        },
    ),
    _Sweep(
        "sequences",
        "Sequences, by context length",
        "sequences",
        measure="n_bins",
        unit="",
        strategies=("concatenate", "best_fit", "truncate"),
        beside={"best-fit over concatenation, %": "n_bins_over_best_fit"},
        sentences={
            "best_fit": "Best-fit packing makes {} sequences",
            "concatenate": "Concatenation {}",
        },
    ),
)


def sweep_charts(comparison: pl.DataFrame, n_documents: int) -> list[Chart]:
    """Tabulate documents cut, padding and sequences over the context length.

    Parameters
    ----------
    comparison
        The table of `fastpack.compare`, of all strategies.
    n_documents
        The documents of the corpus, at least 1.
    """
    capacity = pl.col("context_length") * pl.col("n_bins")
    measures = comparison.with_columns(
        cut_share=100 * pl.col("documents_cut") / n_documents,
        padding_share=100 * pl.col("padding") / capacity,
        n_bins_over=100 * pl.col("n_bins_over_concatenation"),
    ).pivot("strategy", index="context_length")
    return [_sweep_chart(sweep, measures) for sweep in _SWEEPS]


def _sweep_chart(sweep: _Sweep, measures: pl.DataFrame) -> Chart:
    """Return a chart of `measures`: a row a context length, `measure_strategy`."""
    x = "context length"
    ending = f", {sweep.unit}" if sweep.unit else ""
    series = {each: STRATEGY_NAMES[each] + ending for each in sweep.strategies}
    columns = {name: f"{sweep.measure}_{each}" for each, name in series.items()}
    columns |= sweep.beside
    table = measures.select(
        pl.col("context_length").alias(x),
        **{name: pl.col(column) for name, column in columns.items()},
    )
    first, last = table.row(0, named=True), table.row(-1, named=True)

    def number(row: dict[str, Any], strategy: Strategy) -> str:
        value = row[series[strategy]]
        return f"{value:.3g} {sweep.unit}" if sweep.unit else f"{value:,}"

    described = [
        f"{sentence.format(number(first, strategy))} at {first[x]:,} tokens, "
        f"{number(last, strategy)} at {last[x]:,}."
        for strategy, sentence in sweep.sentences.items()
    ]
    return Chart(
        kind=sweep.kind,
        title=sweep.title,
        description=" ".join(described),
        table=table,
        x=x,
        x_title="context length, tokens",
        y_title=sweep.y_title,
        series=series,
    )
