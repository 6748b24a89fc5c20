"""The sweep: context lengths between those chosen, and the chart over them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from fastpack.options import MAX_CONTEXT_LENGTH, PackingOptions
from fastpack.reports.charts import Chart
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
    swept = []
    for length in sorted({*lengths, *between}):
        # Searches take their time: for the curve, best-fit is good enough.
        strategy = rules.strategy if length in lengths else "best_fit"
        swept.append(replace(rules, context_length=length, strategy=strategy))
    return swept


_MEASURES = {
    "cut_share": "cut, %",
    "documents_cut": "documents cut",
    "documents_cut_unnecessarily": "of which fit",
    "n_bins": "sequences",
    "padding": "padding, tokens",
}
"""Measures of `compare`, and the share of documents that are cut, as people read them.

The first is drawn. The others are beside it in the table: over the context length,
sequences fall as they must, and padding is noise.
"""

_DRAWN: tuple[Strategy, ...] = ("concatenate", "best_fit")


def sweep_chart(comparison: pl.DataFrame, n_documents: int) -> Chart:
    """Tabulate the documents cut over the context length.

    Parameters
    ----------
    comparison
        The table of `fastpack.compare`, of all strategies.
    n_documents
        The documents of the corpus, at least 1.
    """
    x = "context length"
    measures = comparison.with_columns(
        cut_share=100 * pl.col("documents_cut") / n_documents
    ).pivot("strategy", index="context_length")
    table = measures.select(
        pl.col("context_length").alias(x),
        *(
            pl.col(f"{measure}_{strategy}").alias(_column(measure, strategy))
            for measure in _MEASURES
            for strategy in _DRAWN
        ),
    )
    series = {strategy: _column("cut_share", strategy) for strategy in _DRAWN}
    first, last = table.row(0, named=True), table.row(-1, named=True)
    described = [
        f"{name} cuts {first[column]:.3g} % of the documents at {first[x]:,} tokens, "
        f"{last[column]:.3g} % at {last[x]:,}."
        for name, column in zip(
            ("Concatenation", "Best-fit packing"), series.values(), strict=True
        )
    ]
    return Chart(
        kind="documents-cut",
        title="Documents cut, by context length",
        description=" ".join(described),
        table=table,
        x=x,
        x_title="context length, tokens",
        y_title="documents cut, %",
        series=series,
    )


def _column(measure: str, strategy: Strategy) -> str:
    return f"{_MEASURES[measure]}: {STRATEGY_NAMES[strategy]}"
