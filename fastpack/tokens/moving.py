"""Moving: the values of documents -> the values of sequences, on all cores."""

from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.threads import map_in_threads, n_cores
from fastpack.tokens.columns import ListColumn, Values
from fastpack.tokens.layout import Int32Array, Layout

_BYTES_A_THREAD = 1 << 22
"""Bytes that a further thread is worth."""


def split_evenly(n_items: int, itemsize: int) -> list[int]:
    """Return the borders of equal shares of so many items, one a thread."""
    n_shares = max(1, min(n_cores(), n_items * itemsize // _BYTES_A_THREAD))
    return [number * n_items // n_shares for number in range(n_shares + 1)]


def move_values(column: ListColumn, layout: Layout, n_before: int) -> npt.NDArray[Any]:
    """Return the values of all sequences; what comes from no document is not written.

    `n_before` values come before each chunk in its place.
    """
    values = np.empty(layout.n_values, column.numpy_dtype)
    places = layout.places + n_before if n_before else layout.places
    parts = list(column.parts())
    n_source = sum(part.array.size for part in parts)
    if (layout.starts[-1:] >= n_source).any():
        raise _other_tokens()

    def move(start: int, end: int) -> None:
        """Move the chunks that start in a share of the source."""
        for part in parts:
            borders = np.clip([start, end], part.first, part.first + part.array.size)
            rows = slice(*np.searchsorted(layout.starts, borders).tolist())
            starts, lengths = layout.starts[rows], layout.lengths[rows]
            _move(part, starts, lengths, values, places[rows])

    shares = split_evenly(n_source, values.itemsize)
    map_in_threads(move, shares[:-1], shares[1:])
    return values


def repeat_value(
    values: npt.NDArray[Any], places: Int64Array, lengths: Int32Array, value: float
) -> None:
    """Write one value to runs of places."""
    longest = int(lengths.max(initial=0))
    source = Values(0, np.full(longest, value, values.dtype))
    source.array.flags.writeable = False
    _move(source, np.zeros(lengths.size, np.int64), lengths, values, places)


def _move(
    source: Values,
    starts: Int64Array,
    lengths: Int32Array,
    values: npt.NDArray[Any],
    places: Int64Array,
) -> None:
    moved = kernels.moving.move_chunks(
        source.array.view(np.uint8),
        source.first,
        starts,
        lengths,
        values.view(np.uint8),
        places,
        values.itemsize,
    )
    if moved < lengths.size:
        raise _other_tokens()


def _other_tokens() -> DataError:
    msg = (
        "the assignment does not match the tokens: it has a chunk that is not in them\n"
        "Hint: assign the documents that were packed."
    )
    return DataError(msg)
