"""Binary files: arrays at an offset, and the error that names a damaged byte.

A header is not trusted with memory: how much it promises is compared with the size of
the file, before any of it is read.
"""

import stat
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError

TOKEN_DTYPES = (
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
)
"""The dtypes that tokens may have."""

_DAMAGED = "is the file damaged, or not of this format?"


def damaged(
    path: Path, byte: int, expected: str, found: object, hint: str = _DAMAGED
) -> DataError:
    """Return the error that a file does not hold what it has to, with the place."""
    msg = f"byte {byte:,} of {path.name}: expected {expected}, found {found}"
    return DataError(f"{msg}\nHint: {hint}")


def file_size(path: Path) -> int:
    """Return the size of a file; raise DataError if it is a folder, say."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        msg = (
            f"{path.name} is no file, and belongs to a source\n"
            "Hint: it lies beside it, under the name that the format gives it."
        )
        raise DataError(msg)
    return status.st_size


def read_array(
    path: Path, dtype: npt.DTypeLike, count: int, offset: int = 0
) -> npt.NDArray[Any]:
    """Read an array; raise DataError if the file ends before it does."""
    array = np.fromfile(path, dtype, count, offset=offset)
    if len(array) < count:
        end = offset + array.nbytes
        raise damaged(path, end, f"{count:,} values from byte {offset:,} on", "its end")
    return array


def read_into(
    array: npt.NDArray[Any], file: FileIO, byte: int, path: Path
) -> npt.NDArray[Any]:
    """Fill an array from a byte of an open file on; return it. See `read_array`.

    Nothing is allocated: fresh memory costs more than to read what is cached.
    """
    file.seek(byte)
    rest = memoryview(array.view(np.uint8).data)
    while rest:
        n_read = file.readinto(rest)
        if not n_read:
            end = file.tell()
            expected = f"{array.size:,} values from byte {byte:,} on"
            raise damaged(path, end, expected, "its end")
        rest = rest[n_read:]
    return array


def map_array(path: Path, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Map the values of a file; they are read when they are used.

    Nobody may cut the file meanwhile: the system would end the process.
    """
    size = file_size(path)
    dtype = np.dtype(dtype)
    if size % dtype.itemsize:
        expected = f"whole values of {dtype.itemsize} bytes"
        raise damaged(path, size, expected, f"{size:,} bytes")
    if not size:  # nothing to map is an error to the system
        return np.empty(0, dtype)
    return np.memmap(path, dtype, "r").view(np.ndarray)


def check_size(path: Path, expected: int, what: str, size: int | None = None) -> None:
    """Refuse a file, or the `size` bytes of it that are meant, of another size."""
    size = file_size(path) if size is None else size
    if size != expected:
        raise damaged(
            path,
            min(size, expected),
            f"the end at byte {expected:,}, after {what}",
            f"it at byte {size:,}",
            "the file is truncated, still being written, or not of this format",
        )


def check_order(offsets: Int64Array, path: Path, byte: int, itemsize: int) -> None:
    """Refuse offsets that decrease.

    Parameters
    ----------
    offsets
        The offsets: the first one is the end of what came before.
    path, byte, itemsize
        The file, the place of the second offset in it, and the bytes of each.
    """
    falls = np.flatnonzero(offsets[1:] < offsets[:-1])
    if len(falls):
        at = int(falls[0])
        raise damaged(
            path,
            byte + at * itemsize,
            f"an offset of at least {offsets[at]:,}",
            f"{offsets[at + 1]:,}",
        )


def polars_dtype(dtype: npt.DTypeLike) -> pl.DataType:
    """Return the type that Polars has for one of NumPy's."""
    return pl.Series(np.empty(0, dtype)).dtype
