"""NumPy .npy files: the lengths of documents, or the offsets that lie around them.

Both are one row of integers, and no header says which. Offsets begin with 0 and never
decrease: a file that does so is refused, unless the format is named.
"""

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.inputs import DEFAULT_LENGTH
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.files.formats.binary import (
    check_order,
    check_size,
    damaged,
    map_array,
    read_array,
)
from fastpack.files.formats.document_file import DocumentFile, FlatFile
from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.npy_matrix import write_npy

MAGIC = b"\x93NUMPY"

_HEADER_BYTES = {1: 2, 2: 4, 3: 4}
"""The bytes that hold the length of the header, by the version of the format."""

_LARGEST_HEADER = 1 << 16

_PARSING = Lock()
"""Held while a header is parsed: in Python 3.11, threads that make syntax trees at the
same time may get a SystemError (cpython#106905)."""

_AT_ONCE = 1 << 20
"""Values that are looked at before it is known that a row is one of offsets."""


class NpyFile(NamedTuple):
    """An array in a .npy file, whose header agrees with its size.

    Parameters
    ----------
    path
        The file.
    dtype, shape
        Those of the array.
    offset
        The place of its first value in the file, in bytes.
    """

    path: Path
    dtype: np.dtype[np.integer]
    shape: tuple[int, ...]
    offset: int

    def read(self, first: int, last: int) -> Int64Array:
        """Return the values ``[first, last)`` of a row."""
        itemsize = self.dtype.itemsize
        byte = self.offset + first * itemsize
        values = read_array(self.path, self.dtype, last - first, byte)
        signed = values.astype(np.int64)
        if self.dtype.kind == "u" and (signed < 0).any():
            at = int(signed.argmin())
            raise damaged(
                self.path,
                byte + at * itemsize,
                "a number below 2**63",
                f"{values[at]:,}",
            )
        return signed


def is_npy(path: Path) -> bool:
    """Say whether a file begins as .npy files do."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def open_npy(path: Path) -> NpyFile:
    """Read the header of an array of integers; compare it with the size of the file."""
    data = map_array(path, np.uint8)
    return find_array(path, data, 0, len(data))


def find_array(
    path: Path, data: npt.NDArray[np.uint8], begin: int, end: int
) -> NpyFile:
    """Read the header of an array of integers; compare it with the size of the data.

    Parameters
    ----------
    path
        The file that errors name.
    data
        Its bytes.
    begin, end
        The place of the array in it, in bytes.
    """
    start = data[begin : min(begin + 12, end)].tobytes()
    if start[:6] != MAGIC:
        raise damaged(path, begin, repr(MAGIC), repr(start[:6]))
    version = start[6] if len(start) > 6 else 0  # noqa: PLR2004
    if version not in _HEADER_BYTES:
        raise damaged(path, begin + 6, "a version of 1 to 3", version)
    place = begin + 8 + _HEADER_BYTES[version]
    size = int.from_bytes(start[8 : place - begin], "little")
    if not 0 < size <= min(_LARGEST_HEADER, end - place):
        raise damaged(path, begin + 8, "the length of a header", f"{size:,}")
    header = data[place : place + size].tobytes()
    fields = _parse(path, place, header)
    npy = NpyFile(path, *fields, offset=place + size)
    expected = npy.offset + int(np.prod(npy.shape, dtype=object)) * npy.dtype.itemsize
    what = f"an array of shape {npy.shape} and {npy.dtype}"
    check_size(path, expected, what, end)
    return npy


def _parse(
    path: Path, byte: int, header: bytes
) -> tuple[np.dtype[np.integer], tuple[int, ...]]:
    """Return dtype and shape; refuse what is no array of integers in C order."""
    try:
        with _PARSING:
            fields = ast.literal_eval(header.decode("utf-8").strip())
        dtype, order = fields["descr"], fields["fortran_order"]
        shape = fields["shape"]
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError) as error:
        raise damaged(path, byte, "a dictionary of an array", repr(header)) from error
    if not isinstance(dtype, str) or not re.fullmatch("[<>|=]?[iu][1248]", dtype):
        raise damaged(path, byte, "integers", f"dtype {dtype!r}")
    if not isinstance(shape, tuple) or not all(
        type(size) is int and size >= 0 for size in shape
    ):
        raise damaged(path, byte, "the shape of an array", repr(shape))
    if order not in {True, False} or (order and len(shape) > 1):
        raise damaged(path, byte, "rows after each other (C order)", repr(order))
    return np.dtype(dtype), shape


def _open_row(path: Path) -> NpyFile:
    npy = open_npy(path)
    if len(npy.shape) != 1:
        msg = (
            f"an array of one row was expected, got shape {npy.shape}\n"
            "Hint: .npy files hold the lengths of documents, or their offsets."
        )
        raise DataError(msg)
    return npy


class _Lengths(DocumentFile):
    def __init__(self, npy: NpyFile) -> None:
        super().__init__(npy.shape[0], pl.Schema({DEFAULT_LENGTH: pl.Int64()}))
        self._npy = npy

    def read(self, first: int, last: int, columns: Sequence[str]) -> pl.DataFrame:
        return pl.DataFrame({name: self._npy.read(first, last) for name in columns})


def _open(path: Path, _: Request) -> DocumentFile:
    npy = _open_row(path)
    if _looks_like_offsets(npy):
        msg = (
            "these may be lengths, or offsets: they begin with 0 and never decrease\n"
            "Hint: say which: --source-format npy-lengths or npy-offsets."
        )
        raise DataError(msg)
    return _Lengths(npy)


def _looks_like_offsets(npy: NpyFile) -> bool:
    """Say whether a row of some values begins with 0, and never decreases."""
    previous = 0
    (n_values,) = npy.shape
    if n_values == 0 or npy.read(0, 1)[0] != 0:
        return False
    for first in range(0, n_values, _AT_ONCE):
        values = npy.read(first, min(first + _AT_ONCE, n_values))
        if values[0] < previous or (values[1:] < values[:-1]).any():
            return False
        previous = int(values[-1])
    return previous > 0


def _open_lengths(path: Path, _: Request) -> DocumentFile:
    return _Lengths(_open_row(path))


def _open_offsets(path: Path, _: Request) -> DocumentFile:
    npy = _open_row(path)
    (n_values,) = npy.shape

    def read_offsets(first: int, last: int) -> Int64Array:
        offsets = npy.read(first, last + 1)
        byte = npy.offset + (first + 1) * npy.dtype.itemsize
        check_order(offsets, path, byte, npy.dtype.itemsize)
        return offsets

    if n_values == 0 or npy.read(0, 1)[0] != 0:
        found = "no values" if n_values == 0 else f"{npy.read(0, 1)[0]:,}"
        raise damaged(path, npy.offset, "the offset 0", found)
    return FlatFile(n_values - 1, read_offsets, None)


def _is_never(_: Path) -> bool:
    """Say no: the format has to be named."""
    return False


NPY = Format(
    "npy",
    "NumPy: lengths; sequences as a matrix (n, L)",
    (".npy",),
    _open,
    finds=is_npy,
    in_folders=False,
    has_tokens=False,
    write=write_npy,
    holds=(),
    output_suffix=".npy",
)

NPY_LENGTHS = Format(
    "npy-lengths",
    "NumPy: lengths that look like offsets",
    (".npy",),
    _open_lengths,
    finds=_is_never,
    has_tokens=False,
)

NPY_OFFSETS = Format(
    "npy-offsets",
    "NumPy: offsets from 0 on",
    (".npy",),
    _open_offsets,
    finds=_is_never,
    has_tokens=False,
)
