"""Storage: the tokens of users, in memory or in mapped files -> pieces of flat values.

Documents lie one behind the other in pieces: the batches of Arrow files, the chunks of
a frame, or one array. Nothing is copied, and nothing of a file is read.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.inputs import as_frame, check_names, row_text
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError, DataTypeError
from fastpack.storage.location import path_here
from fastpack.tokens.columns import ListColumn, check_dtype
from fastpack.tokens.mapped import MappedArray, map_arrow, open_npy

Source: TypeAlias = (
    tuple[Path, ...] | dict[str, npt.NDArray[Any] | MappedArray] | pl.DataFrame
)
"""Arrow files; flat arrays by name, with their offsets; or a frame of lists."""

OFFSETS = "offsets"
"""The name of the array that says where documents begin."""

_OFFSETS_ARE = (
    "offset i is the place of the first token of document i, the last the end"
)

_ARROW = (".arrow", ".feather", ".ipc")


class StoredColumn(NamedTuple):
    """The values of a column, wherever they are.

    Parameters
    ----------
    dtype, numpy_dtype
        The dtype of the values.
    document_starts
        The number of the first value of each document, and of the end: int64,
        (n_documents + 1,).
    piece_starts
        The number of the first value of each piece: int64, at least one.
    addresses
        The address of this value: int64.
    pieces
        The pieces, which have to live as long as their addresses are used.
    """

    dtype: pl.DataType
    numpy_dtype: np.dtype[Any]
    document_starts: Int64Array
    piece_starts: Int64Array
    addresses: Int64Array
    pieces: list[npt.NDArray[Any]]


def as_source(documents: Any, tokens: str) -> Source:
    """Turn the documents of a user into what can be opened, also in other processes."""
    if isinstance(documents, (str, os.PathLike)):
        return (_arrow_path(documents),)
    if isinstance(documents, Mapping):
        return {name: _as_flat(name, array) for name, array in documents.items()}
    if isinstance(documents, (list, tuple)) and all(
        isinstance(path, (str, os.PathLike)) for path in documents
    ):
        if not documents:
            msg = "`documents` is empty\nHint: name the Arrow IPC files of the tokens."
            raise DataError(msg)
        return tuple(map(_arrow_path, documents))
    if isinstance(documents, pl.LazyFrame):
        msg = (
            "`documents` is a LazyFrame, which holds no tokens\n"
            "Hint: collect it, or sink it to a file that can be mapped: "
            "`.sink_ipc('corpus.arrow')`, and name that."
        )
        raise DataTypeError(msg)
    if isinstance(documents, pl.Series):
        return documents.alias(tokens).to_frame()
    return as_frame(documents, "documents")


def open_columns(source: Source, names: Sequence[str]) -> dict[str, StoredColumn]:
    """Open the columns of a source; refuse those that are not in lockstep."""
    if isinstance(source, tuple):
        columns = _open_files(source, names)
    elif isinstance(source, dict):
        columns = _open_arrays(source, names)
    else:
        columns = _open_frame(source, names)
    first = columns[names[0]]
    for name in names[1:]:
        _check_lockstep(names[0], first.document_starts, name, columns[name])
    return columns


def _arrow_path(path: str | os.PathLike[str]) -> Path:
    absolute = path_here(path, "documents").absolute()
    suffix = absolute.suffix.lower()
    if suffix in _ARROW:
        return absolute
    hint = "pl.scan_parquet(...).sink_ipc('corpus.arrow') writes one."
    if suffix in {".npy", ".bin"}:
        hint = (
            "arrays go by name, with their offsets: {'input_ids': 'tokens.npy', "
            "'offsets': 'offsets.npy'}; a raw file is a numpy.memmap."
        )
    elif suffix != ".parquet":
        hint = f"they are known by their suffix: {', '.join(_ARROW)}."
    msg = f"`documents` must be Arrow IPC files, got {path}\nHint: {hint}"
    raise DataError(msg)


def _as_flat(name: str, array: Any) -> npt.NDArray[Any] | MappedArray:
    if isinstance(array, (str, os.PathLike)):
        array = open_npy(path_here(array, f"documents[{name!r}]"))
    if not isinstance(array, np.ndarray) or array.ndim != 1:
        shape = f" of shape {array.shape}" if isinstance(array, np.ndarray) else ""
        msg = (
            f"`documents[{name!r}]` must be a 1-D array or the path of a .npy file, "
            f"got {type(array).__name__}{shape}\n"
            "Hint: documents lie one behind the other; 'offsets' says where."
        )
        raise DataTypeError(msg)
    if not array.dtype.isnative or array.dtype.kind not in "iufb":
        msg = (
            f"`documents[{name!r}]` must hold integers, floats or booleans, got "
            f"{array.dtype}\nHint: convert it first."
        )
        raise DataTypeError(msg)
    array = np.ascontiguousarray(array) if not array.flags.c_contiguous else array
    return MappedArray.of(array) or array


def _open_files(paths: Sequence[Path], names: Sequence[str]) -> dict[str, StoredColumn]:
    builders: dict[str, _Builder] = {}
    for path in paths:
        n_rows = builders[names[0]].n_rows if builders else 0
        for name, dtype, values, lengths in map_arrow(path, names, n_rows):
            builder = builders.setdefault(name, _Builder(dtype))
            if dtype != builder.dtype:
                msg = (
                    f"`{name}` holds {dtype} in {path}, {builder.dtype} in {paths[0]}\n"
                    "Hint: give it the same type in all files."
                )
                raise DataTypeError(msg)
            builder.add([values], lengths)
    return {name: builder.finish() for name, builder in builders.items()}


def _open_frame(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, StoredColumn]:
    check_names(frame.columns, "documents", names)
    columns = {}
    for name in names:
        dtype = check_dtype(name, frame.schema[name], only_integers=name == names[0])
        builder = _Builder(dtype)
        column = ListColumn(frame.get_column(name), 0)
        builder.add([part.array for part in column.parts()], column.lengths.to_numpy())
        columns[name] = builder.finish()
    return columns


def _open_arrays(
    source: Mapping[str, npt.NDArray[Any] | MappedArray], names: Sequence[str]
) -> dict[str, StoredColumn]:
    check_names(list(source), "documents", [*names, OFFSETS])
    arrays = {
        name: each.open() if isinstance(each, MappedArray) else each
        for name, each in source.items()
        if name in {*names, OFFSETS}
    }
    offsets = arrays[OFFSETS]
    if offsets.dtype.kind not in "iu" or not offsets.size:
        msg = (
            f"`{OFFSETS}` must be n + 1 integers, got {offsets.size} {offsets.dtype}\n"
            f"Hint: {_OFFSETS_ARE}."
        )
        raise DataTypeError(msg)
    falls = offsets[1:] < offsets[:-1]
    if offsets[0] != 0 or falls.any():
        row = int(falls.argmax()) + 1 if offsets[0] == 0 else 0
        msg = (
            f"`{OFFSETS}` must begin with 0 and never fall, got {offsets[row]:,} in "
            f"{row_text(row)}\nHint: {_OFFSETS_ARE}."
        )
        raise DataError(msg)
    document_starts = offsets.astype(np.int64, copy=False)
    columns = {}
    for name in names:
        array = arrays[name]
        if array.size != document_starts[-1]:
            msg = (
                f"`{name}` has {array.size:,} values, and the last of `{OFFSETS}` is "
                f"{document_starts[-1]:,}\nHint: {_OFFSETS_ARE}."
            )
            raise DataError(msg)
        lists = pl.List(pl.Series(array[:0]).dtype)
        columns[name] = StoredColumn(
            dtype=check_dtype(name, lists, only_integers=name == names[0]),
            numpy_dtype=array.dtype,
            document_starts=document_starts,
            piece_starts=np.zeros(1, np.int64),
            addresses=np.array([_address(array)]),
            pieces=[array],
        )
    return columns


class _Builder:
    """A column that is made of the pieces of list columns, one after the other."""

    def __init__(self, dtype: pl.DataType) -> None:
        self.dtype = dtype
        self._pieces: list[npt.NDArray[Any]] = []
        self._lengths: list[npt.NDArray[np.uint32]] = []

    @property
    def n_rows(self) -> int:
        """The documents so far."""
        return sum(map(len, self._lengths))

    def add(
        self, pieces: list[npt.NDArray[Any]], lengths: npt.NDArray[np.uint32]
    ) -> None:
        """Add documents: the pieces that hold their values, and their lengths."""
        self._pieces += [piece for piece in pieces if piece.size]
        self._lengths.append(lengths)

    def finish(self) -> StoredColumn:
        """Return the column."""
        document_starts = np.zeros(self.n_rows + 1, np.int64)
        np.cumsum(np.concatenate(self._lengths), out=document_starts[1:])
        pieces = self._pieces or [pl.Series(dtype=self.dtype).to_numpy()]
        starts = np.cumsum([0, *(piece.size for piece in pieces[:-1])])
        is_boolean = self.dtype == pl.Boolean  # these are moved as bytes
        return StoredColumn(
            dtype=self.dtype,
            numpy_dtype=np.dtype(np.bool_) if is_boolean else pieces[0].dtype,
            document_starts=document_starts,
            piece_starts=starts,
            addresses=np.array(list(map(_address, pieces))),
            pieces=pieces,
        )


def _address(array: npt.NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _check_lockstep(
    tokens: str, document_starts: Int64Array, name: str, column: StoredColumn
) -> None:
    """Refuse a column that has not a value for each token."""
    other = column.document_starts
    if np.array_equal(document_starts, other):
        return
    lengths = np.diff(document_starts), np.diff(other)
    if lengths[0].size == lengths[1].size:
        row = int((lengths[0] != lengths[1]).argmax())
        what = (
            f"has {lengths[1][row]:,} values in {row_text(row)}, and `{tokens}` "
            f"{lengths[0][row]:,}"
        )
    else:
        what = f"has {lengths[1].size:,} rows, and `{tokens}` {lengths[0].size:,}"
    msg = (
        f"`{name}` is not in lockstep with the tokens: it {what}\n"
        "Hint: each document needs a value for each of its tokens."
    )
    raise DataError(msg)
