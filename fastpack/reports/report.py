"""The content of a report on a corpus: sentences, tables and charts."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import polars as pl

from fastpack.documents.batches import Documents
from fastpack.documents.histogram import LengthHistogram
from fastpack.options import PackingOptions
from fastpack.packing.plan import PackingPlan
from fastpack.reports.charts import (
    Chart,
    cuts_chart,
    documents_chart,
    space_chart,
)
from fastpack.reports.compare import STRATEGY_NAMES, compare_corpus
from fastpack.reports.corpus import ContextCount, count_corpus
from fastpack.reports.cuts import tabulate_cuts
from fastpack.reports.quality import bins_of, quality
from fastpack.reports.sweep import sweep_charts, sweep_of


class Section(NamedTuple):
    """The packing of the corpus at one context length, in words and charts."""

    title: str
    sentences: list[str]
    charts: list[Chart]


class Report(NamedTuple):
    """The content of a report.

    Parameters
    ----------
    title, sentences
        What it is about, and the corpus in words.
    comparison
        The table of `fastpack.compare`, with names for people.
    sweep
        The charts over the context length; none if the corpus has no token.
    sections
        One a context length, ascending.
    """

    title: str
    sentences: list[str]
    comparison: pl.DataFrame
    sweep: list[Chart]
    sections: list[Section]

    @property
    def charts(self) -> list[Chart]:
        """All charts, in the order of the page."""
        of_sections = (chart for section in self.sections for chart in section.charts)
        return [*self.sweep, *of_sections]


def make_report(
    name: str, documents: Documents, chosen: Sequence[PackingOptions]
) -> Report:
    """Count a corpus in one pass; say what packing makes of it.

    Parameters
    ----------
    name
        The name of the corpus, for people.
    documents
        The corpus.
    chosen
        The options, for each context length.
    """
    by_length = {each.context_length: each for each in chosen}
    swept = sweep_of(list(by_length.values()))
    corpus = count_corpus(documents, swept)
    table = compare_corpus(corpus)
    histogram = corpus.histogram
    n_documents = _count(histogram.n_documents, "document")
    sentences = [f"{n_documents}, {_count(histogram.n_tokens, 'token')}."]
    if histogram.n_tokens:
        if empty := corpus.contexts[0].plan.documents_empty:
            are = "is" if empty == 1 else "are"
            sentences.append(f"{_count(empty, 'document')} {are} empty.")
        mean = histogram.n_tokens / histogram.n_documents
        longest = int(histogram.lengths[-1])
        sentences.append(
            f"{mean:,.1f} tokens a document on average, {longest:,} in the longest."
        )
    sentences += _rules(swept[0])
    return Report(
        title=f"What packing makes of {name}",
        sentences=sentences,
        comparison=_in_words(
            table.filter(pl.col("context_length").is_in(list(by_length)))
        ),
        sweep=sweep_charts(table, histogram.n_documents) if histogram.n_tokens else [],
        sections=[
            _section(histogram, context, table)
            for context in corpus.contexts
            if context.options.context_length in by_length
        ],
    )


def _rules(options: PackingOptions) -> Iterator[str]:
    """Say which rules are not the defaults, if any."""
    defaults = PackingOptions(context_length=options.context_length).as_dict()
    rules = [
        f"{name} = {value}"
        for name, value in options.as_dict().items()
        if value != defaults[name]
    ]
    if rules:
        yield f"Rules of best-fit packing, not of concatenation: {', '.join(rules)}."


def _section(
    histogram: LengthHistogram, context: ContextCount, comparison: pl.DataFrame
) -> Section:
    plan, context_length = context.plan, context.options.context_length
    charts = []
    if plan.n_bins:
        bins = bins_of(plan)
        charts = [
            cuts_chart(tabulate_cuts(histogram, context), context_length),
            documents_chart(bins, context_length),
        ]
        if plan.padding:
            charts.append(space_chart(bins, context_length))
    compared = comparison.filter(pl.col("context_length") == context_length)
    rows = {row["strategy"]: row for row in compared.to_dicts()}
    return Section(
        title=f"Sequences of {_count(context_length, 'token')}",
        sentences=list(_sentences(rows, quality(plan), plan)),
        charts=charts,
    )


def _sentences(
    rows: dict[str, dict[str, Any]], figures: dict[str, Any], plan: PackingPlan
) -> Iterator[str]:
    """Say what packing makes of the corpus: `rows` of `compare`, `quality` figures."""
    if not plan.n_bins:
        yield "There is nothing to pack."
        return
    joined, packed = rows["concatenate"], rows["best_fit"]
    yield (
        f"Concatenation cuts {_count(joined['documents_cut'], 'document')}, "
        f"{joined['documents_cut_unnecessarily']:,} of them no longer than a sequence."
    )
    yield (
        f"Best-fit packing {_cuts(packed)} and makes {packed['n_bins']:,} sequences, "
        f"{_more(packed, joined)}."
    )
    unused = plan.padding / (plan.options.context_length * plan.n_bins)
    yield f"{_gap(figures)}; {_percent(unused)} of the capacity is padding."
    if lost := packed["tokens_left_out"]:
        what = f"{_count(lost, 'token')} ({_percent(lost / plan.n_tokens)} of all)"
        if plan.documents_dropped:
            what = f"{_count(plan.documents_dropped, 'document')} whole, {what}"
        yield f"Best-fit packing leaves out {what}, which concatenation keeps."
    if plan.extra or plan.alignment:
        yield (
            f"Of the capacity, {plan.extra:,} tokens are reserved for those added to "
            f"chunks, and {plan.alignment:,} are lost to alignment."
        )
    yield (
        f"A sequence holds {figures['chunks_per_bin_mean']:,.1f} documents on "
        f"average, {figures['chunks_per_bin_median']:,} in the median, "
        f"{figures['chunks_per_bin_max']:,} at most."
    )


def _cuts(packed: dict[str, Any]) -> str:
    cut, fitting = packed["documents_cut"], packed["documents_cut_unnecessarily"]
    if not cut:
        return "cuts none"
    longer = f"{fitting:,} of them no longer than" if fitting else "all longer than"
    return f"cuts {cut:,}, {longer} a sequence,"


def _more(packed: dict[str, Any], joined: dict[str, Any]) -> str:
    more = packed["n_bins"] - joined["n_bins"]
    if not more:
        return "as many as concatenation"
    share = _percent(abs(packed["n_bins_over_concatenation"]))
    word = "more" if more > 0 else "fewer"
    return f"{abs(more):,} {word} than concatenation ({share})"


def _gap(figures: dict[str, Any]) -> str:
    if not figures["gap"]:
        return "No packing has fewer sequences"
    share = _percent(figures["gap_share"])
    return f"The best possible packing has at most {figures['gap']:,} fewer ({share})"


def _in_words(comparison: pl.DataFrame) -> pl.DataFrame:
    """Give columns and strategies names for people, shares as percentages."""
    return comparison.select(
        pl.col("strategy").replace(STRATEGY_NAMES),
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
