"""Exact and fast sums of counts."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_INT64 = 2**63

Int64Array: TypeAlias = npt.NDArray[np.int64]


def merge_counts(
    lengths: Int64Array, counts: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Sort lengths ascending and add up the counts of equal ones."""
    if lengths.size and lengths.max() < 16 * lengths.size:
        # Dense: a table takes a tenth of the time of sorting.
        table = np.zeros(lengths.max() + 1, np.int64)
        np.add.at(table, lengths, counts)
        lengths = np.flatnonzero(table)
        return lengths, table[lengths]
    order = np.argsort(lengths, kind="stable")
    lengths = lengths[order]
    is_first = np.ones(lengths.size, bool)
    np.not_equal(lengths[1:], lengths[:-1], out=is_first[1:])
    first = np.flatnonzero(is_first)
    return lengths[first], np.add.reduceat(counts[order], first)


def merge_numbered_counts(
    numbers: Int64Array, lengths: Int64Array, counts: Int64Array
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Sort by number, then length; add up the counts of equal ones.

    Parts that are in order already, as those of a histogram, are merged in a tenth of
    the time of sorting.

    Returns
    -------
    starts, lengths, counts
        The place of the first length of each number, and how many there are in all.
    """
    largest = int(lengths.max(initial=0))
    if (int(numbers.max(initial=0)) + 1) * (largest + 1) < _INT64:
        keys = numbers.astype(np.int64) * (largest + 1) + lengths
        order = np.argsort(keys, kind="stable")
    else:
        order = np.lexsort((lengths, numbers))
    numbers, lengths, counts = numbers[order], lengths[order], counts[order]
    is_start = np.diff(numbers, prepend=-1) != 0
    first = np.flatnonzero(is_start | (np.diff(lengths, prepend=-1) != 0))
    if first.size:
        counts = np.add.reduceat(counts, first)
    starts = np.append(np.flatnonzero(is_start[first]), first.size)
    return starts, lengths[first], counts


def exact_sum(values: Int64Array, counts: Int64Array | None = None) -> int:
    """Add up `values`, none negative, each as often as `counts` says.

    Int64 may be too small for that.
    """
    if values.size == 0:
        return 0
    # None is negative, so the largest of all bounds the sum. Integers, so np.dot is a
    # plain loop; of floats it is BLAS, whose threads then spin for milliseconds.
    largest = int(values.max())
    if counts is None:
        if largest * values.size < _INT64:
            return int(np.add.reduce(values))
        return sum(values.tolist())
    if largest * exact_sum(counts) < _INT64:
        return int(np.dot(values, counts))
    return sum(map(int.__mul__, values.tolist(), counts.tolist()))
