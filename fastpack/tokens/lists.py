"""Lists: values and offsets -> a Series of lists, without a copy of either.

Polars makes lists of values that exist already by `group_by`, which copies them: 4 x
the time of moving them. Its import of Arrow data takes them as they are. So this asks
Polars for the values and the offsets by the Arrow C data interface, as two cells of a
struct (https://arrow.apache.org/docs/format/CDataInterface.html), and hands the same
memory back, described as a list.

All of it belongs to the struct that Polars has exported, and is freed by Polars. A
callback in Python would not do: it would run in any thread, and while an exception is
raised, which turns that into a SystemError.
"""

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl


class _Schema(ctypes.Structure):
    """An ArrowSchema: a dtype."""


class _Array(ctypes.Structure):
    """An ArrowArray: buffers, and the arrays of its children."""


class _Stream(ctypes.Structure):
    """The beginning of an ArrowArrayStream; its capsule releases it."""


_Release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.c_void_p),
    ("release", _Release),
    ("private_data", ctypes.c_void_p),
]
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.c_void_p),
    ("release", _Release),
    ("private_data", ctypes.c_void_p),
]
_GetNext = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_Stream._fields_ = [("get_schema", _GetNext), ("get_next", _GetNext)]

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_get_pointer.restype = ctypes.c_void_p
_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_new_capsule.restype = ctypes.py_object


def as_lists(values: pl.Series, offsets: npt.NDArray[np.int64]) -> pl.Series:
    """Return a Series of lists: list i is ``values[offsets[i] : offsets[i + 1]]``.

    Parameters
    ----------
    values
        The values of all lists, of any dtype.
    offsets
        Ascending from 0, shape (n + 1,). It belongs to the result: never write to it.
    """
    cells = values.rechunk().implode(), pl.Series(offsets).implode()
    struct = pl.DataFrame([cells[0].alias("values"), cells[1].alias("offsets")])
    capsule = struct.to_struct().__arrow_c_stream__()
    stream = _Stream.from_address(_get_pointer(capsule, b"arrow_array_stream"))
    schema, array = _Schema(), _Array()
    for get, exported in ((stream.get_schema, schema), (stream.get_next, array)):
        if get(ctypes.addressof(stream), ctypes.addressof(exported)):
            msg = "Polars did not export its data"
            raise RuntimeError(msg)
    values_cell, offsets_cell = (array.children[i].contents for i in range(2))
    # A list has two buffers, of validity and of offsets, and its values as a child; an
    # array of integers has two buffers, of validity and of integers.
    array.length = offsets.size - 1
    array.n_buffers = 2
    array.buffers = offsets_cell.children[0].contents.buffers
    array.n_children = 1
    array.children = values_cell.children
    lists = pl.Series(_Capsules(schema.children[0].contents, array))
    schema.release(ctypes.addressof(schema))  # Polars has copied it
    return lists


class _Capsules:
    """A list, as Polars imports it."""

    def __init__(self, schema: _Schema, array: _Array) -> None:
        self._schema = _new_capsule(ctypes.addressof(schema), b"arrow_schema", None)
        self._array = _new_capsule(ctypes.addressof(array), b"arrow_array", None)

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[Any, Any]:
        """Return the schema, and the array, which is moved out of its capsule."""
        del requested_schema
        return self._schema, self._array
