"""LengthTable: how often each length was seen, and in which group."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.documents.inputs import length_arrays, row_text
from fastpack.documents.sums import Int64Array, merge_counts
from fastpack.errors import DataError


class LengthTable:
    """Counts lengths array by array.

    Lengths are counted in a table, which grows (up to 2 M entries, 16 MB) until only
    one document in a thousand, or a few hundred in all, have no entry there; these few
    are collected and sorted. A table up to the one longest document would be mostly
    zeros, and slow to search. With groups, each length has one entry a group: the key
    ``length * n_groups + group`` is counted.

    Parameters
    ----------
    name
        The name of the column, for messages.
    n_groups
        The number of groups; 1 without groups.
    """

    _FIRST_LENGTHS = 1 << 12
    _LARGEST_TABLE = 1 << 21
    _OTHERS = 1 << 14
    _FEW = 1 << 8
    _MANY = 1 << 17

    def __init__(self, name: str = "lengths", n_groups: int = 1) -> None:
        self._name = name
        self._n_groups = n_groups
        n_lengths = min(self._FIRST_LENGTHS, self._LARGEST_TABLE // n_groups)
        self._table = np.zeros(n_lengths * n_groups, np.int64)
        self._others = np.empty(self._OTHERS, np.int64)
        self._beyond: list[Int64Array] = []
        self._n_beyond = 0
        self._sorted = (np.empty(0, np.int64), np.empty(0, np.int64))
        self.n_rows = 0

    def add_column(
        self, lengths: pl.Series, groups: npt.NDArray[np.int32] | None = None
    ) -> None:
        """Count a checked column, with the number of each document's group, if any."""
        start = 0
        for array in length_arrays(lengths):
            end = start + array.size
            self.add(array, None if groups is None else groups[start:end])
            start = end

    def add(
        self, lengths: npt.NDArray[Any], groups: npt.NDArray[np.int32] | None = None
    ) -> None:
        """Count an array of int32 or int64; raise DataError if one is negative."""
        while lengths.size:
            n_read, n_others = kernels.counting.count_lengths(
                lengths, groups, self._n_groups, self._table, self._others
            )
            if n_others:
                self._add_others(lengths, groups, int(n_read), int(n_others))
            self.n_rows += int(n_read)
            lengths = lengths[n_read:]
            groups = None if groups is None else groups[n_read:]

    def _add_others(
        self,
        lengths: npt.NDArray[Any],
        groups: npt.NDArray[np.int32] | None,
        n_read: int,
        n_others: int,
    ) -> None:
        """Count the lengths read that have no entry in the table."""
        rows = self._others[:n_others]
        others = lengths[rows].astype(np.int64)
        self._check(others, rows)
        few = max(n_read >> 10, self._FEW)
        if n_others > few:
            longest = int(np.partition(others, -few - 1)[-few - 1])
            size = (1 << longest.bit_length()) * self._n_groups
            if self._table.size < size <= self._LARGEST_TABLE:
                table = np.zeros(size, np.int64)
                table[: self._table.size] = self._table
                self._table = table
        keys = others * self._n_groups
        if groups is not None:
            keys += groups[rows]
        fits = keys < self._table.size
        if fits.any():
            np.add.at(self._table, keys[fits], 1)
            keys = keys[~fits]
        self._beyond.append(keys)
        self._n_beyond += keys.size
        if self._n_beyond > self._MANY:
            self._sort()

    def _check(self, others: Int64Array, rows: Int64Array) -> None:
        # With groups, a key has 42 bits for the length, whatever their number so far.
        high = 2**63 - 1 if self._n_groups == 1 else 2**42
        if others.min() < 0 or others.max() > high:
            i = int(np.argmax((others < 0) | (others > high)))
            what = (
                "a negative length" if others[i] < 0 else "a length too large to count"
            )
            msg = (
                f"`{self._name}` has {what}: {others[i]} in "
                f"{row_text(self.n_rows + int(rows[i]))}\n"
                "Hint: lengths are counted in tokens; 0 is an empty document."
            )
            raise DataError(msg)

    def _sort(self) -> None:
        if self._n_beyond:
            ones = np.ones(self._n_beyond, np.int64)
            self._sorted = merge_counts(
                np.concatenate([self._sorted[0], *self._beyond]),
                np.concatenate([self._sorted[1], ones]),
            )
            self._beyond, self._n_beyond = [], 0

    def counted(self) -> tuple[Int64Array, Int64Array]:
        """Return the keys so far, ascending, and how many documents have each."""
        self._sort()
        keys = np.flatnonzero(self._table)
        counts = self._table[keys]
        others, others_counts = self._sorted
        if others.size == 0:
            return keys, counts
        keys = np.concatenate([keys, others])
        counts = np.concatenate([counts, others_counts])
        if others[0] >= self._table.size:
            return keys, counts
        # Some are from before the table had an entry for them.
        return merge_counts(keys, counts)
