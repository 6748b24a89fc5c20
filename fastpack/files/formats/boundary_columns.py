"""Boundaries as columns of sequences -> flat arrays: counts, starts and lengths."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.tokens.columns import ListColumn, check_dtype

_HINT = "write the columns as pack_tokens made them"


def misfit_error() -> DataError:
    """Return the error of boundaries that are not those of their sequences."""
    msg = f"the boundaries do not fit the tokens of their sequences\nHint: {_HINT}."
    return DataError(msg)


def read_segment_ids(
    series: pl.Series, n_tokens: Int64Array
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Return the chunks of each sequence, their starts and lengths."""
    ids = _per_token(series, n_tokens)
    ends = np.cumsum(n_tokens)
    is_first = np.ones(ids.size, np.bool_)
    is_first[1:] = ids[1:] != ids[:-1]
    is_first[(ends - n_tokens)[n_tokens > 0]] = True
    first = np.flatnonzero(is_first)
    lengths = np.diff(first, append=ids.size)
    is_chunk = ids[first] != 0
    first, lengths = first[is_chunk], lengths[is_chunk]
    rows = np.searchsorted(ends, first, side="right")
    counts = np.bincount(rows, minlength=n_tokens.size)
    return counts, first - (ends - n_tokens)[rows], lengths


def read_starts(
    series: pl.Series, n_tokens: Int64Array, counts: Int64Array
) -> Int64Array:
    """Return the starts of so many chunks of each sequence."""
    if series.name == "position_ids":
        found, starts = read_position_ids(series, n_tokens)
        if (found >= counts).all():
            # Those behind the last chunk are padding.
            numbers = np.arange(starts.size) - np.repeat(
                np.cumsum(found) - found, found
            )
            return starts[numbers < np.repeat(counts, found)]
    elif series.name == "cu_seqlens":
        found, starts, _ = read_cu_seqlens(series)
    else:
        found, starts = read_lists(series)
    if (found != counts).any():
        raise misfit_error()
    return starts


def read_cu_seqlens(series: pl.Series) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Return the chunks of each sequence, their starts, and the end of the last one."""
    counts, values = read_lists(series)
    if (counts == 0).any():
        raise misfit_error()
    last = np.cumsum(counts) - 1
    is_start = np.ones(values.size, np.bool_)
    is_start[last] = False
    return counts - 1, values[is_start], values[last]


def read_position_ids(
    series: pl.Series, n_tokens: Int64Array
) -> tuple[Int64Array, Int64Array]:
    """Return the positions 0 of each sequence, and where they are."""
    first = np.flatnonzero(_per_token(series, n_tokens) == 0)
    ends = np.cumsum(n_tokens)
    rows = np.searchsorted(ends, first, side="right")
    counts = np.bincount(rows, minlength=n_tokens.size)
    if ((counts == 0) & (n_tokens > 0)).any():
        raise misfit_error()
    return counts, first - (ends - n_tokens)[rows]


def add_up(counts: Int64Array, lengths: Int64Array, align: int) -> Int64Array:
    """Return the starts of chunks, each at the next multiple of `align`."""
    rooms = -(-lengths // align) * align
    before = np.append(0, np.cumsum(rooms))
    firsts = before[np.cumsum(counts) - counts]
    starts: Int64Array = before[:-1] - np.repeat(firsts, counts)
    return starts


def _per_token(series: pl.Series, n_tokens: Int64Array) -> npt.NDArray[Any]:
    column = _integers(series)
    if (lengths_of(column) != n_tokens).any():
        raise misfit_error()
    return values_of(column)


def read_lists(series: pl.Series) -> tuple[Int64Array, Int64Array]:
    """Return the number of values in each row, and the values."""
    column = _integers(series)
    return lengths_of(column), values_of(column).astype(np.int64)


def _integers(series: pl.Series) -> ListColumn:
    check_dtype(series.name, series.dtype, only_integers=True, hint=_HINT)
    return ListColumn(series, 0)


def values_of(column: ListColumn) -> npt.NDArray[Any]:
    """Return the values of all rows; a copy only if they lie in several pieces."""
    parts = [part.array for part in column.parts()]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([np.empty(0, column.numpy_dtype), *parts])


def lengths_of(column: ListColumn) -> Int64Array:
    """Return the number of values in each row."""
    return column.lengths.cast(pl.Int64).to_numpy()
