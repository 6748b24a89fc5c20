"""datatrove: tokens (.ds), and beside them the end of each document (.ds.index).

No header: the tokens are uint16 or uint32, which follows from the size of the file; the
ends are uint64, counted in tokens, little-endian as all of it.
"""

from pathlib import Path

import numpy as np

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.files.formats.binary import (
    check_order,
    damaged,
    file_size,
    map_array,
    read_array,
)
from fastpack.files.formats.document_file import DocumentFile, FlatFile, beside
from fastpack.files.formats.format import Format, Request

_INDEX = ".index"

_DTYPES = ("<u2", "<u4")


def open_datatrove(path: Path, _: Request) -> DocumentFile:
    """Open the documents of a .ds.index file; their tokens if the .ds file is there.

    Raises
    ------
    DataError
        The files are damaged, or not of each other.
    """
    path = beside(path, _INDEX, "")
    index = path.with_name(path.name + _INDEX)
    if not index.exists():
        msg = (
            f"{index.name} is not beside {path.name}, and says where documents end\n"
            "Hint: copy it too; or name the token at the end of each document: "
            "flat:dtype=uint16,end=50256."
        )
        raise DataError(msg)
    size = file_size(index)
    if size % 8:
        raise damaged(index, size, "whole values of 8 bytes", "its end")
    n_documents = size // 8

    def read_offsets(first: int, last: int) -> Int64Array:
        begin = max(first - 1, 0)
        ends = read_array(index, "<i8", last - begin, 8 * begin)
        offsets = ends if first else np.append(0, ends)
        check_order(offsets, index, 8 * first, 8)
        return offsets

    n_tokens = int(read_offsets(n_documents - 1, n_documents)[1]) if n_documents else 0
    tokens = _map_tokens(path, n_tokens, index) if path.exists() else None
    return FlatFile(n_documents, read_offsets, tokens)


def _map_tokens(path: Path, n_tokens: int, index: Path) -> np.ndarray:
    size = file_size(path)
    for dtype in map(np.dtype, _DTYPES):
        if n_tokens * dtype.itemsize == size:
            return map_array(path, dtype)
    raise damaged(
        path,
        size,
        f"the {n_tokens:,} tokens of {index.name}, of 2 or 4 bytes",
        f"{size:,} bytes",
        "the files are not of each other, or one of them is truncated",
    )


DATATROVE = Format(
    "datatrove",
    "datatrove: documents in .ds.index beside .ds",
    (".ds", ".ds.index"),
    open_datatrove,
    companion=".ds.index",
)
