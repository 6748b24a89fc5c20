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
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.errors import DataError
from fastpack.files.formats.binary import (
    Int64Array,
    check_order,
    check_size,
    damaged,
    map_array,
    read_array,
)
from fastpack.files.formats.document_file import DocumentFile, FlatFile, beside
from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.writing import (
    Sequences,
    chunks_of,
    lengths_of,
    tokens_dtype,
)
from fastpack.outputs import exists_error, replacing
from fastpack.tokens.columns import ListColumn

_MAGIC = b"MMIDIDX\0\0"

_HEADER = struct.Struct("<9sQBQQ")

_DTYPES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}

_FLOATS = (6, 7)

_VERSION_BYTE, _DTYPE_BYTE, _DOCUMENTS_BYTE = 9, 17, 26


class _Index(NamedTuple):
    """An .idx file whose header agrees with its size.

    Parameters
    ----------
    path
        The file.
    dtype
        The dtype of the tokens.
    n_sequences, n_documents
        The numbers of Megatron's sequences and of documents.
    """

    path: Path
    dtype: np.dtype[np.integer]
    n_sequences: int
    n_documents: int

    @property
    def starts_byte(self) -> int:
        """The place of the first bytes of sequences."""
        return _HEADER.size + 4 * self.n_sequences

    @property
    def documents_byte(self) -> int:
        """The place of the first sequences of documents."""
        return self.starts_byte + 8 * self.n_sequences

    def read_starts(self, first: int, last: int) -> Int64Array:
        """Return the first bytes of sequences ``[first, last]``, of all at the end."""
        count = min(last + 1, self.n_sequences) - first
        byte = self.starts_byte + 8 * first
        starts = read_array(self.path, "<i8", count, byte)
        if last == self.n_sequences:
            starts = np.append(starts, self.n_bytes())
        return starts

    def read_lengths(self, first: int, last: int) -> Int64Array:
        """Return the tokens of sequences ``[first, last)``."""
        byte = _HEADER.size + 4 * first
        return read_array(self.path, "<i4", last - first, byte).astype(np.int64)

    def n_bytes(self) -> int:
        """Return the size of the .bin file: the end of the last sequence."""
        if not self.n_sequences:
            return 0
        last = self.n_sequences - 1
        (start,) = read_array(self.path, "<i8", 1, self.starts_byte + 8 * last)
        (length,) = self.read_lengths(last, last + 1)
        return int(start) + int(length) * self.dtype.itemsize

    def read_offsets(self, first: int, last: int) -> Int64Array:
        """Return the first tokens of documents ``[first, last)``, and the end."""
        byte = self.documents_byte + 8 * first
        bounds = read_array(self.path, "<i8", last - first + 1, byte)
        check_order(bounds, self.path, byte + 8, 8)
        begin, end = int(bounds[0]), int(bounds[-1])
        if begin < 0 or end > self.n_sequences:
            raise damaged(
                self.path,
                byte,
                f"sequences from 0 to {self.n_sequences:,}",
                f"{begin:,} to {end:,}",
            )
        starts = self.read_starts(begin, end)
        lengths = self.read_lengths(begin, end)
        lengths *= self.dtype.itemsize
        wrong = (lengths < 0) | (np.diff(starts) != lengths)
        if wrong.any():
            raise self._disagreement(begin + int(wrong.argmax()))
        if begin == 0 and starts[0] != 0:
            raise damaged(self.path, self.starts_byte, "0", f"{starts[0]:,}")
        starts //= self.dtype.itemsize
        offsets: Int64Array = starts[bounds - begin]
        return offsets

    def _disagreement(self, sequence: int) -> DataError:
        (length,) = self.read_lengths(sequence, sequence + 1)
        start, end = self.read_starts(sequence, sequence + 1)
        return damaged(
            self.path,
            _HEADER.size + 4 * sequence,
            f"the tokens of sequence {sequence:,}, which has {end - start:,} bytes of "
            f"{self.dtype.itemsize} a token",
            f"{length:,}",
        )


def _open_index(path: Path) -> _Index:
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
    index = _Index(path, np.dtype(_DTYPES[code]), n_sequences, n_bounds - 1)
    _check_counts(index)
    return index


