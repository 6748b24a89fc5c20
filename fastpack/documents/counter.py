"""DocumentCounter: batches of documents -> their histogram."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.batches import Batch, Documents
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

    Groups are numbered as they are first seen. The table of lengths has room for a
    number of groups; when there are more, a table with more room follows.

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
        """Return what each table has counted.

        Lengths, groups, and the number of documents of both.
        """
        keys, counts = self.table.counted()
        return [*self._earlier, (*np.divmod(keys, self._room), counts)]

    def renumber(
        self, groups: npt.NDArray[np.int32] | None, histogram: Histogram
    ) -> npt.NDArray[np.int32] | None:
        """Turn the numbers that `add` gave into those of a histogram, in place.

        In place: fresh memory would cost more than the lookup.
        """
        places = histogram.encoder().encode(self._encoder.groups)
        if groups is None or places is None:
            return None
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
    parts: Sequence[Batch],
) -> tuple[list[DocumentCounter], list[npt.NDArray[np.int32] | None]]:
    """Count consecutive batches at the same time, each by a counter of its own.

    Returns
    -------
    counters, groups
        The counter of each part, and the numbers that it gave to its documents.
    """
    counters = [DocumentCounter(part.lengths.name, part.by) for part in parts]
    first_row = 0
    for counter, part in zip(counters, parts, strict=True):
        counter.table.n_rows = first_row
        first_row += len(part.lengths)
    return counters, map_in_threads(DocumentCounter.add, counters, parts)


def count_documents(documents: Documents) -> Histogram:
    """Count documents, batch by batch; the columns that are kept are not read."""
    counter = DocumentCounter(documents.name, documents.by)
    for batch in documents.keeping([]).batches():
        counter.add(batch)
    return counter.histogram()
