"""DocumentCounter: batches of documents -> their histogram."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.batches import Batch, Documents
from fastpack.documents.grouped_histogram import GroupedHistogram, Histogram
from fastpack.documents.groups import GroupEncoder
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.length_table import LengthTable
from fastpack.documents.sums import Int64Array


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
        self._table = LengthTable(self._name, self._room)
        self._earlier: list[tuple[Int64Array, ...]] = []

    def add(self, batch: Batch) -> npt.NDArray[np.int32] | None:
        """Count a batch; return the number of each document's group here, if any.

        Raises DataError if a length is negative.
        """
        groups = self._encoder.learn(batch.by)
        n_groups = self._encoder.groups.height
        if n_groups > self._room:
            self._earlier.append(self._counted())
            self._room = 1 << n_groups.bit_length()
            n_rows = self._table.n_rows
            self._table = LengthTable(self._name, self._room)
            self._table.n_rows = n_rows
        self._table.add_column(batch.lengths, groups)
        return groups

    def _counted(self) -> tuple[Int64Array, ...]:
        """Return what the current table has counted.

        Lengths, groups, and the number of documents of both.
        """
        keys, counts = self._table.counted()
        return *np.divmod(keys, self._room), counts

    def renumber(
        self, groups: npt.NDArray[np.int32] | None
    ) -> npt.NDArray[np.int32] | None:
        """Turn the numbers that `add` gave into those of the histogram, in place.

        In place: fresh memory would cost more than the lookup.
        """
        if groups is not None:
            groups.flags.writeable = True
            self._places().take(groups, out=groups, mode="clip")
            groups.flags.writeable = False
        return groups

    def _places(self) -> npt.NDArray[np.int32]:
        """Return each group's place in the histogram, by its number here."""
        order = self._order()
        places = np.empty(order.size, np.int32)
        places[order] = np.arange(order.size)
        return places

    def _order(self) -> npt.NDArray[Any]:
        groups = self._encoder.groups
        return groups.select(pl.arg_sort_by(groups.columns)).to_series().to_numpy()

    def histogram(self) -> Histogram:
        """Return the histogram of all documents so far."""
        if not self._encoder.groups.width:
            return LengthHistogram.of_table(self._table)
        counted = zip(*self._earlier, self._counted(), strict=True)
        lengths, groups, counts = map(np.concatenate, counted)
        groups = self._places()[groups]
        # By group, and within by length, as they mostly are.
        order = np.argsort(lengths, kind="stable") if self._earlier else slice(None)
        lengths, groups, counts = lengths[order], groups[order], counts[order]
        order = np.argsort(groups, kind="stable")
        lengths, groups, counts = lengths[order], groups[order], counts[order]
        first = np.flatnonzero(
            (np.diff(lengths, prepend=-1) != 0) | (np.diff(groups, prepend=-1) != 0)
        )
        if first.size:
            counts = np.add.reduceat(counts, first)
        starts = np.flatnonzero(np.diff(groups[first], prepend=-1))
        return GroupedHistogram(
            self._encoder.groups[self._order().tolist()],
            [
                LengthHistogram(*part)
                for part in zip(
                    np.split(lengths[first], starts)[1:],
                    np.split(counts, starts)[1:],
                    strict=True,
                )
            ],
        )


def count_documents(documents: Documents) -> Histogram:
    """Count documents, batch by batch; the columns that are kept are not read."""
    counter = DocumentCounter(documents.name, documents.by)
    for batch in documents.keeping([]).batches():
        counter.add(batch)
    return counter.histogram()
