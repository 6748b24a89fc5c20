"""Megatron: an index (.idx) beside the tokens (.bin), of Megatron-LM and NeMo.

Little-endian, without gaps:

    byte 0    "MMIDIDX", two zeros
    byte 9    version, uint64: 1
    byte 17   dtype of the tokens, uint8
    byte 18   number of sequences n, uint64
    byte 26   number of documents m and one more, uint64
    byte 34   tokens of each sequence, n int32
              its first byte in the .bin file, n int64
              first sequence of each document, and n itself at the end, m + 1 int64
              mode of each sequence, n int8, in files of several modalities

A *sequence* is Megatron's word for a part of a document; most documents have one. Here,
a document is all its sequences. That lengths and places agree is checked as they are
read, which costs less than to read them.
"""

import struct
from io import FileIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.files.formats.binary import (
    check_order,
    check_size,
    damaged,
    file_size,
    read_array,
    read_into,
)

_MAGIC = b"MMIDIDX\0\0"

_HEADER = struct.Struct("<9sQBQQ")

_DTYPES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}

_FLOATS = (6, 7)

_VERSION_BYTE, _DTYPE_BYTE, _DOCUMENTS_BYTE = 9, 17, 26

_AT_ONCE = 1 << 15
"""Documents that are read at a time: their arrays stay in the caches."""


class MegatronIndex(NamedTuple):
    """An .idx file whose header agrees with its size.

    Parameters
    ----------
    path
        The file.
    dtype
        The dtype of the tokens.
    n_sequences, n_documents
        The numbers of Megatron's sequences and of documents.
    n_bytes
        The size of the .bin file: the end of the last sequence.
    """

    path: Path
    dtype: np.dtype[np.integer]
    n_sequences: int
    n_documents: int
    n_bytes: int = 0

    @property
    def starts_byte(self) -> int:
        """The place of the first bytes of sequences."""
        return _HEADER.size + 4 * self.n_sequences

    @property
    def documents_byte(self) -> int:
        """The place of the first sequences of documents."""
        return self.starts_byte + 8 * self.n_sequences

    def read_offsets(self, first: int, last: int) -> Int64Array:
        """Return the first tokens of documents ``[first, last)``, and the end."""
        offsets = np.zeros(last - first + 1, np.int64)
        with self.path.open("rb", buffering=0) as file:
            for begin in range(first, last, _AT_ONCE):
                end = min(begin + _AT_ONCE, last)
                self._read(file, begin, offsets[begin - first : end - first + 1])
        return offsets

    def _read(self, file: FileIO, first: int, offsets: Int64Array) -> None:
        """Read the first tokens of some documents, and the end, from `first` on."""
        byte = self.documents_byte + 8 * first
        bounds = read_into(np.empty(len(offsets), "<i8"), file, byte, self.path)
        check_order(bounds, self.path, byte + 8, 8)
        begin, end = int(bounds[0]), int(bounds[-1])
        if begin < 0 or end > self.n_sequences:
            raise damaged(
                self.path,
                byte,
                f"sequences from 0 to {self.n_sequences:,}",
                f"{begin:,} to {end:,}",
            )
        byte = _HEADER.size + 4 * begin
        lengths = read_into(np.empty(end - begin, "<i4"), file, byte, self.path)
        starts = self._read_starts(file, begin, end)
        if starts[0] < 0 or (begin == 0 and starts[0] != 0):
            place = self.starts_byte + 8 * begin
            raise damaged(self.path, place, "a place from 0 on", f"{starts[0]:,}")
        if not kernels.parts.lay_out_documents(
            bounds, lengths, starts, self.dtype.itemsize, offsets
        ):
            n_bytes = np.diff(starts)
            expected = lengths.astype(np.int64) * self.dtype.itemsize
            wrong = int(((lengths < 0) | (n_bytes != expected)).argmax())
            raise damaged(
                self.path,
                byte + 4 * wrong,
                f"the tokens of sequence {begin + wrong:,}, which has "
                f"{n_bytes[wrong]:,} bytes of {self.dtype.itemsize} a token",
                f"{lengths[wrong]:,}",
            )

    def _read_starts(self, file: FileIO, first: int, last: int) -> Int64Array:
        """Return the first bytes of sequences ``[first, last]``, of all at the end."""
        starts = np.empty(last - first + 1, "<i8")
        n_read = min(last + 1, self.n_sequences) - first
        read_into(starts[:n_read], file, self.starts_byte + 8 * first, self.path)
        starts[n_read:] = self.n_bytes
        return starts


