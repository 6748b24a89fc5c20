"""Counters: batches of documents -> their histogram."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.batches import Batch, Documents, split_batch
from fastpack.documents.blocks import cut_at_blocks, join_blocks
from fastpack.documents.grouped_histogram import (
    Histogram,
    add_up_entries,
    sum_histograms,
)
from fastpack.documents.groups import GroupEncoder
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.length_table import LengthTable
from fastpack.documents.sums import Int64Array
from fastpack.threads import map_in_threads


class DocumentCounter:
    """Counts documents by length, and by group if they have groups.

    Groups are numbered as they come. The table of lengths has room for a number of
    groups; when there are more, a table with more room follows.

    Parameters
    ----------
    name
        The name of the lengths, for messages.
    by
        The columns of the rule `by`; their rows are not looked at.
    """

    _FIRST_GROUPS = 16

    def __init__(self, name: str, by: pl.DataFrame) -> None:
        self._name = name or "lengths"
        self._encoder = GroupEncoder(by.clear())
        self._room = self._FIRST_GROUPS if by.width else 1
        self._earlier: list[tuple[Int64Array, ...]] = []
        self.table = LengthTable(self._name, self._room)

    @property
    def groups(self) -> pl.DataFrame:
        """The groups so far, in the order of their numbers here."""
        return self._encoder.groups

    def add(self, batch: Batch) -> npt.NDArray[np.int32] | None:
        """Count a batch; return the number of each document's group here, if any.

        Raises DataError if a length is negative.
        """
        groups = self._encoder.learn(batch.by)
        n_groups = self._encoder.groups.height
        if n_groups > self._room:
            self._earlier = self.counted()
            self._room = 1 << n_groups.bit_length()
            n_rows = self.table.n_rows
            self.table = LengthTable(self._name, self._room)
            self.table.n_rows = n_rows
        self.table.add_column(batch.lengths, groups)
        return groups

    def counted(self) -> list[tuple[Int64Array, ...]]:
        """Return the lengths that each table has counted.

        With them, the groups, and the number of documents of both.
        """
        keys, counts = self.table.counted()
        return [*self._earlier, (*np.divmod(keys, self._room), counts)]

    def renumber(
        self, groups: npt.NDArray[np.int32] | None, histogram: Histogram
    ) -> npt.NDArray[np.int32] | None:
        """Turn the numbers that `add` gave into those of a histogram, in place.

        In place: fresh memory would cost more than the lookup.
        """
        if groups is None:
            return None
        places = histogram.encoder().encode(self._encoder.groups)
        assert places is not None  # noqa: S101 -- there are columns
        if np.array_equal(places, np.arange(places.size)):
            return groups
        groups.flags.writeable = True
        places.take(groups, out=groups, mode="clip")
        groups.flags.writeable = False
        return groups

    def histogram(self) -> Histogram:
        """Return the histogram of all documents so far."""
        return merge_counters([self])


def merge_counters(counters: Sequence[DocumentCounter]) -> Histogram:
    """Return the histogram of the documents of all counters; there is at least one."""
    names = counters[0].groups.columns
    if not names:
        return sum_histograms(LengthHistogram.of_table(each.table) for each in counters)
    groups = pl.concat([each.groups for each in counters]).unique().sort(names)
    encoder = GroupEncoder(groups)
    parts = []
    for counter in counters:
        places = encoder.encode(counter.groups)
        for lengths, numbers, counts in counter.counted():
            parts.append((places[numbers], lengths, counts))  # type: ignore[index]
    return add_up_entries(groups, parts)


def count_parts(
    parts: Sequence[Batch], first_row: int = 0
) -> tuple[list[DocumentCounter], list[npt.NDArray[np.int32] | None]]:
    """Count consecutive batches at the same time, each by a counter of its own.

    `first_row` is the row number of the first document, for messages.

    Returns
    -------
    counters, groups
        The counter of each part, and the numbers that it gave to its documents.
    """
    counters = [DocumentCounter(part.lengths.name, part.by) for part in parts]
    for counter, part in zip(counters, parts, strict=True):
        counter.table.n_rows = first_row
        first_row += part.n_documents
    return counters, map_in_threads(DocumentCounter.add, counters, parts)


class BlockCounter:
    """Counts documents in their order, each block of them by itself.

    Without the rule `block_documents`, that is as a `DocumentCounter` counts them.

    Parameters
    ----------
    name, by
        As for `DocumentCounter`.
    block_documents
        The rule.
    first_document
        The number of the first document in the corpus, by which blocks begin.
    first_row
        Its row number, for messages.
    """

    def __init__(
        self,
        name: str,
        by: pl.DataFrame,
        block_documents: int | None = None,
        first_document: int = 0,
        first_row: int = 0,
    ) -> None:
        self._name = name
        self._by = by
        self._size = block_documents
        self._next_document = first_document
        self._blocks: list[tuple[int, Histogram]] = []
        # Without the rule, a corpus of no documents is a block, too.
        self._number = 0 if block_documents is None else -1
        self._counter = self._new_counter(first_row)

    def _new_counter(self, first_row: int) -> DocumentCounter:
        counter = DocumentCounter(self._name, self._by)
        counter.table.n_rows = first_row
        return counter

    def add(self, batch: Batch) -> None:
        """Count the next documents; raise DataError if a length is negative."""
        for number, part in cut_at_blocks([batch], self._size, self._next_document):
            if number != self._number:
                self._blocks += self._counted()
                self._number = number
                self._counter = self._new_counter(self._counter.table.n_rows)
            self._counter.add(part)
            self._next_document += part.n_documents

    def _counted(self) -> list[tuple[int, Histogram]]:
        """Return the number and the histogram of the present block, if there is one."""
        return [(self._number, self._counter.histogram())] if self._number >= 0 else []

    def histogram(self) -> Histogram:
        """Return the histogram of all documents so far."""
        return join_blocks(self._blocks + self._counted(), self._by, self._size)


def count_batch(batch: Batch, block_documents: int | None = None) -> Histogram:
    """Count documents that are in memory, all of a corpus, on all cores."""
    parts = split_batch(batch)
    counters = []
    first = 0
    for part in parts:
        name = part.lengths.name
        counters.append(BlockCounter(name, part.by, block_documents, first, first))
        first += part.n_documents
    map_in_threads(BlockCounter.add, counters, parts)
    return sum_histograms(map(BlockCounter.histogram, counters))


def count_documents(
    documents: Documents, block_documents: int | None = None, first_document: int = 0
) -> Histogram:
    """Count documents, batch by batch; the columns that are kept are not read.

    `first_document` is the number of the first in the corpus, by which blocks begin.
    """
    counter = BlockCounter(
        documents.name, documents.by, block_documents, first_document
    )
    for batch in documents.keeping([]).batches():
        counter.add(batch)
    return counter.histogram()
