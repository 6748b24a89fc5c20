"""Index: an assignment -> where the chunks of each sequence lie, in order."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs
from polars.exceptions import PolarsError

from fastpack import kernels
from fastpack.documents.inputs import row_text
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError, SourceNotFoundError
from fastpack.options import MAX_CONTEXT_LENGTH, PackingOptions
from fastpack.outputs import read_metadata
from fastpack.schemas import ASSIGNMENT_SCHEMA
from fastpack.storage.location import RUN_FOLDER
from fastpack.verification.columns import (
    COLUMNS,
    as_integers,
    check_columns,
    holds_numbers,
)

_SAME = "pass the documents that were packed, all of them, in the same order"


class Assignment(NamedTuple):
    """An assignment, with the rules that its files say.

    Parameters
    ----------
    table
        The rows.
    options
        The rules by which it was packed; None if they are not known.
    """

    table: pl.LazyFrame
    options: PackingOptions | None


class ChunkIndex(NamedTuple):
    """The chunks of all sequences, in order: 12 bytes each, and 8 a sequence.

    Parameters
    ----------
    first
        The place of the first chunk of each sequence, and of the end: int64.
    positions
        The number of the first token of each chunk, among those of all documents.
    lengths
        The tokens of each chunk: int32.
    named
        The columns that are asked for: the row number of each chunk's document,
        ``"documents"``, or its first token there, ``"chunk_starts"``; int64.
    """

    first: Int64Array
    positions: Int64Array
    lengths: npt.NDArray[np.int32]
    named: dict[str, Int64Array]


class _Rows(NamedTuple):
    """The columns of an assignment, as the kernels take them; -1 stands for null."""

    document: Int64Array
    chunk_start: Int64Array
    chunk_length: npt.NDArray[np.int32]
    bin: Int64Array
    bin_offset: npt.NDArray[np.int32]


def scan_assignment(path: Path) -> Assignment:
    """Scan the Parquet file of an assignment, or the folder of a run.

    Raises
    ------
    SourceNotFoundError, DataError
        There is nothing at the path, it is no assignment, or files of a run are absent.
    """
    if not path.exists():
        msg = f"no assignment at {path}\nHint: name what fastpack pack wrote."
        raise SourceNotFoundError(msg)
    if path.is_dir():
        return _scan_folder(path)
    try:
        table = pl.scan_parquet(path, glob=False)
        table.collect_schema()
    except (PolarsError, OSError) as error:
        msg = (
            f"{path} cannot be read as Parquet: {error}\n"
            "Hint: name what fastpack pack wrote."
        )
        raise DataError(msg) from error
    options = (read_metadata(path) or {}).get("options")
    known = None if options is None else PackingOptions.from_dict(options, path)
    return Assignment(table, known)


def _scan_folder(folder: Path) -> Assignment:
    """Scan the files of a run in the order of their documents."""
    found = []
    for path in folder.rglob("*.parquet"):
        if folder / RUN_FOLDER in path.parents:
            continue
        metadata = read_metadata(path) or {}
        if "shard" not in metadata or "sequences" in metadata:
            msg = (
                f"{path} is no file of a run that assigned documents\n"
                "Hint: name a folder of fastpack pack, which holds nothing else."
            )
            raise DataError(msg)
        found.append((metadata["shard"], path, metadata))
    if not found:
        msg = f"{folder} holds no assignment\nHint: name a folder of fastpack pack."
        raise SourceNotFoundError(msg)
    found.sort(key=lambda each: (each[0]["first_document"], each[0]["documents"]))
    end = 0
    for shard, path, metadata in found:
        if shard["first_document"] != end or metadata["job"] != found[0][2]["job"]:
            msg = (
                f"{folder} is not complete, or holds files of several runs: {path} "
                f"begins with document {shard['first_document']:,}, and the files "
                f"before it end with {end:,}\n"
                "Hint: run the same command again to go on."
            )
            raise DataError(msg)
        end += shard["documents"]
    table = pl.concat([pl.scan_parquet(path, glob=False) for _, path, _ in found])
    _, path, metadata = found[0]
    return Assignment(table, PackingOptions.from_dict(metadata["options"], path))


def make_index(
    table: pl.LazyFrame,
    document_starts: Int64Array,
    options: PackingOptions,
    asked: Collection[str],
) -> ChunkIndex:
    """Order the chunks of an assignment by their sequences.

    Parameters
    ----------
    table
        The assignment.
    document_starts
        The number of the first token of each document, and of the end.
    options
        The rules by which it was packed.
    asked
        The columns that are asked for: see `ChunkIndex`. Other names are passed over.

    Raises
    ------
    DataError, DataTypeError
        The table is no assignment, or not one of these documents by these rules.
    """
    rows = _read_rows(table)
    row_positions, shapes = _check_rows(rows, document_starts, options)
    bins, bin_offsets = rows.bin, rows.bin_offset
    columns = {"documents": rows.document, "chunk_starts": rows.chunk_start}
    columns = {name: columns[name] for name in columns if name in asked}
    del rows  # 20 bytes each
    n_bins = int(bins.max(initial=-1)) + 1
    if n_bins > bins.size:
        # A bin is empty, maybe billions are.
        present = np.unique(bins[bins >= 0])
        is_later = present != np.arange(present.size)
        raise _wrong_bin(int(is_later.argmax()), options)
    first, order = kernels.ordering.order_by_bin(
        bins, bin_offsets, n_bins, options.context_length
    )
    positions = np.empty(order.size, np.int64)
    lengths = np.empty(order.size, np.int32)
    wrong = kernels.indexing.place_chunks(
        first,
        order,
        row_positions,
        shapes,
        options.context_length,
        options.extra_tokens,
        options.align,
        positions,
        lengths,
    )
    if wrong >= 0:
        raise _wrong_bin(int(wrong), options)
    named = {name: column[order] for name, column in columns.items()}
    return ChunkIndex(first, positions, lengths, named)


def _read_rows(table: pl.LazyFrame) -> _Rows:
    """Read the columns of an assignment; number its documents, if it does not."""
    schema = table.collect_schema()
    check_columns(schema)
    is_numbered = "document" in schema and holds_numbers(schema["document"])
    names = [*COLUMNS, *(["document"] if is_numbered else [])]
    frame = table.select(cs.by_name(*names)).collect()
    columns = {name: _integers(frame, name) for name in names}
    if not is_numbered:
        # Each document has a row that begins it, also if nothing of it is packed.
        columns["document"] = np.cumsum(columns["chunk_start"] == 0) - 1
    for column in columns.values():
        column.flags.writeable = False  # of the one flavour: kernels compile once
    return _Rows(**columns)


def _integers(frame: pl.DataFrame, name: str) -> npt.NDArray[Any]:
    """Return a column as integers; -1 stands for null and for what is none."""
    integers, _ = as_integers(frame.get_column(name))
    dtype = ASSIGNMENT_SCHEMA[name]
    if dtype == pl.Int32 and integers.dtype != dtype:
        # What it cannot hold stays too large, or negative.
        integers = integers.clip(-1, MAX_CONTEXT_LENGTH)
    return integers.fill_null(-1).cast(dtype).rechunk().to_numpy()


def _check_rows(
    rows: _Rows, document_starts: Int64Array, options: PackingOptions
) -> tuple[Int64Array, Int64Array]:
    """Refuse rows that are not of these documents.

    Returns the number of the first token of each row, and its length and offset, as
    `kernels.indexing.check_chunks` writes them.
    """
    kernel = kernels.indexing
    tokens = np.zeros(document_starts.size - 1, np.int64)
    n_documents = int(rows.document.max(initial=-1)) + 1
    if n_documents != tokens.size:
        msg = (
            f"the assignment has {n_documents:,} documents, and `documents` "
            f"{tokens.size:,}\nHint: {_SAME}."
        )
        raise DataError(msg)
    positions, shapes = np.empty((2, rows.bin.size), np.int64)
    row, reason = kernel.check_chunks(
        *rows, document_starts, options.context_length, tokens, positions, shapes
    )
    if reason != kernel.OK:
        document = int(rows.document[row])
        what = {
            kernel.NO_DOCUMENT: "names no document",
            kernel.OUTSIDE: f"has a chunk that is not in its document {document:,}",
            kernel.BAD_BIN: "has a chunk without a bin, or a bin without a chunk",
            kernel.BAD_OFFSET: "has a chunk that begins outside of its bin",
        }[reason]
        msg = (
            "the assignment is not one of `documents` in sequences of "
            f"{options.context_length:,} tokens: {row_text(int(row))} {what}\n"
            f"Hint: {_SAME}."
        )
        raise DataError(msg)
    wrong = kernel.find_other_length(document_starts, tokens, options.max_chunk)
    if wrong >= 0:
        length = document_starts[wrong + 1] - document_starts[wrong]
        msg = (
            f"document {wrong:,} has {length:,} tokens, and the assignment packs "
            f"{tokens[wrong]:,} of them\nHint: {_SAME}."
        )
        raise DataError(msg)
    return positions, shapes


def _wrong_bin(number: int, options: PackingOptions) -> DataError:
    msg = (
        f"bin {number:,} is not filled from its start on, with room for "
        f"{options.extra_tokens} `extra_tokens` and `align` {options.align}\n"
        "Hint: give the rules by which it was packed, and all rows of the table."
    )
    return DataError(msg)
