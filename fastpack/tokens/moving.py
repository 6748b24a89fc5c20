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


def split_evenly(first: int, size: int, itemsize: int) -> Int64Array:
    """Return the borders of equal shares of values, one a thread."""
    n_shares = max(1, min(n_cores(), size * itemsize // _BYTES_A_THREAD))
    return first + np.arange(n_shares + 1) * size // n_shares


def move_values(column: ListColumn, layout: Layout, n_before: int) -> npt.NDArray[Any]:
    """Return the values of all sequences; what comes from no document is not written.

    `n_before` values come before each chunk in its place.
    """
    values = np.empty(layout.n_values, column.numpy_dtype)
    places = layout.places + n_before if n_before else layout.places
    n_moved = 0
    for part in column.parts():

        def move(first: int, end: int, part: Values = part) -> None:
            rows = slice(first, end)
            starts, lengths = layout.starts[rows], layout.lengths[rows]
            _move(part, starts, lengths, values, places[rows])

        shares = split_evenly(part.first, part.array.size, values.itemsize)
        rows = np.searchsorted(layout.starts, shares).tolist()
        map_in_threads(move, rows[:-1], rows[1:])
        n_moved = rows[-1]
    if n_moved < layout.lengths.size:
        raise _other_tokens()
    return values


def repeat_value(
    values: npt.NDArray[Any], places: Int64Array, lengths: Int32Array, value: float
) -> None:
    """Write one value to runs of places."""
    longest = int(lengths.max(initial=0))
    source = Values(0, np.full(longest, value, values.dtype))
    _move(source, np.zeros(lengths.size, np.int64), lengths, values, places)


def _move(
    source: Values,
    starts: Int64Array,
    lengths: Int32Array,
    values: npt.NDArray[Any],
    places: Int64Array,
) -> None:
    source.array.flags.writeable = False  # of one flavour: it is compiled once
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
