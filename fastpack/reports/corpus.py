"""Count a corpus in one pass: its lengths, and what concatenation would cut."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.documents.batches import Documents
from fastpack.documents.counter import DocumentCounter
from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.inputs import length_arrays
from fastpack.documents.sums import exact_sum
from fastpack.errors import OptionError, OptionTypeError
from fastpack.options import PackingOptions
from fastpack.packing.plan import PackingPlan

Strategy = Literal["concatenate", "truncate", "best_fit"]

STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

SCHEMA = pl.Schema(
    {
        "strategy": pl.String,
        "context_length": pl.Int64,
        "n_bins": pl.Int64,
        "n_bins_over_concatenation": pl.Float64,
        "padding": pl.Int64,
        "efficiency": pl.Float64,
        "documents_cut": pl.Int64,
        "documents_cut_unnecessarily": pl.Int64,
        "cuts": pl.Int64,
        "tokens_left_out": pl.Int64,
    }
)


class _Concatenation(NamedTuple):
    """What concatenation cuts, for one context length: as the kernel counts it."""

    state: npt.NDArray[np.int64]
    cuts_by_length: npt.NDArray[np.int64]


class CorpusCount:
    """What one pass over a corpus counts: lengths, and cuts by concatenation.

    Parameters
    ----------
    histogram
        The documents.
    concatenations, options
        For each context length.
    """

    def __init__(
        self,
        histogram: Histogram,
        concatenations: Sequence[_Concatenation],
        options: Sequence[PackingOptions],
    ) -> None:
        self._concatenations = concatenations
        self._options = options
        self.histogram = histogram.total()
        self.plans = [PackingPlan(histogram, each) for each in options]

    def compare(self, strategies: Sequence[Strategy]) -> pl.DataFrame:
        """Give the table of `compare`."""
        if isinstance(strategies, str) or not isinstance(strategies, Sequence):
            msg = (
                f"`strategies` must be a list of names, got {strategies!r}\n"
                f"Hint: such as {list(STRATEGIES)}."
            )
            raise OptionTypeError(msg)
        for name in strategies:
            if name not in STRATEGIES:
                msg = (
                    f"`strategies` has one that is unknown: {name!r}\n"
                    f"Hint: choose among {list(STRATEGIES)}."
                )
                raise OptionError(msg)
        rows = [
            self._row(name, number)
            for number in range(len(self._options))
            for name in strategies
        ]
        return pl.DataFrame(rows, schema=SCHEMA, orient="row")

    def _row(self, strategy: Strategy, number: int) -> tuple[Any, ...]:
        plan = self.plans[number]
        capacity = self._options[number].context_length
        tokens = self.histogram.n_tokens
        concatenated = -(-tokens // capacity)
        cuts: tuple[int, ...]
        if strategy == "concatenate":
            sequences, packed, taken = concatenated, tokens, tokens
            cuts = tuple(self._concatenations[number].state[1:].tolist())
        elif strategy == "truncate":
            truncating = PackingOptions(
                context_length=capacity, long_documents="truncate"
            )
            lengths, counts = self.histogram.lengths, self.histogram.counts
            sequences = exact_sum(counts[lengths > 0])
            packed = taken = exact_sum(np.minimum(lengths, capacity), counts)
            cuts = _cuts(self.histogram, truncating)
        else:
            sequences, packed = plan.n_bins, plan.packed
            taken = packed + plan.extra + plan.alignment
            cuts = _cuts(self.histogram, self._options[number])
        return (
            strategy,
            capacity,
            sequences,
            sequences / concatenated - 1 if concatenated else 0.0,
            sequences * capacity - taken,
            packed / (sequences * capacity) if sequences else 1.0,
            *cuts,
            tokens - packed,
        )

    def cuts(self, number: int) -> pl.DataFrame:
        """Give the table of `cuts`, for one of the context lengths."""
        lengths, counts = self.histogram.lengths, self.histogram.counts
        first = int(np.searchsorted(lengths, 1))
        classes = [int(length).bit_length() for length in lengths[first:].tolist()]
        documents = np.bincount(classes, counts[first:], minlength=65)
        cuts = _cuts_of(lengths[first:], self._options[number]) * counts[first:]
        best_fit = np.bincount(classes, cuts, minlength=65)
        concatenate = self._concatenations[number].cuts_by_length
        there = np.flatnonzero(documents).tolist()
        return pl.DataFrame(
            {
                "shortest": pl.Series(
                    [2 ** (bits - 1) for bits in there], dtype=pl.Int64
                ),
                "longest": pl.Series([2**bits - 1 for bits in there], dtype=pl.Int64),
                "documents": pl.Series(documents[there].astype(np.int64)),
                "concatenate": concatenate[there] / documents[there],
                "best_fit": best_fit[there] / documents[there],
            }
        )


def _cuts_of(
    lengths: npt.NDArray[np.int64], options: PackingOptions
) -> npt.NDArray[np.int64]:
    """Return how often best-fit packing cuts documents of these lengths."""
    longest = options.max_chunk
    is_long = lengths > longest
    if options.long_documents == "split":
        full, remainders = np.divmod(lengths, longest)
        # A remainder that is dropped was cut off, too.
        return np.where(is_long, full - (remainders == 0), 0)
    return np.where(is_long & (options.long_documents == "truncate"), 1, 0)


def _cuts(histogram: LengthHistogram, options: PackingOptions) -> tuple[int, int, int]:
    """Return documents cut, those no longer than L, and cuts."""
    cuts = _cuts_of(histogram.lengths, options)
    is_cut = cuts > 0
    fits = histogram.lengths <= options.context_length
    return (
        exact_sum(histogram.counts[is_cut]),
        exact_sum(histogram.counts[is_cut & fits]),
        exact_sum(cuts, histogram.counts),
    )


def count_corpus(
    documents: Documents, options: Sequence[PackingOptions]
) -> CorpusCount:
    """Count documents and cuts in one pass, batch by batch."""
    counter = DocumentCounter(documents.name, documents.by)
    concatenations = [
        _Concatenation(np.array([each.context_length, 0, 0, 0]), np.zeros(65, np.int64))
        for each in options
    ]
    for batch in documents.batches():
        counter.add(batch)
        for array in length_arrays(batch.lengths):
            for each, concatenation in zip(options, concatenations, strict=True):
                kernels.concatenation.concatenate(
                    array, each.context_length, *concatenation
                )
    return CorpusCount(counter.histogram(), concatenations, options)
