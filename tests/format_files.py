"""Documents in the formats of others: what their owners wrote, and plain writers."""

import gzip
import io
import struct
import tarfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

OWNERS = Path(__file__).parent / "files/formats/owners"

DOCUMENTS = [
    [1, 2, 3],
    [],
    [65535],
    list(range(500, 520)),
    [7, 7],
    [9],
    list(range(40000, 40033)),
]
"""The tokens of the documents, in every format: 16 bits each, and none of them 0."""

ENDED = [[*document, 0] for document in DOCUMENTS]
"""The same with the token 0 at the end, for formats that find documents by it."""

PARTS = [[3], [], [1], [12, 8], [2], [1], [10, 20, 3]]
"""The lengths of the parts in which Megatron has each document."""

ORDER = [3, 0, 0, 6, 2]
"""The rows of the dataset with an indices mapping."""

L = 8
"""The length of sequences that are padded."""


def flatten(documents, dtype=np.uint16):
    return np.array([token for document in documents for token in document], dtype)


def write_megatron(path, documents, parts=None):
    """Write an .idx and a .bin file; `parts` are Megatron's sequences."""
    parts = parts or [[len(document)] for document in documents]
    lengths = [length for part in parts for length in part]
    starts = 2 * (np.cumsum([0, *lengths])[:-1])
    bounds = np.cumsum([0, *map(len, parts)])
    counts = len(lengths), len(bounds)
    header = struct.pack("<9sQBQQ", b"MMIDIDX\0\0", 1, 8, *counts)
    path.write_bytes(
        header
        + np.array(lengths, np.int32).tobytes()
        + starts.astype(np.int64).tobytes()
        + bounds.astype(np.int64).tobytes()
    )
    flatten(documents).tofile(path.with_suffix(".bin"))
    return path


def write_datatrove(path, documents):
    """Write a .ds and a .ds.index file; return the path of the index."""
    flatten(documents).tofile(path)
    index = path.with_name(f"{path.name}.index")
    np.cumsum([0, *map(len, documents)])[1:].astype(np.uint64).tofile(index)
    return index


def write_olmo(path, documents):
    flatten(documents).tofile(path)
    ends = np.cumsum([0, *map(len, documents)]).tolist()
    lines = [f"{a},{b}\n" for a, b in pairwise(ends)]
    boundaries = path.with_name(path.name.replace(".npy", ".csv.gz"))
    boundaries.write_bytes(gzip.compress("".join(lines).encode()))
    return path


def write_flat(path, documents):
    flatten(documents).tofile(path)
    return path


def write_lists(path, documents):
    path.write_text("".join(f"{document}\n" for document in documents))
    return path


def write_webdataset(path, documents):
    mode = "w" if path.suffix == ".tar" else "w:gz"
    with tarfile.open(path, mode) as archive:
        for number, document in enumerate(documents):
            array = io.BytesIO()
            np.save(array, np.array(document, np.uint16))
            member = tarfile.TarInfo(f"{number}.input_ids.npy")
            member.size = array.tell()
            array.seek(0)
            archive.addfile(member, array)
    return path


def joined(row):
    """Return the tokens of a sequence."""
    return [token for chunk in row for token in chunk]


def frame_of(chunks, pad=None, dtype=pl.UInt16):
    """Return sequences of chunks, as pack_tokens gives them."""
    rows = [joined(row) for row in chunks]
    lengths = [list(map(len, row)) for row in chunks]
    if pad is not None:
        rows = [row + [pad] * (L - len(row)) for row in rows]
    integers = pl.List(pl.Int32)
    starts = [np.cumsum([0, *row]).tolist() for row in lengths]
    return pl.DataFrame(
        {
            "input_ids": pl.Series(rows, dtype=pl.List(dtype)),
            "seq_lengths": pl.Series(lengths, dtype=integers),
            "cu_seqlens": pl.Series(starts, dtype=integers),
            "seq_start_id": pl.Series([row[:-1] for row in starts], dtype=integers),
        }
    )
