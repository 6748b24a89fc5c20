"""Arrow streams: record batches one after the other, in a file without a table of them.

The messages are walked once, without the data. Lists of integers are then given out as
they lie in the file, mapped: who asks for their lengths reads the offsets alone. Other
columns are read by Polars, a record batch at a time.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PanicException, PolarsError

from fastpack.errors import FastpackError
from fastpack.files.formats.arrow_schema import ListBuffers, find_lists
from fastpack.files.formats.binary import damaged, map_array
from fastpack.files.formats.document_file import DocumentFile
from fastpack.files.formats.flatbuffers import Table
from fastpack.tokens.lists import as_lists

_CONTINUES = b"\xff\xff\xff\xff"
"""The first bytes of messages since Arrow 0.15, before their length."""

END = _CONTINUES + bytes(4)

_LAST_VERSION = 5
"""Of the messages, since Arrow 1.0."""

_SCHEMA, _DICTIONARY, _RECORDS = 1, 2, 3
"""The kinds of messages."""

_DAMAGE = (
    struct.error,
    ValueError,
    LookupError,
    ArithmeticError,
    RecursionError,
    PolarsError,
    PanicException,
)
"""The errors that a damaged message may cause."""


class _Message(NamedTuple):
    """A message: its kind, header, and where it lies in the file, in bytes."""

    kind: int
    header: Table
    begin: int
    body: int
    end: int


class ArrowStream(DocumentFile):
    """The rows of an Arrow stream in a file.

    Raises
    ------
    DataError
        The file is damaged, or ends before its end-of-stream marker.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bytes = map_array(path, np.uint8)
        self._lists: dict[str, ListBuffers] = {}
        self._batches: list[_Message] = []
        prefix: list[_Message] = []
        at = 0
        while (message := self._message(at)) is not None:
            if message.kind == _RECORDS and prefix:
                self._batches.append(message)
            elif message.kind == (_DICTIONARY if prefix else _SCHEMA):
                prefix.append(message)
            else:
                expected = "records or a dictionary" if prefix else "a schema"
                raise damaged(path, at, expected, f"a message of kind {message.kind}")
            at = message.end
        if not prefix:
            raise damaged(path, 0, "the schema of an Arrow stream", "its end")
        self._prefix = b"".join(self._slice(each.begin, each.end) for each in prefix)
        with self._damage_at(prefix[0].begin):
            self._lists = find_lists(prefix[0].header)
            empty = pl.read_ipc_stream(BytesIO(self._prefix + END))
        rows = []
        for message in self._batches:
            with self._damage_at(message.begin):
                rows.append(_count_rows(message))
        self._first_rows = np.cumsum([0, *rows])
        super().__init__(int(self._first_rows[-1]), empty.schema)

    def read(self, first: int, last: int, columns: Sequence[str]) -> pl.DataFrame:
        """Return rows ``[first, last)``: see `DocumentFile`."""
        parts = [pl.DataFrame(schema=self.schema).select(columns)]
        number = int(np.searchsorted(self._first_rows, first, "right")) - 1
        while number < len(self._batches) and self._first_rows[number] < last:
            start = int(self._first_rows[number])
            frame = self._read_batch(self._batches[number], columns)
            parts.append(frame[max(first - start, 0) : last - start])
            number += 1
        return pl.concat(parts, rechunk=False)

    def _read_batch(self, message: _Message, columns: Sequence[str]) -> pl.DataFrame:
        with self._damage_at(message.begin):
            lists = {
                name: series
                for name in columns
                if (series := self._read_lists(message, name)) is not None
            }
            others = [name for name in columns if name not in lists]
            frame = pl.DataFrame(lists)
            if others:
                data = self._prefix + self._slice(message.begin, message.end) + END
                frame = pl.read_ipc_stream(BytesIO(data), columns=others)
                frame = frame.with_columns(**lists)
            if frame.height != _count_rows(message):
                msg = f"{frame.height:,} rows of {_count_rows(message):,}"
                raise ValueError(msg)
            return frame.select(columns)

    def _read_lists(self, message: _Message, name: str) -> pl.Series | None:
        """Return a column as it lies in the file; None if Polars has to read it."""
        column = self._lists.get(name)
        if column is None or message.header.table(3) is not None:  # compressed
            return None
        nodes, buffers = message.header.pairs(1), message.header.pairs(2)
        (n_rows, null), (n_values, null_values) = nodes[column.node : column.node + 2]
        if null or null_values:
            return None
        if min(n_rows, n_values) < 0:
            msg = f"{n_rows:,} rows of {n_values:,} values"
            raise ValueError(msg)
        _, offsets, _, values = buffers[column.buffer : column.buffer + 4]
        if n_rows == 0:
            return pl.Series(name, [], self.schema[name])
        counted = self._array(message, offsets, column.offsets, n_rows + 1)
        flat = self._array(message, values, column.values, n_values)
        counted = counted.astype(np.int64)
        if counted[0] < 0 or (np.diff(counted) < 0).any() or counted[-1] > n_values:
            raise damaged(
                self.path,
                message.body + offsets[0],
                f"offsets from 0 to {n_values:,}, none less than the one before",
                "others",
            )
        items = pl.Series(flat[counted[0] : counted[-1]])
        return as_lists(items, counted - counted[0]).alias(name)

    def _array(
        self,
        message: _Message,
        buffer: tuple[int, int],
        dtype: np.dtype[np.integer],
        count: int,
    ) -> npt.NDArray[np.integer]:
        """Return the values of a buffer, mapped."""
        begin, size = buffer
        n_bytes = count * dtype.itemsize
        if begin < 0 or size < n_bytes or message.body + begin + size > message.end:
            expected = f"{n_bytes:,} bytes before byte {message.end:,}"
            raise damaged(self.path, message.body + begin, expected, f"{size:,}")
        start = message.body + begin
        array = self._bytes[start : start + n_bytes].view(dtype)
        return array if array.flags.aligned else array.copy()

    def _message(self, at: int) -> _Message | None:
        """Return the message at a byte; None at the end-of-stream marker."""
        head = self._slice(at, at + 8)
        n_words = 2 if head.startswith(_CONTINUES) else 1  # 1 before Arrow 0.15
        begin = at + 4 * n_words
        if begin > len(self._bytes):
            raise damaged(
                self.path,
                at,
                "a message, or the end of the stream",
                f"{len(head)} bytes",
                "the file is truncated: its writer did not come to its end",
            )
        size = int.from_bytes(head[begin - at - 4 : begin - at], "little")
        if size == 0:
            if begin != len(self._bytes):
                raise damaged(self.path, begin, "the end of the file", "more bytes")
            return None
        body = begin + size
        with self._damage_at(at):
            if body > len(self._bytes):
                msg = f"{size:,} bytes of a message behind the end of the file"
                raise ValueError(msg)
            message = Table.root(self._slice(begin, body))
            header = message.table(2)
            end = body + message.number(3, "q")
            self._check_kind(at, message, header)
            if header is None or not body <= end <= len(self._bytes):
                msg = f"a message to byte {end:,} of {len(self._bytes):,}"
                raise ValueError(msg)
            return _Message(message.number(1, "B"), header, at, body, end)

    def _check_kind(self, at: int, message: Table, header: Table | None) -> None:
        """Refuse a newer version, and the other byte order."""
        version = message.number(0, "h") + 1
        if not 1 <= version <= _LAST_VERSION:
            hint = "a newer format? A newer fastpack may read it"
            expected = f"a message of a version from 1 to {_LAST_VERSION}"
            raise damaged(self.path, at, expected, version, hint)
        is_schema = message.number(1, "B") == _SCHEMA
        if header is not None and is_schema and header.number(0, "h") != 0:
            hint = "the file was written on a machine of the other byte order"
            raise damaged(self.path, at, "little-endian numbers", "others", hint)

    @contextmanager
    def _damage_at(self, byte: int) -> Iterator[None]:
        """Name the message at a byte in each error about it."""
        try:
            yield
        except FastpackError:
            raise
        except _DAMAGE as error:
            raise damaged(self.path, byte, "a message of Arrow", error) from error

    def _slice(self, begin: int, end: int) -> bytes:
        return self._bytes[begin:end].tobytes()


def _count_rows(message: _Message) -> int:
    n_rows = message.header.number(0, "q")
    if n_rows < 0:
        msg = f"{n_rows:,} rows"
        raise ValueError(msg)
    return n_rows