def open_index(path: Path) -> MegatronIndex:
    """Read the header of an .idx file; compare it with the size of the file."""
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
    if not header.startswith(_MAGIC):
        old = header.startswith(b"TNTIDX")
        hint = (
            "an index of fairseq and old Megatron; write it anew with IndexedDataset"
            if old
            else "is this an .idx file of Megatron?"
        )
        raise damaged(path, 0, repr(_MAGIC), repr(header[: len(_MAGIC)]), hint)
    if len(header) < _HEADER.size:
        raise damaged(path, len(header), f"a header of {_HEADER.size} bytes", "its end")
    _, version, code, n_sequences, n_bounds = _HEADER.unpack(header)
    if version != 1:
        swapped = int.from_bytes(version.to_bytes(8, "little"), "big") == 1
        hint = (
            "the file was written in the other byte order"
            if swapped
            else "a newer format? A newer fastpack may read it"
        )
        raise damaged(path, _VERSION_BYTE, "version 1", version, hint)
    if code not in _DTYPES:
        hint = "tokens are integers" if code in _FLOATS else "a newer format?"
        expected = f"a dtype code of {', '.join(map(str, _DTYPES))}"
        raise damaged(path, _DTYPE_BYTE, expected, code, hint)
    index = MegatronIndex(path, np.dtype(_DTYPES[code]), n_sequences, n_bounds - 1)
    _check_counts(index)
    return index._replace(n_bytes=_end_of_tokens(index))


def _check_counts(index: MegatronIndex) -> None:
    """Compare the counts of the header with the file, and with its last entries."""
    path, n = index.path, index.n_sequences
    if index.n_documents < 0:
        raise damaged(path, _DOCUMENTS_BYTE, "at least 1", 0)
    end = index.documents_byte + 8 * (index.n_documents + 1)
    if file_size(path) != end + n:  # modes: several modalities
        check_size(
            path, end, f"{n:,} sequences and {index.n_documents:,} documents of byte 18"
        )
    for number, expected in ((0, 0), (index.n_documents, n)):
        byte = index.documents_byte + 8 * number
        (found,) = read_array(path, "<i8", 1, byte)
        if found != expected:
            raise damaged(path, byte, f"{expected:,}", f"{found:,}")


def _end_of_tokens(index: MegatronIndex) -> int:
    """Return the end of the last sequence, in bytes."""
    if not index.n_sequences:
        return 0
    last = index.n_sequences - 1
    (start,) = read_array(index.path, "<i8", 1, index.starts_byte + 8 * last)
    (length,) = read_array(index.path, "<i4", 1, _HEADER.size + 4 * last)
    return int(start) + int(length) * index.dtype.itemsize


def write_index(
    file: BinaryIO,
    dtype: np.dtype[np.integer],
    lengths: npt.NDArray[np.int32],
    bounds: Int64Array,
) -> None:
    """Write the index of sequences that follow each other.

    Parameters
    ----------
    file
        The file to write to.
    dtype
        The dtype of the tokens.
    lengths
        The tokens of each sequence.
    bounds
        The first sequence of each document, and the number of sequences.
    """
    code = next(code for code, name in _DTYPES.items() if np.dtype(name) == dtype)
    file.write(_HEADER.pack(_MAGIC, 1, code, len(lengths), len(bounds)))
    ends = np.cumsum(lengths, dtype=np.int64) * dtype.itemsize
    starts = ends - lengths.astype(np.int64) * dtype.itemsize
    file.writelines(array.data for array in (lengths, starts, bounds))
