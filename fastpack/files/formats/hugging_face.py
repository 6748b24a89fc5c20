"""Hugging Face datasets: the folder that `save_to_disk` writes is one source.

state.json names the Arrow streams with the rows, in their order. A folder of datasets
1.x may also have an indices mapping: the numbers of the rows that the dataset has, in
its order (after `select` or `shuffle`). It is honoured, though newer versions of
datasets pass over it.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError, DataTypeError
from fastpack.files.formats.arrow_stream import END, ArrowStream
from fastpack.files.formats.document_file import DocumentFile
from fastpack.files.formats.format import Format, Request
from fastpack.files.formats.writing import Sequences
from fastpack.outputs import replacing_folder

STATE = "state.json"

INFO = "dataset_info.json"

_FILE_BYTES = 500_000_000
"""The size of a file, from which on the next one is begun: as datasets does."""


class _Streams(DocumentFile):
    """The rows of several streams, one after the other."""

    def __init__(self, streams: Sequence[ArrowStream]) -> None:
        self._streams = streams
        self._first_rows = np.cumsum([0, *(each.n_documents for each in streams)])
        schema = streams[0].schema
        for each in streams:
            if each.schema != schema:
                msg = (
                    f"{each.path.name} has other columns than {streams[0].path.name}: "
                    f"{dict(each.schema)}\nHint: save the dataset again."
                )
                raise DataTypeError(msg)
        super().__init__(int(self._first_rows[-1]), schema)

    def read(self, first: int, last: int, columns: Sequence[str]) -> pl.DataFrame:
        parts = [pl.DataFrame(schema=self.schema).select(columns)]
        for start, stream in zip(self._first_rows, self._streams, strict=False):
            begin, end = max(first - start, 0), min(last - start, stream.n_documents)
            if begin < end:
                parts.append(stream.read(int(begin), int(end), columns))
        return pl.concat(parts, rechunk=False)


class _Mapped(DocumentFile):
    """Rows in the order of an indices mapping: the columns of all rows are held."""

    def __init__(self, rows: _Streams, indices: Int64Array) -> None:
        super().__init__(len(indices), rows.schema)
        self._rows = rows
        self._indices = indices
        self._held = pl.DataFrame()

    def read(self, first: int, last: int, columns: Sequence[str]) -> pl.DataFrame:
        if self._held.columns != list(columns):
            self._held = self._rows.read(0, self._rows.n_documents, columns)
        return self._held[self._indices[first:last]]


def open_dataset(folder: Path, _: Request) -> DocumentFile:
    """Open the rows of a dataset.

    Raises
    ------
    DataError
        A file of the folder is damaged, or absent.
    """
    state = _read_state(folder)
    streams = [ArrowStream(path) for path in _paths(folder, state, "_data_files")]
    if not streams:
        msg = f"{STATE} names no files of rows\nHint: save the dataset again."
        raise DataError(msg)
    rows = _Streams(streams)
    paths = _paths(folder, state, "_indices_data_files")
    if not paths:
        return rows
    return _Mapped(rows, _read_indices(paths, rows.n_documents))


def _read_state(folder: Path) -> dict[str, Any]:
    try:
        state = json.loads((folder / STATE).read_bytes())
    except ValueError as error:
        msg = f"{STATE} is no JSON: {error}\nHint: save the dataset again."
        raise DataError(msg) from error
    return state if isinstance(state, dict) else {}


def _paths(folder: Path, state: dict[str, Any], key: str) -> list[Path]:
    """Return the files that the state names."""
    files = state.get(key) or []
    try:
        paths = [folder / file["filename"] for file in files]
    except (TypeError, KeyError) as error:
        msg = (
            f"{STATE} has no names of files under {key!r}: {files!r}\n"
            "Hint: save the dataset again."
        )
        raise DataError(msg) from error
    for path in paths:
        if path.parent != folder or not path.is_file():
            msg = (
                f"{STATE} names a file that is not in the folder: {path.name}\n"
                "Hint: is the copy of the dataset whole?"
            )
            raise DataError(msg)
    return paths


def _read_indices(paths: Sequence[Path], n_rows: int) -> Int64Array:
    streams = _Streams([ArrowStream(path) for path in paths])
    frame = streams.read(0, streams.n_documents, ["indices"])
    indices = frame["indices"].cast(pl.Int64).to_numpy()
    if len(indices) and not 0 <= indices.min() <= indices.max() < n_rows:
        msg = (
            f"the indices mapping has rows from {indices.min():,} to "
            f"{indices.max():,}, the dataset has {n_rows:,}\n"
            "Hint: is the folder damaged?"
        )
        raise DataError(msg)
    return indices


def write_dataset(sequences: Sequences, output: Path, *, overwrite: bool) -> None:
    """Write a folder that `load_from_disk` reads: all columns, in files of 500 MB.

    datasets derives the features from the files. It keeps results of `map` by the
    fingerprint of a dataset: here, that of all bytes.
    """
    with replacing_folder(output, overwrite=overwrite, marker=STATE) as folder:
        files = _write_files(sequences, folder)
        digest = hashlib.sha256()
        names = []
        for number, path in enumerate(files):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
            names.append(f"data-{number:05}-of-{len(files):05}.arrow")
            path.rename(folder / names[-1])
        state: dict[str, object] = {
            "_data_files": [{"filename": name} for name in names],
            "_fingerprint": digest.hexdigest()[:16],
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": None,
        }
        (folder / INFO).write_text("{}", "utf-8")
        (folder / STATE).write_text(json.dumps(state, indent=2), "utf-8")


def _write_files(sequences: Sequences, folder: Path) -> list[Path]:
    """Write Arrow streams, of as many blocks as have room; there is at least one."""
    files: list[Path] = []
    columns = sequences.columns
    schema, _ = _encode(pl.DataFrame(schema=sequences.schema).select(columns))
    blocks = (_encode(block.select(columns))[1] for block in sequences.blocks)
    for records in chain([b""], blocks):
        if not files or files[-1].stat().st_size > _FILE_BYTES:
            files.append(folder / str(len(files)))
            files[-1].write_bytes(schema + END)
        with files[-1].open("r+b") as file:
            file.seek(-len(END), os.SEEK_END)
            file.writelines([records, END])
    return files


def _encode(block: pl.DataFrame) -> tuple[bytes, bytes]:
    """Return the messages of a stream, without its end: the schema, and the records."""
    file = BytesIO()
    block.write_ipc_stream(file, compat_level=pl.CompatLevel.oldest())
    stream = file.getvalue()
    begin = len(END) + int.from_bytes(stream[4:8], "little")
    return stream[:begin], stream[begin : -len(END)]


HUGGING_FACE = Format(
    "huggingface",
    "Hugging Face datasets: a folder of save_to_disk",
    (),
    open_dataset,
    markers=(STATE, INFO),
    write=write_dataset,
)