def _check_counts(index: _Index) -> None:
    """Compare the counts of the header with the file, and with its last entries."""
    path, n = index.path, index.n_sequences
    if index.n_documents < 0:
        raise damaged(path, _DOCUMENTS_BYTE, "at least 1", 0)
    end = index.documents_byte + 8 * (index.n_documents + 1)
    if path.stat().st_size != end + n:  # modes: several modalities
        check_size(
            path, end, f"{n:,} sequences and {index.n_documents:,} documents of byte 18"
        )
    for number, expected in ((0, 0), (index.n_documents, n)):
        byte = index.documents_byte + 8 * number
        (found,) = read_array(path, "<i8", 1, byte)
        if found != expected:
            raise damaged(path, byte, f"{expected:,}", f"{found:,}")


def open_megatron(path: Path, _: Request) -> DocumentFile:
    """Open the documents of an .idx file; their tokens if the .bin file is beside it.

    Raises
    ------
    DataError
        The files are damaged, of another format, or not of each other.
    """
    path = beside(path, ".bin", ".idx")
    index = _open_index(path)
    bin_path = beside(path, ".idx", ".bin")
    tokens = None
    if bin_path.exists():
        check_size(bin_path, index.n_bytes(), f"the last sequence of {path.name}")
        tokens = map_array(bin_path, index.dtype)
    return FlatFile(index.n_documents, index.read_offsets, tokens)


def write_megatron(sequences: Sequences, output: Path, *, overwrite: bool) -> None:
    """Write an .idx file, and the .bin file beside it.

    A training sequence is a document of Megatron, a chunk in it a sequence of Megatron;
    so is the padding at its end, if there is any. Loaders that look at documents alone
    see whole training sequences.
    """
    bin_path = beside(output, ".idx", ".bin")
    if bin_path.exists() and not overwrite:
        raise exists_error(bin_path)
    dtype = _dtype_of(sequences)
    with (
        replacing(output, overwrite=overwrite) as idx_temporary,
        replacing(bin_path, overwrite=overwrite) as bin_temporary,
    ):
        lengths, bounds = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
        with bin_temporary.open("wb") as file:
            for block in sequences.blocks:
                tokens = ListColumn(block[sequences.tokens], 0)
                for part in tokens.parts():
                    file.write(_as_dtype(part.array, dtype).data)
                n_tokens = lengths_of(tokens)
                counts, pieces = chunks_of(block, n_tokens).pieces(n_tokens)
                lengths.append(pieces.astype(np.int32))
                bounds.append(bounds[-1][-1] + np.cumsum(counts))
        with idx_temporary.open("wb") as file:
            _write_index(file, dtype, np.concatenate(lengths), np.concatenate(bounds))


def _dtype_of(sequences: Sequences) -> np.dtype[np.integer]:
    """Return the dtype that tokens are written in: Megatron has no uint32 or uint64."""
    dtype = tokens_dtype(sequences)
    signed = {"uint32": "<i4", "uint64": "<i8"}
    return np.dtype(signed[dtype.name]) if dtype.name in signed else dtype


def _as_dtype(
    tokens: npt.NDArray[Any], dtype: np.dtype[np.integer]
) -> npt.NDArray[Any]:
    if tokens.dtype == dtype:
        return tokens
    largest = np.iinfo(dtype).max
    if len(tokens) and tokens.max() > largest:
        msg = (
            f"a token is {tokens.max():,}, and Megatron's {dtype} holds up to "
            f"{largest:,}\nHint: are these tokens?"
        )
        raise DataError(msg)
    return tokens.astype(dtype)


def _write_index(
    file: BinaryIO,
    dtype: np.dtype[np.integer],
    lengths: npt.NDArray[np.int32],
    bounds: Int64Array,
) -> None:
    code = next(code for code, name in _DTYPES.items() if np.dtype(name) == dtype)
    file.write(_HEADER.pack(_MAGIC, 1, code, len(lengths), len(bounds)))
    ends = np.cumsum(lengths, dtype=np.int64) * dtype.itemsize
    starts = ends - lengths.astype(np.int64) * dtype.itemsize
    file.writelines(array.data for array in (lengths, starts, bounds))


MEGATRON = Format(
    "megatron",
    "Megatron-LM, NeMo: tokens in .bin beside .idx",
    (".idx",),
    open_megatron,
    companion=".bin",
    write=write_megatron,
    output_suffix=".idx",
)
