"""Boundaries: what those of sequences say -> where their chunks are, and back again.

What they mean is told here again, although `tokens.boundaries` tells it too: a verifier
that used the packer's could not disprove it.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from fastpack.documents.sums import Int64Array
from fastpack.options import PackingOptions


class FlatLists(NamedTuple):
    """Lists of integers, one a sequence.

    Parameters
    ----------
    values
        Those of all lists.
    lengths
        The values of each list.
    """

    values: Int64Array
    lengths: Int64Array

    @property
    def starts(self) -> Int64Array:
        """The place of the first value of each list."""
        return np.cumsum(self.lengths) - self.lengths


class FoundLayout(NamedTuple):
    """Where the chunks of some sequences are.

    Parameters
    ----------
    n_chunks
        The chunks of each sequence.
    rooms
        The values of each chunk with all that is added and the gap behind it.
    lengths
        The same without the gap; None if no boundary says it.
    """

    n_chunks: Int64Array
    rooms: Int64Array
    lengths: Int64Array | None

    @property
    def sequences(self) -> Int64Array:
        """The sequence of each chunk."""
        rows: Int64Array = np.repeat(np.arange(self.n_chunks.size), self.n_chunks)
        return rows

    @property
    def numbers(self) -> Int64Array:
        """The number of each chunk in its sequence."""
        return count_up(np.zeros_like(self.n_chunks), self.n_chunks)

    @property
    def used(self) -> Int64Array:
        """The values of all chunks of each sequence."""
        ends = np.concatenate([[0], np.cumsum(self.rooms)])
        last = np.cumsum(self.n_chunks)
        used: Int64Array = ends[last] - ends[last - self.n_chunks]
        return used

    @property
    def offsets(self) -> Int64Array:
        """The offset of each chunk in its sequence."""
        before = np.cumsum(self.used) - self.used
        offsets: Int64Array = np.cumsum(self.rooms) - self.rooms
        offsets -= before[self.sequences]
        return offsets


def count_up(starts: Int64Array, lengths: Int64Array) -> Int64Array:
    """Return the integers from each start on, as many as its length says."""
    before = np.cumsum(lengths) - lengths
    integers: Int64Array = np.repeat(starts - before, lengths)
    integers += np.arange(integers.size)
    return integers


def _rooms(lengths: Int64Array, options: PackingOptions) -> Int64Array:
    return options.footprints(lengths - options.extra_tokens)


def _of_seq_lengths(
    lists: FlatLists, _sizes: Int64Array, options: PackingOptions
) -> FoundLayout:
    return FoundLayout(lists.lengths, _rooms(lists.values, options), lists.values)


def _of_segment_ids(
    lists: FlatLists, _sizes: Int64Array, options: PackingOptions
) -> FoundLayout:
    ids = lists.values
    is_first = np.diff(ids, prepend=0) != 0
    is_first[lists.starts] = True  # no list is empty
    first = np.flatnonzero(is_first)
    lengths = np.diff(first, append=ids.size)
    is_chunk = ids[first] != 0
    row = np.searchsorted(lists.starts, first[is_chunk], side="right") - 1
    n_chunks = np.bincount(row, minlength=lists.lengths.size)
    lengths = lengths[is_chunk]
    return FoundLayout(n_chunks, _rooms(lengths, options), lengths)


def _of_cu_seqlens(
    lists: FlatLists, _sizes: Int64Array, options: PackingOptions
) -> FoundLayout:
    is_end = np.zeros(lists.values.size, np.bool_)
    is_end[lists.starts + lists.lengths - 1] = True  # no list is empty
    rooms = np.diff(lists.values, append=0)[~is_end]
    lengths = rooms if options.align == 1 else None
    return FoundLayout(lists.lengths - 1, rooms, lengths)


def _of_position_ids(
    lists: FlatLists, sizes: Int64Array, options: PackingOptions
) -> FoundLayout:
    is_first = lists.values == 0
    n_chunks = np.add.reduceat(is_first, lists.starts, dtype=np.int64)
    starts = np.flatnonzero(is_first) - np.repeat(lists.starts, n_chunks)
    return _of_seq_start_id(FlatLists(starts, n_chunks), sizes, options)


def _of_seq_start_id(
    lists: FlatLists, sizes: Int64Array, _options: PackingOptions
) -> FoundLayout:
    ends = np.append(lists.values[1:], 0)
    has_chunks = lists.lengths > 0
    last = (lists.starts + lists.lengths - 1)[has_chunks]
    ends[last] = sizes[has_chunks]
    rooms = ends - lists.values
    return FoundLayout(lists.lengths, rooms, rooms)


LAYOUTS: Mapping[
    str, Callable[[FlatLists, Int64Array, PackingOptions], FoundLayout]
] = {
    "seq_lengths": _of_seq_lengths,
    "segment_ids": _of_segment_ids,
    "cu_seqlens": _of_cu_seqlens,
    "position_ids": _of_position_ids,
    "seq_start_id": _of_seq_start_id,
}
"""The readers of boundaries, those first whose boundaries say the most."""

WITH_ENDS = ("seq_lengths", "segment_ids", "cu_seqlens")
"""The boundaries that say where the last chunk ends, if padding follows it."""

OF_VALUES = ("segment_ids", "position_ids")
"""The boundaries that have a number for each token."""


def boundaries_of(name: str, layout: FoundLayout, sizes: Int64Array) -> FlatLists:
    """Return the boundaries of a layout; `sizes` are the values of sequences."""
    if name == "seq_lengths" and layout.lengths is not None:
        return FlatLists(layout.lengths, layout.n_chunks)
    if name == "seq_start_id":
        return FlatLists(layout.offsets, layout.n_chunks)
    if name == "cu_seqlens":
        lists = FlatLists(np.empty(0, np.int64), layout.n_chunks + 1)
        values = np.empty(lists.lengths.sum(), np.int64)
        is_end = np.zeros(values.size, np.bool_)
        is_end[lists.starts + layout.n_chunks] = True
        values[is_end], values[~is_end] = layout.used, layout.offsets
        return lists._replace(values=values)
    starts = (np.cumsum(sizes) - sizes)[layout.sequences] + layout.offsets
    values = np.zeros(sizes.sum(), np.int64)
    if name == "segment_ids" and layout.lengths is not None:
        values[count_up(starts, layout.lengths)] = np.repeat(
            layout.numbers + 1, layout.lengths
        )
    else:
        rooms = layout.rooms
        values[count_up(starts, rooms)] = count_up(np.zeros_like(rooms), rooms)
    return FlatLists(values, sizes)
