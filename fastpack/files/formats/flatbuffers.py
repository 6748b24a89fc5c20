"""Flatbuffers: the little of them that the messages of an Arrow stream need.

A table begins with the distance back to its vtable, which has the size of the vtable,
that of the table, and then the place of each field in the table, 0 if it is absent. See
flatbuffers.dev/internals and arrow.apache.org/docs/format/Columnar.html.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple


class Table(NamedTuple):
    """A table in a buffer.

    What does not lie in the buffer raises `struct.error` or ValueError.

    Parameters
    ----------
    buffer
        The bytes of a message.
    at
        The place of the table in it.
    """

    buffer: bytes
    at: int

    @classmethod
    def root(cls, buffer: bytes) -> "Table":
        """Return the table that a buffer begins with."""
        return cls(buffer, _unpack("<I", buffer, 0))

    def number(self, field: int, kind: str) -> int:
        """Return a number, as `struct` names its kind; 0 if it is absent."""
        at = self._place(field)
        return 0 if at is None else _unpack(f"<{kind}", self.buffer, at)

    def text(self, field: int) -> str:
        """Return a string."""
        begin, n_bytes = self._vector(field, 1)
        return self.buffer[begin : begin + n_bytes].decode()

    def table(self, field: int) -> "Table | None":
        """Return a table, or a union's."""
        at = self._place(field)
        return None if at is None else self._follow(at)

    def tables(self, field: int) -> Iterator["Table"]:
        """Give the tables of a vector."""
        begin, n_tables = self._vector(field, 4)
        for number in range(n_tables):
            yield self._follow(begin + 4 * number)

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """Return the structs of two int64 of a vector."""
        begin, n_pairs = self._vector(field, 16)
        return list(
            struct.iter_unpack("<qq", self.buffer[begin : begin + 16 * n_pairs])
        )

    def _place(self, field: int) -> int | None:
        vtable = self.at - _unpack("<i", self.buffer, self.at)
        entry = 4 + 2 * field
        if entry >= _unpack("<H", self.buffer, vtable):
            return None
        place = _unpack("<H", self.buffer, vtable + entry)
        return self.at + place if place else None

    def _follow(self, at: int) -> "Table":
        return Table(self.buffer, at + _unpack("<I", self.buffer, at))

    def _vector(self, field: int, itemsize: int) -> tuple[int, int]:
        """Return the place of the first item of a vector, and the number of items."""
        place = self._place(field)
        if place is None:
            return 0, 0
        begin = place + _unpack("<I", self.buffer, place)
        n_items = _unpack("<I", self.buffer, begin)
        if begin + 4 + n_items * itemsize > len(self.buffer):
            msg = f"a vector of {n_items:,} items is longer than its message"
            raise ValueError(msg)
        return begin + 4, n_items


def _unpack(kind: str, buffer: bytes, at: int) -> int:
    if at < 0:  # to struct, a place from the end
        msg = "a place before the message"
        raise ValueError(msg)
    (number,) = struct.unpack_from(kind, buffer, at)
    return int(number)
