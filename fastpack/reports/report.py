"""The content of a report on a corpus: sentences, tables and charts."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from fastpack.documents.batches import Documents
from fastpack.documents.histogram import LengthHistogram
from fastpack.options import PackingOptions
from fastpack.packing.placement import OnProgress
from fastpack.reports.charts import Chart, cuts_chart, documents_chart
from fastpack.reports.compare import STRATEGY_NAMES, compare_corpus
from fastpack.reports.corpus import ContextCount, CorpusCount, count_corpus
from fastpack.reports.cuts import tabulate_cuts
from fastpack.reports.quality import bins_of, quality
from fastpack.reports.sentences import (
    answer,
    count_of,
    packing_in_words,
    rows_of,
)
from fastpack.reports.sweep import sweep_chart, sweep_of


class Section(NamedTuple):
    """The packing of the corpus at one context length, in words and charts."""

    title: str
    sentences: list[str]
    charts: list[Chart]


class Report(NamedTuple):
    """The content of a report.

    Parameters
    ----------
    title
        The title of the page.
    answer
        The answer in three sentences: what concatenation cuts, what packing costs, what
        a longer context would cost.
    sentences
        The corpus in words.
    comparison
        The table of `fastpack.compare`, with names for people.
    sweep
        The chart over the context length; None if the corpus has no token.
    sections
        One a context length, ascending.
    """

    title: str
    answer: list[str]
    sentences: list[str]
    comparison: pl.DataFrame
    sweep: Chart | None
    sections: list[Section]

    @property
    def charts(self) -> list[Chart]:
        """All charts, in the order of the page."""
        of_sections = [chart for section in self.sections for chart in section.charts]
        return of_sections if self.sweep is None else [self.sweep, *of_sections]


def make_report(
    name: str,
    documents: Documents,
    chosen: Sequence[PackingOptions],
    on_progress: OnProgress | None = None,
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
    on_progress
        Called as the search for a plan finds something better.
    """
    by_length = {each.context_length: each for each in chosen}
    swept = sweep_of(list(by_length.values()))
    corpus = count_corpus(documents, swept, on_progress)
    table = compare_corpus(corpus)
    histogram = corpus.histogram
    return Report(
        title=f"What packing makes of {name}",
        answer=list(answer(table, min(by_length), histogram)),
        sentences=[*_corpus_in_words(corpus), *_rules(chosen[0])],
        comparison=_in_words(
            table.filter(pl.col("context_length").is_in(list(by_length)))
        ),
        sweep=sweep_chart(table, histogram.n_documents) if histogram.n_tokens else None,
        sections=[
            _section(histogram, context, table)
            for context in corpus.contexts
            if context.options.context_length in by_length
        ],
    )


def _corpus_in_words(corpus: CorpusCount) -> Iterator[str]:
    histogram = corpus.histogram
    documents = count_of(histogram.n_documents, "document")
    yield f"{documents}, {count_of(histogram.n_tokens, 'token')}."
    if histogram.n_tokens:
        if empty := corpus.contexts[0].plan.documents_empty:
            are = "is" if empty == 1 else "are"
            yield f"{count_of(empty, 'document')} {are} empty."
        mean = histogram.n_tokens / histogram.n_documents
        longest = int(histogram.lengths[-1])
        yield f"{mean:,.1f} tokens a document on average, {longest:,} in the longest."


def _rules(options: PackingOptions) -> Iterator[str]:
    """Say which rules are not the defaults, if any."""
    defaults = PackingOptions(context_length=options.context_length).as_dict()
    rules = [
        f"{name} = {value}"
        for name, value in options.as_dict().items()
        if value != defaults[name]
    ]
    if rules:
        yield f"Rules of packing, not of concatenation: {', '.join(rules)}."


def _section(
    histogram: LengthHistogram, context: ContextCount, comparison: pl.DataFrame
) -> Section:
    plan, context_length = context.plan, context.options.context_length
    charts = []
    if plan.n_bins:
        charts = [
            cuts_chart(tabulate_cuts(histogram, context), context_length),
            documents_chart(bins_of(plan), context_length),
        ]
    return Section(
        title=f"Sequences of {count_of(context_length, 'token')}",
        sentences=list(
            packing_in_words(rows_of(comparison, context_length), quality(plan), plan)
        ),
        charts=charts,
    )


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
