"""LengthHistogram: distinct document lengths and how many documents have each."""

import functools
import operator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.batches import as_batch, split_batch
from fastpack.documents.groups import GroupEncoder
from fastpack.documents.inputs import FrameLike
from fastpack.documents.length_table import LengthTable
from fastpack.documents.sums import Int64Array, exact_sum, merge_counts
from fastpack.errors import DataError, DataTypeError
from fastpack.option_checks import show
from fastpack.threads import map_in_threads

_INT64_MAX = 2**63 - 1


class LengthHistogram:
    """The number of documents of each length: all that planning needs.

    Histograms of parts of a corpus add up with ``+``, in any order.

    Parameters
    ----------
    lengths
        Distinct document lengths in tokens, ascending, none negative.
    counts
        Documents of each of these lengths, at least 1.

    Attributes
    ----------
    lengths, counts : numpy.ndarray
        As above, int64, read-only.
    n_documents : int
        Documents, empty ones included.
    n_tokens : int
        Tokens in all documents.

    Raises
    ------
    DataError
        Lengths are not ascending or negative, counts are not positive, or documents or
        tokens number more than 2**63 - 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastpack import LengthHistogram
    >>> histogram = LengthHistogram.from_lengths(np.array([8, 6, 6, 4, 3]))
    >>> histogram
    LengthHistogram(n_documents=5, n_tokens=27, distinct lengths 4, 3 to 8 tokens)
    >>> histogram + histogram == LengthHistogram([3, 4, 6, 8], [2, 2, 4, 2])
    True
    """

    __slots__ = ("counts", "lengths", "n_documents", "n_tokens")

    lengths: Int64Array
    counts: Int64Array
    n_documents: int
    n_tokens: int

    def __init__(self, lengths: npt.ArrayLike, counts: npt.ArrayLike) -> None:
        lengths = _as_int64("lengths", lengths)
        counts = _as_int64("counts", counts)
        if lengths.shape != counts.shape:
            msg = (
                "`lengths` and `counts` must have the same shape, got "
                f"{lengths.shape} and {counts.shape}\n"
                "Hint: give the number of documents of each length."
            )
            raise DataError(msg)
        if np.any(lengths[1:] <= lengths[:-1]) or np.any(lengths[:1] < 0):
            msg = (
                "`lengths` must be ascending, distinct and not negative\n"
                "Hint: LengthHistogram.from_lengths counts a column of lengths."
            )
            raise DataError(msg)
        if np.any(counts < 1):
            msg = (
                f"`counts` must be at least 1, got {counts.min()}\n"
                "Hint: leave out lengths that no document has."
            )
            raise DataError(msg)
        self._set(lengths, counts)

    @classmethod
    def of_table(cls, table: LengthTable) -> "LengthHistogram":
        """Return the histogram of the lengths that a table, without groups, has."""
        return cls.of_arrays(*table.counted())

    @classmethod
    def of_arrays(cls, lengths: Int64Array, counts: Int64Array) -> "LengthHistogram":
        """Make a histogram of arrays that are known to be right."""
        histogram = cls.__new__(cls)
        histogram._set(lengths, counts)  # noqa: SLF001
        return histogram

    def _set(self, lengths: Int64Array, counts: Int64Array) -> None:
        lengths.flags.writeable = False
        counts.flags.writeable = False
        self.lengths = lengths
        self.counts = counts
        self.n_documents = exact_sum(counts)
        self.n_tokens = exact_sum(lengths, counts)
        check_total("documents", self.n_documents)
        check_total("tokens", self.n_tokens)

    @classmethod
    def from_lengths(cls, lengths: FrameLike) -> "LengthHistogram":
        """Count a column of document lengths.

        Parameters
        ----------
        lengths
            Integers, tokens a document: a pl.Series, a 1-D NumPy array, a list, an
            Arrow array or stream of one column, or a frame of one column; of several,
            the column `n_tokens`.

        Raises
        ------
        DataTypeError
            `lengths` is no such thing, or does not hold integers.
        DataError
            A length is null or negative.
        """
        columns = [part.lengths for part in split_batch(as_batch(lengths, by=()))]
        tables = [LengthTable(column.name or "lengths") for column in columns]
        for number, table in enumerate(tables):
            table.n_rows = number * len(columns[0])
        map_in_threads(LengthTable.add_column, tables, columns)
        return functools.reduce(operator.add, map(cls.of_table, tables))

    # What a GroupedHistogram has too: one group, of all documents.

    @property
    def by(self) -> tuple[str, ...]:
        """The columns in which the groups differ: none."""
        return ()

    @property
    def groups(self) -> pl.DataFrame:
        """The groups, a row each: a frame without columns."""
        return pl.DataFrame()

    @property
    def parts(self) -> "tuple[LengthHistogram, ...]":
        """The histogram of each group."""
        return (self,)

    def numbered(self) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Return the group's number, the length and the count of each entry."""
        return np.zeros(self.lengths.size, np.int64), self.lengths, self.counts

    def total(self) -> "LengthHistogram":
        """Return the histogram of the documents of all groups."""
        return self

    def encoder(self) -> GroupEncoder:
        """Return the numbers of the groups."""
        return GroupEncoder(self.groups)

    def parts_of(self, other: Any) -> "list[LengthHistogram]":
        """Return the parts of a histogram of the same kind: itself."""
        return [other]

    def to_frame(self) -> pl.DataFrame:
        """Return the columns `length` and `documents` (Int64), by ascending length."""
        return pl.DataFrame({"length": self.lengths, "documents": self.counts})

    def __add__(self, other: object) -> "LengthHistogram":
        """Count the documents of both."""
        if not isinstance(other, LengthHistogram):
            return NotImplemented
        check_total("documents", self.n_documents + other.n_documents)
        return self.of_arrays(
            *merge_counts(
                np.concatenate([self.lengths, other.lengths]),
                np.concatenate([self.counts, other.counts]),
            )
        )

    def __radd__(self, other: object) -> "LengthHistogram":
        """Return the histogram itself for 0, with which `sum` begins."""
        return self if other == 0 else NotImplemented

    def __eq__(self, other: object) -> bool:
        """Compare lengths and counts."""
        if not isinstance(other, LengthHistogram):
            return NotImplemented
        return np.array_equal(self.lengths, other.lengths) and np.array_equal(
            self.counts, other.counts
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have none

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the arrays: they are made read-only again."""
        return LengthHistogram, (self.lengths, self.counts)

    def __repr__(self) -> str:
        """Show the figures, not the arrays."""
        spread = ""
        if self.lengths.size:
            spread = f", {self.lengths[0]} to {self.lengths[-1]} tokens"
        return (
            f"LengthHistogram(n_documents={self.n_documents}, "
            f"n_tokens={self.n_tokens}, distinct lengths {self.lengths.size}{spread})"
        )


def check_total(what: str, number: int) -> None:
    """Refuse more documents or tokens than Int64 can count."""
    if number > _INT64_MAX:
        msg = (
            f"the corpus has more than 2**63 - 1 {what}: {number:,}\n"
            "Hint: pack it in parts."
        )
        raise DataError(msg)


def _as_int64(name: str, values: npt.ArrayLike) -> Int64Array:
    """Copy to an int64 array of one dimension."""
    try:
        array = np.asarray(values)
        is_integer = array.dtype.kind in "iu" or array.size == 0
        is_right = array.ndim == 1 and is_integer and not np.ma.is_masked(values)
    except ValueError:
        is_right = False
    if not is_right:
        msg = (
            f"`{name}` must be a 1-D array of integers, got {show(values)}\n"
            "Hint: such as [300, 900]."
        )
        raise DataTypeError(msg)
    if np.any(array > _INT64_MAX):
        msg = (
            f"`{name}` has a number that Int64 cannot hold: {array.max()}\n"
            "Hint: numbers go up to 2**63 - 1."
        )
        raise DataError(msg)
    return array.astype(np.int64)
