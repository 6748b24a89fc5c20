"""compare(): what packing makes of a corpus, beside concatenation and truncation."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Unpack, get_args

import numpy as np
import polars as pl

from fastpack.documents.batches import as_documents
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.inputs import FrameLike
from fastpack.documents.sums import exact_sum
from fastpack.errors import OptionError, OptionTypeError
from fastpack.option_checks import refuse_unknown
from fastpack.options import PackingOptions, PackingRules
from fastpack.packing.plan import PackingPlan
from fastpack.reports.corpus import (
    ContextCount,
    CorpusCount,
    CutCounts,
    count_corpus,
)
from fastpack.reports.cuts import count_cuts
from fastpack.schemas import COMPARISON_SCHEMA

Strategy = Literal["concatenate", "truncate", "best_fit", "optimal"]

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)[:-1]
"""Those that are compared without a search."""

STRATEGY_NAMES: dict[Strategy, str] = {
    "concatenate": "concatenation",
    "truncate": "one document each",
    "best_fit": "best-fit",
    "optimal": "optimal",
}
"""The strategies, as people read them."""


@refuse_unknown
def compare(
    lengths: FrameLike | pl.LazyFrame,
    length: str | pl.Expr | None = None,
    *,
    context_length: int | Sequence[int] = (2048, 8192),
    strategies: Sequence[Strategy] | None = None,
    **rules: Unpack[PackingRules],
) -> pl.DataFrame:
    """Compare ways to make training sequences of a corpus, in one pass over it.

    Parameters
    ----------
    lengths
        The documents, in the order of the corpus, as for `fastpack.plan`: one row a
        document, or the lengths alone. A pl.LazyFrame is read batch by batch.
    length
        The column of document lengths in tokens, as for `fastpack.plan`.
    context_length
        L in tokens, or several.
    strategies
        ``"concatenate"``: join all documents in their order, cut every L tokens, pad
        the last sequence. ``"truncate"``: one document a sequence, its first L tokens.
        ``"best_fit"``: as `fastpack.pack` does; ``"optimal"``: as it does by this
        rule. None is the first three, and the last if ``strategy="optimal"`` is given.
    **rules
        For the last two: see `PackingOptions`.

    Returns
    -------
    polars.DataFrame
        One row a context length and strategy, in the orders given: all strategies of
        the first L, then those of the next.

        ============================= ======= ========================================
        `strategy`                    String  as given
        `context_length`              Int64   as given
        `n_bins`                      Int64   training sequences
        `n_bins_over_concatenation`   Float64 relative to concatenation, less 1
        `padding`                     Int64   tokens of capacity left unused
        `efficiency`                  Float64 documents' tokens over capacity
        `documents_cut`               Int64   documents with a cut inside
        `documents_cut_unnecessarily` Int64   those of them of at most L tokens
        `cuts`                        Int64   cuts inside documents
        `tokens_left_out`             Int64   tokens that are in no sequence
        ============================= ======= ========================================

        A *cut* is a place where a document is divided (the paper calls it a
        truncation); tokens that are thrown away are `tokens_left_out`.

    Raises
    ------
    OptionError, OptionTypeError, DataError, DataTypeError
        As `fastpack.plan` does.

    Examples
    --------
    >>> import numpy as np
    >>> import fastpack
    >>> fastpack.compare(np.array([8, 6, 6, 4, 3]), context_length=8).select(
    ...     "strategy", "n_bins", "padding", "documents_cut"
    ... )
    shape: (3, 4)
    ┌─────────────┬────────┬─────────┬───────────────┐
    │ strategy    ┆ n_bins ┆ padding ┆ documents_cut │
    │ ---         ┆ ---    ┆ ---     ┆ ---           │
    │ str         ┆ i64    ┆ i64     ┆ i64           │
    ╞═════════════╪════════╪═════════╪═══════════════╡
    │ concatenate ┆ 4      ┆ 5       ┆ 1             │
    │ truncate    ┆ 5      ┆ 13      ┆ 0             │
    │ best_fit    ┆ 4      ┆ 5       ┆ 0             │
    └─────────────┴────────┴─────────┴───────────────┘
    """
    if strategies is not None:
        _check_strategies(strategies)
        rules["strategy"] = "optimal" if "optimal" in strategies else "best_fit"
    options = options_for(context_length, rules)
    documents = as_documents(lengths, options[0].by_columns, length)
    return compare_corpus(count_corpus(documents, options), strategies)


def compare_corpus(
    corpus: CorpusCount, strategies: Sequence[Strategy] | None = None
) -> pl.DataFrame:
    """Return the table of `compare` for a corpus that was counted."""
    rows = [
        _row(strategy, corpus.histogram, context)
        for context in corpus.contexts
        for strategy in strategies or _strategies_of(context)
    ]
    return pl.DataFrame(rows, schema=COMPARISON_SCHEMA)


def _strategies_of(context: ContextCount) -> tuple[Strategy, ...]:
    is_searched = context.options.strategy == "optimal"
    return (*STRATEGIES, "optimal") if is_searched else STRATEGIES


def options_for(
    context_length: int | Sequence[int], rules: PackingRules
) -> list[PackingOptions]:
    """Return the options for one context length or several."""
    lengths: Any = context_length
    if not isinstance(context_length, Sequence) or isinstance(context_length, str):
        lengths = [context_length]
    if not lengths:
        msg = "`context_length` is empty\nHint: such as [2048, 8192]."
        raise OptionError(msg)
    options = [PackingOptions(context_length=each, **rules) for each in lengths]
    if len({each.context_length for each in options}) < len(options):
        msg = (
            f"`context_length` names a length twice: {lengths!r}\n"
            "Hint: name each once; a row is the same for both."
        )
        raise OptionError(msg)
    return options


def _check_strategies(strategies: object) -> None:
    if isinstance(strategies, str) or not isinstance(strategies, Sequence):
        msg = (
            f"`strategies` must be a list of names, got {strategies!r}\n"
            f"Hint: such as {list(STRATEGIES)}."
        )
        raise OptionTypeError(msg)
    if not strategies or len(set(strategies)) < len(strategies):
        msg = (
            f"`strategies` must be names, each once, got {strategies!r}\n"
            f"Hint: such as {list(STRATEGIES)}."
        )
        raise OptionError(msg)
    for name in strategies:
        if name not in get_args(Strategy):
            msg = (
                f"`strategies` has one that is unknown: {name!r}\n"
                f"Hint: choose among {list(get_args(Strategy))}."
            )
            raise OptionError(msg)


class _Outcome(NamedTuple):
    """The sequences of one strategy.

    Parameters
    ----------
    n_bins
        The number of the sequences.
    packed
        The documents' tokens in them.
    footprint
        The tokens of capacity in use: `packed`, with extra tokens and alignment.
    cut_counts
        The cuts inside documents.
    """

    n_bins: int
    packed: int
    footprint: int
    cut_counts: CutCounts


def _concatenate(histogram: LengthHistogram, context: ContextCount) -> _Outcome:
    tokens = histogram.n_tokens
    n_bins = -(-tokens // context.options.context_length)
    return _Outcome(n_bins, tokens, tokens, context.concatenation.cut_counts)


def _truncate(histogram: LengthHistogram, context: ContextCount) -> _Outcome:
    capacity = context.options.context_length
    lengths, counts = histogram.lengths, histogram.counts
    tokens = exact_sum(np.minimum(lengths, capacity), counts)
    rules = PackingOptions(context_length=capacity, long_documents="truncate")
    n_bins = exact_sum(counts[lengths > 0])
    return _Outcome(n_bins, tokens, tokens, count_cuts(histogram, rules))


def _pack_best_fit(histogram: LengthHistogram, context: ContextCount) -> _Outcome:
    return _pack(histogram, context.best_fit)


def _pack_optimally(histogram: LengthHistogram, context: ContextCount) -> _Outcome:
    return _pack(histogram, context.plan)


def _pack(histogram: LengthHistogram, plan: PackingPlan) -> _Outcome:
    footprint = plan.packed + plan.extra + plan.alignment
    cut_counts = count_cuts(histogram, plan.options)
    return _Outcome(plan.n_bins, plan.packed, footprint, cut_counts)


_OUTCOMES: dict[Strategy, Callable[[LengthHistogram, ContextCount], _Outcome]] = {
    "concatenate": _concatenate,
    "truncate": _truncate,
    "best_fit": _pack_best_fit,
    "optimal": _pack_optimally,
}


def _row(
    strategy: Strategy, histogram: LengthHistogram, context: ContextCount
) -> dict[str, Any]:
    """Return one row of `compare`, by the names of its columns."""
    outcome = _OUTCOMES[strategy](histogram, context)
    context_length = context.options.context_length
    capacity = outcome.n_bins * context_length
    concatenated = -(-histogram.n_tokens // context_length)
    over = outcome.n_bins / concatenated - 1 if concatenated else 0.0
    return {
        "strategy": strategy,
        "context_length": context_length,
        "n_bins": outcome.n_bins,
        "n_bins_over_concatenation": over,
        "padding": capacity - outcome.footprint,
        "efficiency": outcome.packed / capacity if capacity else 1.0,
        **outcome.cut_counts._asdict(),
        "tokens_left_out": histogram.n_tokens - outcome.packed,
    }
