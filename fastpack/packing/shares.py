"""Shares: a plan, dealt out to the parts of a corpus in their order.

A part needs the runs of its own chunks alone, and the rank of the first of each. With
ten thousand groups that is a hundredth of the plan, which is not gone through again for
each of many files.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.groups import GroupEncoder
from fastpack.documents.sums import Int64Array, merge_counts
from fastpack.options import PackingOptions
from fastpack.packing.assigner import Assigner
from fastpack.packing.best_fit import take_runs
from fastpack.packing.chunks import cut_numbered
from fastpack.packing.cursors import Cursors, Slots, not_planned
from fastpack.packing.plan import PackingPlan

_SPAN = 2**31
"""Chunks are shorter."""


class Deck(NamedTuple):
    """What all shares of a plan are taken from: arrays, which travel as they are.

    A plan itself is pickled as its histogram, and made again by each worker.

    Parameters
    ----------
    runs
        The runs of the plan: records of dtype `fastpack.kernels.best_fit.RUN`.
    first_run, n_runs
        The runs of each chunk length, in each group.
    n_bins
        The bins of all groups.
    groups
        The groups, a row each; no columns without the rule `by`.
    options
        The rules.
    """

    runs: npt.NDArray[Any]
    first_run: Int64Array
    n_runs: Int64Array
    n_bins: int
    groups: pl.DataFrame
    options: PackingOptions


class Share(NamedTuple):
    """The part of a plan that one part of a corpus takes: 12 bytes a distinct length.

    Parameters
    ----------
    places
        The chunk lengths, in their groups, that the part has: their places in the deck.
    ranks
        The chunks of each in all parts before.
    n_rows
        The rows of this part.
    first_document, n_chunks, n_unpacked
        The documents of all parts before; the chunks from this part on, and the
        documents of which nothing is packed.
    """

    places: npt.NDArray[np.int32]
    ranks: Int64Array
    n_rows: int
    first_document: int
    n_chunks: int
    n_unpacked: int

    def assigner(self, deck: Deck) -> Assigner:
        """Return what assigns the documents of the part, by the plan of the whole."""
        n_runs = deck.n_runs[self.places]
        ends = np.cumsum(n_runs)
        firsts = ends - n_runs
        numbers = np.repeat(deck.first_run[self.places] - firsts, n_runs)
        numbers += np.arange(numbers.size)
        runs = take_runs(deck.runs, numbers)
        n_groups = max(deck.groups.height, 1)
        lengths = runs["chunk_length"][firsts].astype(np.int64)
        keys = lengths * n_groups + runs["group"][firsts]
        longest = int(lengths.max(initial=0))
        cursors = Cursors(
            deck.options,
            Slots(longest, n_groups, lambda: keys),
            runs,
            deck.n_bins,
            ranks=(keys, self.ranks),
            n_chunks=self.n_chunks,
            n_unpacked=self.n_unpacked,
            first_document=self.first_document,
        )
        return Assigner(cursors, GroupEncoder(deck.groups))


class Dealer:
    """Deals a plan out to the parts of its corpus, one after the other.

    Parameters
    ----------
    plan
        The plan of the whole.

    Attributes
    ----------
    deck
        What its shares are taken from.
    """

    def __init__(self, plan: PackingPlan) -> None:
        self._encoder = plan.histogram.encoder()
        # Ascending: runs are by group, and within by length, the longest first.
        keys = _keys(
            plan.records["group"].astype(np.int64),
            plan.records["chunk_length"].astype(np.int64),
        )
        first_run = np.flatnonzero(np.diff(keys, prepend=-1))
        self.deck = Deck(
            plan.records,
            first_run,
            n_runs=np.diff(first_run, append=keys.size),
            n_bins=plan.n_bins,
            groups=plan.histogram.groups,
            options=plan.options,
        )
        self._keys = keys[first_run]
        self._ranks = np.zeros(self._keys.size, np.int64)
        self._documents = 0
        self._chunks_left = plan.n_chunks
        self._unpacked_left = plan.documents_empty + plan.documents_dropped

    def deal(self, documents: Histogram) -> Share:
        """Return the share of the next part; raise DataError if it was not planned."""
        groups, lengths, counts = documents.numbered()
        numbers = self._encoder.encode(documents.groups)
        if numbers is not None:
            groups = numbers[groups].astype(np.int64)
        chunks = cut_numbered(groups, lengths, counts, self.deck.options)
        keys, counts = merge_counts(_keys(chunks.groups, chunks.lengths), chunks.counts)
        places = np.searchsorted(self._keys, keys)
        if np.any(places == self._keys.size) or np.any(self._keys[places] != keys):
            raise not_planned()
        n_chunks = int(counts.sum())
        share = Share(
            places.astype(np.int32),
            self._ranks[places],
            n_rows=n_chunks + chunks.n_unpacked,
            first_document=self._documents,
            n_chunks=self._chunks_left,
            n_unpacked=self._unpacked_left,
        )
        self._ranks[places] += counts
        self._documents += documents.n_documents
        self._chunks_left -= n_chunks
        self._unpacked_left -= chunks.n_unpacked
        return share


def _keys(groups: Int64Array, lengths: Int64Array) -> Int64Array:
    return (groups + 1) * _SPAN - lengths
