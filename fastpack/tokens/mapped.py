"""Mapped: files of values that are mapped into memory, not read.

NumPy maps its own files and raw ones; Arrow IPC needs PyArrow, as Polars 2 reads it.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PolarsError

from fastpack.documents.inputs import check_names
from fastpack.errors import (
    DataError,
    DataTypeError,
    MissingExtraError,
    SourceNotFoundError,
)
from fastpack.tokens.columns import ListColumn, check_dtype

_MAGIC = b"ARROW1"
"""The first bytes of an Arrow IPC file; without them, it is taken for a stream."""


class MappedArray(NamedTuple):
    """An array that lies in a file: what it takes to map it again.

    Parameters
    ----------
    path
        The file.
    dtype
        The dtype of its values, as a string.
    offset
        The byte of the file where it begins.
    size
        The number of its values.
    """

    path: str
    dtype: str
    offset: int
    size: int

    @classmethod
    def of(cls, array: npt.NDArray[Any]) -> "MappedArray | None":
        """Describe an array of `numpy.memmap`, or a part of one; None for others."""
        whole: Any = array
        while isinstance(whole.base, np.ndarray):
            whole = whole.base
        if not isinstance(whole, np.memmap) or whole.filename is None:
            return None
        # The `offset` of a part is that of the whole.
        start, whole_start = (
            each.__array_interface__["data"][0] for each in (array, whole)
        )
        return cls(
            path=os.path.realpath(whole.filename),
            dtype=array.dtype.str,
            offset=whole.offset + start - whole_start,
            size=array.size,
        )

    def open(self) -> npt.NDArray[Any]:
        """Map the array."""
        if not self.size:  # which cannot be mapped
            return np.empty(0, self.dtype)
        with _errors_name(self.path):
            return np.memmap(self.path, self.dtype, "r", self.offset, (self.size,))


def open_npy(path: Path) -> npt.NDArray[Any]:
    """Map a file of NumPy."""
    with _errors_name(path):
        array: Any = np.load(path, mmap_mode="r")
    if not isinstance(array, np.ndarray):
        msg = f"{path} holds several arrays\nHint: save each to a .npy file."
        raise DataTypeError(msg)
    return array


class MappedLists(NamedTuple):
    """The lists of a column in a batch of an Arrow IPC file.

    Parameters
    ----------
    name, dtype
        The name of the column, and the dtype of its values.
    values
        The values of all lists, mapped.
    lengths
        The values of each list.
    """

    name: str
    dtype: pl.DataType
    values: npt.NDArray[Any]
    lengths: npt.NDArray[np.uint32]


def map_arrow(
    path: Path, names: Sequence[str], first_row: int
) -> Iterator[MappedLists]:
    """Map columns of lists in an Arrow IPC file or stream, batch by batch.

    The first of `names` is that of tokens. `first_row` is the number of the first row,
    for messages. A file without rows has a batch without rows.
    """
    pa = _import_pyarrow(path)
    with _errors_name(path):
        with pa.memory_map(str(path)) as file:
            mapped = file.read_buffer()
        addresses = range(mapped.address, mapped.address + mapped.size)
        is_file = mapped.size >= len(_MAGIC) and mapped[: len(_MAGIC)].equals(
            pa.py_buffer(_MAGIC)
        )
        open_reader = pa.ipc.open_file if is_file else pa.ipc.open_stream
        reader = open_reader(pa.BufferReader(mapped))
        check_names(reader.schema.names, "documents", names)
        batches = reader
        if is_file:
            batches = map(reader.get_batch, range(reader.num_record_batches))
        # To read some columns only (IpcReadOptions) would copy them.
        empty = pa.RecordBatch.from_pylist([], reader.schema)
        for batch in chain([empty], batches):
            for name in names:
                column = batch.column(name)
                series = pl.Series(name, column)
                dtype = check_dtype(name, series.dtype, only_integers=name == names[0])
                lists = ListColumn(series, first_row)
                values = _values_of(column)
                if values.null_count:
                    next(lists.parts())  # it says where
                if dtype == pl.Boolean or (
                    len(values) and values.buffers()[1].address not in addresses
                ):
                    msg = (
                        f"`{name}` cannot be mapped: it is compressed, or holds "
                        "booleans\n"
                        "Hint: pl.scan_parquet(...).sink_ipc('corpus.arrow') does not "
                        "compress; cast booleans to UInt8."
                    )
                    raise DataError(msg)
                lengths = lists.lengths.to_numpy()
                if lengths.sum(dtype=np.int64) != len(values):
                    # Sequences would be copied from outside of the file.
                    msg = f"the offsets of `{name}` fall\nHint: is the file damaged?"
                    raise DataError(msg)
                yield MappedLists(name, dtype, values.to_numpy(), lengths)
            first_row += batch.num_rows


def _values_of(lists: Any) -> Any:
    """Return the values of an array of lists: PyArrow's, as Polars 2.0 copies them."""
    if not len(lists):
        return lists.values[:0]
    if hasattr(lists, "offsets"):
        first, end = lists.offsets[0].as_py(), lists.offsets[-1].as_py()
    else:
        size = lists.type.list_size
        first, end = lists.offset * size, (lists.offset + len(lists)) * size
    return lists.values[first:end]


def _import_pyarrow(path: Path) -> Any:
    try:
        pa = import_module("pyarrow")
        import_module("pyarrow.ipc")
    except ImportError as error:
        msg = (
            f"{path} cannot be mapped without PyArrow: {error}\n"
            "Hint: `pip install pyarrow`, or keep the values in .npy files."
        )
        raise MissingExtraError(msg) from error
    return pa


@contextmanager
def _errors_name(path: str | Path) -> Iterator[None]:
    """Name the file in each error about it."""
    try:
        yield
    except FileNotFoundError as error:
        msg = f"no file of tokens: {path}\nHint: name an Arrow IPC or a .npy file."
        raise SourceNotFoundError(msg) from error
    except (DataError, DataTypeError) as error:
        msg = f"{path}: {error}"
        raise type(error)(msg) from error
    except (OSError, EOFError, ValueError, NotImplementedError, PolarsError) as error:
        msg = (
            f"{path} cannot be mapped: {error}\n"
            "Hint: was it changed since, or is it of another format?"
        )
        raise DataError(msg) from error
