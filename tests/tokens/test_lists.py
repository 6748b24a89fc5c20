"""Lists of values that exist already: of any dtype, not copied, freed when dropped."""

import datetime as dt
import gc
import pickle
import weakref

import numpy as np
import polars as pl
import pytest

from command_line import run_code
from fastpack.tokens.lists import as_lists

OFFSETS = np.array([0, 2, 2, 5])

VALUES = [
    pl.Series([1, 2, 3, 4, 5], dtype=pl.UInt16),
    pl.Series(range(8), dtype=pl.Int64)[2:7],
    pl.concat([pl.Series([1.5, 2.5]), pl.Series([3.5, 4.5, 5.5])], rechunk=False),
    pl.Series([1, 2, 3, 4, 5], dtype=pl.Int128),
    pl.Series([True, False, None, True, True]),
    pl.Series(["a", "", None, "d" * 20, "e"]),
    pl.Series(["x", "y", "x", "y", "z"], dtype=pl.Categorical),
    pl.Series(["x", "y", "x", "y", "z"], dtype=pl.Enum(["x", "y", "z"])),
    pl.Series([dt.datetime(2020, 1, day) for day in range(1, 6)]),
    pl.Series([[1], [2, 3], [], None, [5]]),
    pl.Series([{"a": 1, "b": "x"}] * 5),
    pl.Series([None] * 5),
]


@pytest.mark.parametrize("values", VALUES, ids=lambda values: str(values.dtype))
def test_values_of_any_dtype(values):
    lists = as_lists(values, OFFSETS)
    assert lists.dtype == pl.List(values.dtype)
    all_values = values.to_list()
    assert lists.to_list() == [all_values[:2], [], all_values[2:]]


@pytest.mark.parametrize("n_lists", [0, 3])
def test_no_values(n_lists):
    lists = as_lists(pl.Series([], dtype=pl.Int32), np.zeros(n_lists + 1, np.int64))
    assert lists.to_list() == [[]] * n_lists
    assert lists.dtype == pl.List(pl.Int32)


def test_nothing_is_copied():
    values, offsets = np.arange(1000), np.arange(0, 1001, 10)
    lists = as_lists(pl.Series(values), offsets).to_arrow()
    (_, of_offsets), (_, of_values) = lists.buffers()[:2], lists.values.buffers()
    assert of_offsets.address == offsets.ctypes.data
    assert of_values.address == values.ctypes.data


def test_what_polars_does_with_lists():
    lists = as_lists(pl.Series(range(5)), OFFSETS).alias("lists")
    expected = pl.Series("lists", [[0, 1], [], [2, 3, 4]])
    assert lists.equals(expected)
    frame = lists.to_frame().lazy()
    kept = frame.filter(pl.col("lists").list.len() > 0).collect(engine="streaming")
    assert kept["lists"].to_list() == [[0, 1], [2, 3, 4]]
    assert pl.concat([lists, lists])[2:4].to_list() == [[2, 3, 4], [0, 1]]
    assert pickle.loads(pickle.dumps(lists)).equals(expected)
    assert lists.list.eval(pl.element() + 1).to_list() == [[1, 2], [], [3, 4, 5]]


class Watched(np.ndarray):
    """An array that can be watched."""


def test_memory_is_freed_with_the_last_series():
    freed = []
    values, offsets = np.arange(5.0).view(Watched), np.array(OFFSETS)
    weakref.finalize(values, freed.append, "values")
    lists = as_lists(pl.Series(values), offsets)
    last = lists[2:]
    del values, offsets, lists
    gc.collect()
    assert freed == []
    assert last.to_list() == [[2.0, 3.0, 4.0]]
    del last
    gc.collect()
    pl.Series([1]).sum()
    assert freed == ["values"]


def test_an_exception_while_lists_are_dropped():
    def fail():
        lists = as_lists(pl.Series(range(5)), OFFSETS)
        assert len(lists) == 3
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()


ALIVE = """
import numpy as np, polars as pl, sys
from fastpack.tokens.lists import as_lists
lists = as_lists(pl.Series(np.arange(5)), np.array([0, 2, 2, 5]))
sys.kept = pl.DataFrame([lists])  # alive when all modules are gone
frame = sys.kept.lazy().filter(pl.col("values").list.len() > 0).collect()
print(frame["values"].to_list())
"""


def test_alive_when_the_interpreter_ends():
    run = run_code(ALIVE)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "[[0, 1], [2, 3, 4]]\n"
