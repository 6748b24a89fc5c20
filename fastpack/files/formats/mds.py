"""MDS: the shards of MosaicML Streaming, with an index.json. Written, not read.

A shard begins with its number of samples n, n + 1 offsets (uint32), and the JSON of its
columns. A sample has the bytes of each column, in the order of names, before them the
number of bytes of those that vary. A list is an `ndarray` of one dimension, of a fixed
size if its dtype in Polars has one; numbers and texts are what they are. The shards are
byte for byte those of MDSWriter.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl

from fastpack.errors import DataError, DataTypeError
from fastpack.files.formats.boundary_columns import lengths_of, values_of
from fastpack.files.formats.format import Format
from fastpack.files.formats.writing import Sequences
from fastpack.outputs import replacing_folder
from fastpack.tokens.columns import ListColumn

INDEX = "index.json"

_SHARD_BYTES = 1 << 26
"""The bytes of a shard, at most: the default of MDSWriter."""

_OFFSET_BYTES = 4

_NUMBERS: dict[pl.DataType, np.dtype[Any]] = {
    pl.Boolean(): np.dtype(np.uint8),
    **{
        dtype(): pl.Series(dtype=dtype).to_numpy().dtype
        for dtype in (
            *(pl.Int8, pl.Int16, pl.Int32, pl.Int64),
            *(pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
            *(pl.Float32, pl.Float64),
        )
    },
}
"""The dtypes of the numbers of MDS, by those of Polars."""


class _Column(NamedTuple):
    """A column: its name, its encoding, its bytes in each sample, None if they vary."""

    name: str
    encoding: str
    size: int | None

    def encode(self, block: pl.DataFrame) -> Iterator[bytes]:
        """Give the bytes of each sequence."""
        series = block[self.name]
        if isinstance(series.dtype, (pl.List, pl.Array)):
            return self._encode_lists(ListColumn(series, 0))
        if series.null_count():
            msg = (
                f"`{self.name}` has null values\n"
                "Hint: fill them, or leave the column out (--columns)."
            )
            raise DataError(msg)
        if series.dtype == pl.String:
            return (text.encode() for text in series)
        return (value.tobytes() for value in series.to_numpy())

    def _encode_lists(self, column: ListColumn) -> Iterator[bytes]:
        flat = values_of(column)
        ends = np.cumsum(lengths_of(column))
        start = 0
        for end in ends.tolist():
            array = flat[start:end]
            head = b"" if self.size is not None else _shape(len(array))
            yield head + array.tobytes()
            start = end


class _Shards:
    """The shards that are written to a folder."""

    def __init__(self, folder: Path, columns: list[_Column]) -> None:
        self._folder = folder
        self._about = {
            "version": 2,
            "format": "mds",
            "compression": None,
            "hashes": [],
            "size_limit": _SHARD_BYTES,
            "column_names": [each.name for each in columns],
            "column_encodings": [each.encoding for each in columns],
            "column_sizes": [each.size for each in columns],
        }
        self._config = json.dumps(self._about, sort_keys=True).encode()
        self._shards: list[dict[str, Any]] = []
        self._samples: list[bytes] = []
        self._size = self._empty = 2 * _OFFSET_BYTES + len(self._config)

    def add(self, sample: bytes) -> None:
        """Add a sample; write the shard before it, if there is no room for it."""
        size = len(sample) + _OFFSET_BYTES
        if self._size + size > _SHARD_BYTES:
            self._flush()
        self._samples.append(sample)
        self._size += size

    def _flush(self) -> None:
        name = f"shard.{len(self._shards):05}.mds"
        n_samples = len(self._samples)
        offsets = np.zeros(n_samples + 1, np.int64)
        np.cumsum([len(sample) for sample in self._samples], out=offsets[1:])
        offsets += _OFFSET_BYTES * (n_samples + 2) + len(self._config)
        head = np.append(n_samples, offsets).astype("<u4").tobytes() + self._config
        data = head + b"".join(self._samples)
        (self._folder / name).write_bytes(data)
        raw = {"basename": name, "bytes": len(data), "hashes": {}}
        self._shards.append(
            {**self._about, "raw_data": raw, "samples": n_samples, "zip_data": None}
        )
        self._samples = []
        self._size = self._empty

    def finish(self) -> None:
        """Write the last shard, and the index."""
        if self._samples:
            self._flush()
        index = json.dumps({"version": 2, "shards": self._shards}, sort_keys=True)
        (self._folder / INDEX).write_text(index, "utf-8")


def write_mds(sequences: Sequences, output: Path, *, overwrite: bool) -> None:
    """Write a folder of shards: all columns, numbers, texts or lists of numbers."""
    columns = [_column(sequences.schema, name) for name in sorted(sequences.columns)]
    with replacing_folder(output, overwrite=overwrite, marker=INDEX) as folder:
        shards = _Shards(folder, columns)
        for block in sequences.blocks:
            rows = zip(*(each.encode(block) for each in columns), strict=True)
            for parts in rows:
                sizes = (
                    len(part)
                    for part, each in zip(parts, columns, strict=True)
                    if each.size is None
                )
                head = b"".join(struct.pack("<I", size) for size in sizes)
                shards.add(head + b"".join(parts))
        shards.finish()


def _column(schema: pl.Schema, name: str) -> _Column:
    dtype = schema[name]
    if dtype == pl.String:
        return _Column(name, "str", None)
    is_list = isinstance(dtype, (pl.List, pl.Array))
    value = dtype.inner if isinstance(dtype, (pl.List, pl.Array)) else dtype
    kind = _NUMBERS.get(cast("pl.DataType", value))
    if kind is None:
        msg = (
            f"`{name}` is {dtype}, and MDS gets numbers, texts and lists of numbers\n"
            "Hint: leave the column out (--columns), or cast it."
        )
        raise DataTypeError(msg)
    if isinstance(dtype, pl.Array):
        size = dtype.size * kind.itemsize
        return _Column(name, f"ndarray:{kind.name}:{dtype.size}", size)
    if is_list:
        return _Column(name, f"ndarray:{kind.name}", None)
    return _Column(name, kind.name, kind.itemsize)


def _shape(length: int) -> bytes:
    """Return the shape of an array, as MDS encodes it: dimensions, width, length."""
    width = next(width for width in range(4) if length < 1 << (8 << width))
    return struct.pack(f"<B{'BHIQ'[width]}", 1 << 2 | width, length)


MDS = Format(
    "mds",
    "MosaicML Streaming: a folder of MDS shards",
    (),
    write=write_mds,
)
