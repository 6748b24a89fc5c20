"""Arrow schemas: which columns are lists of integers, and which buffers are theirs."""

from typing import NamedTuple

import numpy as np

from fastpack.files.formats.flatbuffers import Table

_INT, _LIST, _LARGE_LIST = 2, 12, 21

_NODES_AND_BUFFERS = {
    1: (1, 0),  # null
    **dict.fromkeys((_INT, 3, 6, 7, 8, 9, 10, 11, 15, 18), (1, 2)),  # of fixed width
    **dict.fromkeys((4, 5, 19, 20), (1, 3)),  # text and bytes
    **dict.fromkeys((_LIST, _LARGE_LIST, 17), (1, 2)),  # lists, maps
    **dict.fromkeys((13, 16), (1, 1)),  # structs, lists of fixed size
}
"""The nodes and buffers of a column in a record batch, without those of its children,
by type. Columns of other types, and those behind them, are left to Polars."""

_INTEGERS: dict[tuple[int, int], np.dtype[np.integer]] = {
    (8 * n_bytes, is_signed): np.dtype(f"<{'ui'[is_signed]}{n_bytes}")
    for n_bytes in (1, 2, 4, 8)
    for is_signed in (0, 1)
}
"""The dtypes of integers, by their bits, and whether they are signed."""


class ListBuffers(NamedTuple):
    """A column of lists of integers, in each record batch.

    Parameters
    ----------
    node, buffer
        The number of its first node and of its first buffer.
    offsets, values
        The dtypes of the two.
    """

    node: int
    buffer: int
    offsets: np.dtype[np.integer]
    values: np.dtype[np.integer]


def find_lists(schema: Table) -> dict[str, ListBuffers]:
    """Return the columns that are lists of integers."""
    lists: dict[str, ListBuffers] = {}
    node = buffer = 0
    for field in schema.tables(1):
        counts = _count(field)
        if counts is None:
            break
        column = _as_list(field, node, buffer)
        if column is not None:
            lists[field.text(0)] = column
        node += counts[0]
        buffer += counts[1]
    return lists


def _count(field: Table) -> tuple[int, int] | None:
    """Return the nodes and buffers of a column; None if that is not known."""
    if field.table(4) is not None:  # a dictionary's indices
        return 1, 2
    counts = _NODES_AND_BUFFERS.get(field.number(2, "B"))
    for child in field.tables(5):
        of_child = _count(child)
        if counts is None or of_child is None:
            return None
        counts = counts[0] + of_child[0], counts[1] + of_child[1]
    return counts


def _as_list(field: Table, node: int, buffer: int) -> ListBuffers | None:
    """Return a column of lists of integers; None if it is one of anything else."""
    kind = field.number(2, "B")
    if kind not in {_LIST, _LARGE_LIST}:
        return None
    (child,) = field.tables(5)
    integer = child.table(3)
    if child.number(2, "B") != _INT or child.table(4) is not None or integer is None:
        return None
    values = _INTEGERS.get((integer.number(0, "i"), integer.number(1, "?")))
    offsets = np.dtype("<i4" if kind == _LIST else "<i8")
    return None if values is None else ListBuffers(node, buffer, offsets, values)
