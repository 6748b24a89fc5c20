"""What `fastpack report` says of a corpus: sentences, tables, and what to draw."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from fastpack.documents.batches import Documents
from fastpack.options import MAX_CONTEXT_LENGTH, PackingOptions
from fastpack.packing.plan import PackingPlan
from fastpack.reports.charts import (
    NAMES,
    Chart,
    cuts_chart,
    documents_figure,
    space_figure,
    sweep_figures,
)
from fastpack.reports.corpus import STRATEGIES, CorpusCount, count_corpus
from fastpack.reports.quality import bins_of, quality

SWEEP_STEPS = 13
"""Context lengths of the sweep, both ends among them."""


class Section(NamedTuple):
    """One context length: what packing makes of the corpus, in words and figures."""

    title: str
    sentences: list[str]
    figures: list[Chart]


class Report(NamedTuple):
    """All that is said; `comparison` is the table of `compare`, in words."""

    title: str
    sentences: list[str]
    comparison: pl.DataFrame
    sweep: list[Chart]
    sections: list[Section]


def make_report(
    name: str, documents: Documents, chosen: Sequence[PackingOptions]
) -> Report:
    """Count a corpus in one pass; say what packing makes of it.

    Parameters
    ----------
    name
        What the corpus is called.
    documents
        The corpus.
    chosen
        The options, for each context length.
    """
    by_length = {each.context_length: each for each in chosen}
    several = sweep_of(list(by_length.values()))
    corpus = count_corpus(documents, several)
    table = corpus.compare(STRATEGIES)
    sections = [
        _section(corpus, table, number, plan)
        for number, plan in enumerate(corpus.plans)
        if plan.options.context_length in by_length
    ]
    histogram = corpus.histogram
    n_documents = _count(histogram.n_documents, "document")
    sentences = [f"{n_documents}, {_count(histogram.n_tokens, 'token')}."]
    if histogram.n_tokens:
        empty = corpus.plans[0].documents_empty
        if empty:
            sentences.append(f"{_count(empty, 'document')} of these empty.")
        mean = histogram.n_tokens / histogram.n_documents
        longest = int(histogram.lengths[-1])
        sentences.append(f"{mean:,.1f} tokens a document, {longest:,} in the longest.")
    sentences += _rules(several[0])
    return Report(
        title=f"What packing makes of {name}",
        sentences=sentences,
        comparison=_in_words(
            table.filter(pl.col("context_length").is_in(list(by_length)))
        ),
        sweep=sweep_figures(table, histogram.n_documents) if histogram.n_tokens else [],
        sections=sections,
    )


def sweep_of(chosen: Sequence[PackingOptions]) -> list[PackingOptions]:
    """Return options for context lengths from the least chosen one to the greatest.

    In equal ratios, the chosen ones among them, ascending. Around a single one, from a
    quarter of it to four times as much.
    """
    rules = chosen[0]
    lengths = [each.context_length for each in chosen]
    low, high = min(lengths), max(lengths)
    if low == high:
        least = -(-(rules.extra_tokens + rules.min_chunk) // rules.align) * rules.align
        # Where long documents are refused, a shorter context might refuse the corpus.
        low = low if rules.long_documents == "error" else max(low // 4, least)
        high = min(high * 4, MAX_CONTEXT_LENGTH)
    steps = np.rint(np.geomspace(low, high, SWEEP_STEPS) / rules.align) * rules.align
    between = {int(step) for step in steps if low <= step <= high}
    return [
        replace(rules, context_length=each) for each in sorted({*lengths, *between})
    ]


def _rules(options: PackingOptions) -> Iterator[str]:
    """Say which rules there are beside the defaults."""
    plain = PackingOptions(context_length=options.context_length).as_dict()
    rules = [
        f"{name} = {value}"
        for name, value in options.as_dict().items()
        if value != plain[name]
    ]
    if rules:
        names = ", ".join(rules)
        yield f"Rules of best-fit packing, which concatenation does not know: {names}."


def _section(
    corpus: CorpusCount, table: pl.DataFrame, number: int, plan: PackingPlan
) -> Section:
    capacity = plan.options.context_length
    figures = []
    if plan.n_bins:
        bins = bins_of(plan)
        figures = [
            cuts_chart(corpus.cuts(number), capacity),
            documents_figure(bins, capacity),
        ]
        if plan.padding:
            figures.append(space_figure(bins, capacity))
    of_capacity = table.filter(pl.col("context_length") == capacity)
    rows = {row["strategy"]: row for row in of_capacity.to_dicts()}
    return Section(
        title=f"Sequences of {_count(capacity, 'token')}",
        sentences=_sentences(rows, quality(plan), plan),
        figures=figures,
    )


def _sentences(
    rows: dict[str, dict[str, Any]], figures: dict[str, Any], plan: PackingPlan
) -> list[str]:
    if not plan.n_bins:
        return ["There is nothing to pack."]
    joined, packed = rows["concatenate"], rows["best_fit"]
    more = packed["n_bins"] - joined["n_bins"]
    compared = (
        "as many as concatenation"
        if not more
        else f"{abs(more):,} {'more' if more > 0 else 'fewer'} than concatenation "
        f"({_percent(abs(packed['n_bins_over_concatenation']))})"
    )
    bound = (
        "No packing has fewer"
        if not figures["gap"]
        else f"At most {figures['gap']:,} more than the best packing there is "
        f"({_percent(figures['gap_share'])})"
    )
    cut, fitting = (packed[f"documents_cut{which}"] for which in ("", "_unnecessarily"))
    longer = f"{fitting:,} of them no longer than" if fitting else "all longer than"
    cuts = f"cuts {cut:,}, {longer} a sequence," if cut else "cuts none"
    unused = plan.padding / (plan.options.context_length * plan.n_bins)
    concatenation = (
        f"Concatenation cuts {_count(joined['documents_cut'], 'document')}, "
        f"{joined['documents_cut_unnecessarily']:,} of them no longer than a "
        "sequence."
    )
    best_fit = (
        f"Best-fit packing {cuts} and makes {packed['n_bins']:,} sequences, {compared}."
    )
    waste = f"{bound}; {_percent(unused)} of the capacity is padding."
    sentences = [concatenation, best_fit, waste]
    if lost := packed["tokens_left_out"]:
        what = f"{_count(lost, 'token')} ({_percent(lost / plan.n_tokens)} of all)"
        if plan.documents_dropped:
            what = f"{_count(plan.documents_dropped, 'document')} whole, {what}"
        sentences.append(f"It leaves out {what}, which concatenation keeps.")
    if plan.extra or plan.alignment:
        sentences.append(
            f"{_count(plan.extra, 'token')} of the capacity are for what is added to "
            f"chunks, {plan.alignment:,} are lost to alignment."
        )
    sentences.append(
        f"A sequence holds {figures['chunks_per_bin_mean']:,.1f} documents on "
        f"average, {figures['chunks_per_bin_median']:,} in the median, "
        f"{figures['chunks_per_bin_max']:,} at most."
    )
    return sentences


def _in_words(comparison: pl.DataFrame) -> pl.DataFrame:
    """Name columns and strategies for people; shares become percentages."""
    return comparison.select(
        pl.col("strategy").replace(NAMES),
        pl.col("context_length").alias("context length"),
        pl.col("n_bins").alias("sequences"),
        (100 * pl.col("n_bins_over_concatenation")).alias("more, %"),
        pl.col("padding").alias("padding, tokens"),
        (100 * pl.col("efficiency")).alias("efficiency, %"),
        pl.col("documents_cut").alias("documents cut"),
        pl.col("documents_cut_unnecessarily").alias("of which fit"),
        pl.col("cuts").alias("cuts"),
        pl.col("tokens_left_out").alias("tokens left out"),
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
