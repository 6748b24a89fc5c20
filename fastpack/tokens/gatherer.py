"""Gatherer: the index and the stored tokens -> one sequence, as a dict of arrays."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from fastpack import kernels
from fastpack.options import PackingOptions
from fastpack.tokens.fill import fill_of
from fastpack.tokens.index import ChunkIndex
from fastpack.tokens.sequence_options import SequenceOptions
from fastpack.tokens.storage import StoredColumn

Item: TypeAlias = dict[str, npt.NDArray[Any]]
"""A sequence."""

Int32Array: TypeAlias = npt.NDArray[np.int32]

_INT32 = np.dtype(np.int32)


class _Chunks(NamedTuple):
    """The chunks of one sequence.

    Parameters
    ----------
    lengths
        The tokens of each, with those that are added: int32.
    footprints
        The tokens of each, with all that is behind it: int32.
    size
        The values of the sequence.
    """

    lengths: Int32Array
    footprints: Int32Array
    size: int

    def cu_seqlens(self) -> Int32Array:
        """Return the offset of each chunk, and the end of the last one."""
        offsets = np.zeros(self.footprints.size + 1, np.int32)
        np.cumsum(self.footprints, out=offsets[1:])
        return offsets

    def number_values(self, *, by_position: bool) -> Int32Array:
        """Return the position of each value in its chunk, or the number of that."""
        ids = np.empty(self.size, np.int32)
        kernels.boundaries.number_values(
            np.array([0, self.lengths.size]),
            self.cu_seqlens(),
            self.footprints if by_position else self.lengths,
            np.array([0, self.size]),
            by_position,
            ids,
        )
        return ids


_OF_CHUNKS: Mapping[str, Callable[[_Chunks], Int32Array]] = {
    "cu_seqlens": _Chunks.cu_seqlens,
    "seq_start_id": lambda chunks: chunks.cu_seqlens()[:-1],
    "position_ids": lambda chunks: chunks.number_values(by_position=True),
    "segment_ids": lambda chunks: chunks.number_values(by_position=False),
}


class Gatherer:
    """Builds sequences. It is called from several threads, and in forked processes.

    Parameters
    ----------
    columns
        The stored values, by name: first the tokens.
    index
        The places of the chunks.
    sequence_options, options
        The options of the sequences, and the rules of the packing.
    boundaries
        The boundaries to be given, by name.
    """

    def __init__(
        self,
        columns: Mapping[str, StoredColumn],
        index: ChunkIndex,
        sequence_options: SequenceOptions,
        options: PackingOptions,
        boundaries: tuple[str, ...],
    ) -> None:
        capacity = options.context_length
        self._columns = []
        self._kept_alive: list[Any] = []
        for name, column in columns.items():
            dtype = column.numpy_dtype
            fill = fill_of(name, column.dtype, dtype, sequence_options)
            padding = np.full(capacity - 1, fill.values[-1])
            values = np.concatenate([fill.values, padding]).view(np.uint8)
            directory = kernels.gathering.make_directory(
                first=index.first,
                positions=index.positions,
                lengths=index.lengths,
                piece_starts=column.piece_starts,
                addresses=column.addresses,
                fill=values,
                itemsize=dtype.itemsize,
                before=fill.before,
                after=fill.after,
                align=options.align,
            )
            # Of the same size, for the kernel: Numba has no arrays of float16.
            moved = np.dtype(np.uint16) if dtype == np.float16 else dtype
            self._columns.append((name, dtype, moved, directory))
            self._kept_alive.append((column, values))
        self._index = index
        first: Any = index.first
        self._first = memoryview(first)  # half the time of an array's element
        self._capacity = capacity
        self._align = options.align
        self._is_padded = sequence_options.pad_id is not None
        self._boundaries = boundaries
        self._gather: Any = kernels.gathering.gather  # an int, if compiled

    def build(self, number: int) -> Item:
        """Build a sequence by its number, which is in range."""
        item: Item = {}
        size = capacity = self._capacity
        first = self._first
        n_chunks = first[number + 1] - first[number] if self._boundaries else 0
        lengths = np.empty(n_chunks, _INT32)
        for name, dtype, moved, directory in self._columns:
            values = np.empty(capacity, moved)
            size = self._gather(number, directory, values, lengths)
            if moved is not dtype:
                values = values.view(dtype)
            if self._is_padded:
                size = capacity
            item[name] = values if size == capacity else values[:size]
        for name in self._boundaries:
            if name == "seq_lengths":
                item[name] = lengths
            else:
                item[name] = self._boundary(name, number, lengths, size)
        return item

    def _boundary(
        self, name: str, number: int, lengths: Int32Array, size: int
    ) -> npt.NDArray[Any]:
        named = self._index.named.get(name)
        if named is not None:
            return named[self._first[number] : self._first[number + 1]].copy()
        footprints = (
            lengths if self._align == 1 else -(-lengths // self._align) * self._align
        )
        return _OF_CHUNKS[name](_Chunks(lengths, footprints, size))
