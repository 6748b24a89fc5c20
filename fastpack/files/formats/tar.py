"""Tar archives: the members of one, found by their headers alone.

Python's tarfile takes a damaged header for the end of the archive; here it is an error.
The layout is that of POSIX (ustar, pax), with the long names of GNU. A compressed
archive is unpacked into a temporary file, which is mapped as others are; those opened
last are kept, as each block of a corpus opens its sources.
"""

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.errors import DataError
from fastpack.files.formats.binary import damaged, map_array

_BLOCK = 512

_GZIP = b"\x1f\x8b"

_AT_ONCE = 1 << 20
"""Bytes that are unpacked at a time."""

_NAME, _SIZE, _CHECKSUM, _KIND, _PREFIX = (
    slice(0, 100),
    slice(124, 136),
    slice(148, 156),
    slice(156, 157),
    slice(345, 500),
)
"""Fields of a header."""

_FILES = (b"0", b"\0", b"7")

_PAX, _PAX_FOR_ALL, _LONG_NAME = b"x", b"g", b"L"


class Member(NamedTuple):
    """A file in an archive: its name, and its bytes ``[begin, end)``."""

    name: str
    begin: int
    end: int


class Archive(NamedTuple):
    """An archive: its bytes, mapped, and the file that errors name."""

    path: Path
    data: npt.NDArray[np.uint8]


def open_archive(path: Path) -> Archive:
    """Open an archive, compressed by gzip or not.

    Raises DataError if what is compressed is damaged.
    """
    data = map_array(path, np.uint8)
    if data[: len(_GZIP)].tobytes() != _GZIP:
        return Archive(path, data)
    status = path.stat()
    unpacked = _unpack(path, status.st_ino, status.st_mtime_ns, status.st_size)
    return Archive(path.with_name(f"{path.name}, unpacked"), unpacked)


@lru_cache(maxsize=2)
def _unpack(path: Path, *_: int) -> npt.NDArray[np.uint8]:
    """Unpack a file of this status into one without a name, and map that."""
    with tempfile.NamedTemporaryFile(prefix="fastpack-") as unpacked:
        try:
            with gzip.open(path) as packed:
                shutil.copyfileobj(packed, unpacked, _AT_ONCE)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            msg = (
                f"byte {unpacked.tell():,} of {path.name}, unpacked: {error}\n"
                "Hint: is the archive truncated or damaged?"
            )
            raise DataError(msg) from error
        unpacked.flush()
        return map_array(Path(unpacked.name), np.uint8)


def members_of(archive: Archive) -> Iterator[Member]:
    """Give the files in an archive, in their order.

    Raises
    ------
    DataError
        A header is damaged, or the archive ends before its end-of-archive marker.
    """
    path, data = archive
    at = 0
    given: dict[str, str] = {}
    while True:
        header = data[at : at + _BLOCK].tobytes()
        if len(header) < _BLOCK:
            hint = "the archive is truncated: its writer did not come to its end"
            found = f"{len(header)} bytes"
            raise damaged(
                path, at, "a header, or the end-of-archive marker", found, hint
            )
        if not any(header):
            if data[at:].any():
                raise damaged(path, at, "zeros to the end of the file", "others")
            return
        name, size, kind = _parse(path, at, header)
        begin = at + _BLOCK
        size = int(given["size"]) if given.get("size", "").isdecimal() else size
        end = begin + size
        if end > len(data):
            expected = f"a member of {size:,} bytes"
            raise damaged(path, at, expected, f"{len(data) - begin:,} bytes")
        if kind == _PAX:
            given |= _parse_pax(data[begin:end].tobytes())
        elif kind == _LONG_NAME:
            given["path"] = _text(data[begin:end].tobytes())
        elif kind != _PAX_FOR_ALL:
            if kind in _FILES:
                yield Member(given.get("path", name), begin, end)
            given = {}
        at = begin - (-size // _BLOCK) * _BLOCK


def _parse(path: Path, at: int, header: bytes) -> tuple[str, int, bytes]:
    """Return the name, the size and the kind of a member."""
    checksum = sum(header) - sum(header[_CHECKSUM]) + 8 * ord(" ")
    if _number(header[_CHECKSUM]) != checksum:
        expected = f"a header of checksum {checksum}"
        raise damaged(path, at, expected, repr(header[_CHECKSUM]))
    size = _number(header[_SIZE])
    if size is None:
        raise damaged(path, at + 124, "the size of a member", repr(header[_SIZE]))
    prefix = _text(header[_PREFIX]) if header[257:262] == b"ustar" else ""
    name = _text(header[_NAME])
    return f"{prefix}/{name}" if prefix else name, size, header[_KIND]


def _number(field: bytes) -> int | None:
    """Return an octal number, or a large one in binary; None if it is neither."""
    if field[0] == 0x80:  # noqa: PLR2004
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        return None


def _parse_pax(data: bytes) -> dict[str, str]:
    """Return the records ``length key=value`` of an extended header."""
    records = (record.partition(b" ")[2] for record in data.split(b"\n"))
    pairs = (record.partition(b"=") for record in records)
    return {_text(key): _text(value) for key, _, value in pairs if key}


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
