"""Every kind of input: containers, the length column, columns to keep."""

import numpy as np
import pandas as pd
import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pytest

import fastpack
from command_line import run_code
from fastpack import DataError, DataTypeError, OptionError, OptionTypeError
from fastpack.documents.inputs import length_arrays

LENGTHS = [8, 6, 6, 4, 3]


def bins_of(data, *args, **kwargs):
    return fastpack.pack(data, *args, context_length=8, **kwargs)["bin"].to_list()


def test_series_and_arrays_are_the_lengths():
    assert bins_of(pl.Series(LENGTHS)) == [0, 1, 2, 3, 3]
    assert bins_of(pl.Series("tokens", LENGTHS)) == [0, 1, 2, 3, 3]
    assert bins_of(pl.Series("tokens", LENGTHS), "tokens") == [0, 1, 2, 3, 3]
    assert bins_of(np.array(LENGTHS)) == [0, 1, 2, 3, 3]
    with pytest.raises(DataError, match="the columns are 'tokens'"):
        bins_of(pl.Series("tokens", LENGTHS), "lengths")


@pytest.mark.parametrize("dtype", ["u1", "i2", "<i4", ">i4", ">u8", "i8"])
def test_numpy_dtypes_strides_and_flags(dtype):
    array = np.repeat(np.array(LENGTHS, dtype), 2)[::2]
    assert bins_of(array) == [0, 1, 2, 3, 3]
    array.flags.writeable = False
    assert bins_of(array) == [0, 1, 2, 3, 3]
    assert bins_of(array[::-1]) == [3, 3, 1, 2, 0]


def test_input_is_left_as_it_was():
    array = np.array(LENGTHS, np.int32)
    frame = pl.DataFrame({"n_tokens": array})
    fastpack.pack(frame, context_length=8)
    fastpack.pack(array, context_length=8)
    assert array.flags.writeable
    assert array.tolist() == LENGTHS
    assert frame["n_tokens"].to_list() == LENGTHS


@pytest.mark.parametrize(
    "make",
    [
        pa.table,
        pa.record_batch,
        pd.DataFrame,
        lambda columns: pa.table(columns).to_reader(),
        lambda columns: pa.concat_tables([pa.table(columns)]).slice(0),
    ],
    ids=["pyarrow", "batch", "pandas", "reader", "slice"],
)
def test_arrow_streams(make):
    ids = ["a", "b", "c", "d", "e"]
    table = fastpack.pack(
        make({"id": ids, "length": LENGTHS}), "length", context_length=8, keep="id"
    )
    assert table["id"].to_list() == ids
    assert table["bin"].to_list() == [0, 1, 2, 3, 3]


DUCKDB = """
import duckdb
import fastpack
relation = duckdb.sql("select unnest([8, 6, 6, 4, 3]) as n, 'x' as id")
table = fastpack.pack(relation, "n", context_length=8, keep="id")
print(table.columns[0], table["bin"].to_list())
"""


def test_a_duckdb_relation():
    # In a process of its own: DuckDB 2.0 reports leaks of its bindings at exit.
    run = run_code(DUCKDB)
    assert run.stdout == "id [0, 1, 2, 3, 3]\n", run.stderr


def test_arrow_columns_and_pandas_series():
    assert bins_of(pa.chunked_array([[8, 6], [], [6, 4, 3]])) == [0, 1, 2, 3, 3]
    assert bins_of(pa.array(LENGTHS, pa.int16())) == [0, 1, 2, 3, 3]
    assert bins_of(pd.Series(LENGTHS, name="length")) == [0, 1, 2, 3, 3]
    with pytest.raises(DataError, match="has null lengths: 1, the first in row 1"):
        bins_of(pa.array([1, None, 3]))


def test_pandas_without_pyarrow():
    class Frame:
        def __arrow_c_stream__(self, requested_schema=None):
            msg = "`Import pyarrow` failed"
            raise ImportError(msg)

    with pytest.raises(DataTypeError, match="Hint: `pip install pyarrow`"):
        fastpack.pack(Frame(), context_length=8)


def test_lists_are_the_lengths():
    expected = fastpack.pack(np.array(LENGTHS), context_length=8)
    for data in (
        LENGTHS,
        tuple(LENGTHS),
        [np.int8(8), *LENGTHS[1:]],
        list(np.array(LENGTHS)),
    ):
        table = fastpack.pack(data, context_length=8)
        assert table.equals(expected)
        plan = fastpack.plan(data, context_length=8)
        assert plan.assign(data).equals(expected)
        assert fastpack.LengthHistogram.from_lengths(data) == plan.histogram
        assert fastpack.verify(table, data, context_length=8)["n_bins"] == 4
        assert fastpack.compare(data, context_length=8)["n_bins"].to_list() == [4, 5, 4]
        assert fastpack.cuts(data, context_length=8)["documents"].sum() == 5
    assert fastpack.plan([8, 10_000], context_length=8).n_tokens == 10_008
    assert fastpack.plan([], context_length=8).n_bins == 0


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([1.5], DataTypeError, "must hold integers, got float"),
        ([5, True], DataTypeError, "must hold integers, got bool"),
        (["5"], DataTypeError, "must hold integers, got str"),
        ([[5], [6, 7]], DataTypeError, "must hold integers, got list"),
        ([{"n_tokens": 5}], DataTypeError, "must hold integers, got dict"),
        ([5, None], DataError, "has null lengths: 1, the first in row 1"),
        ([5, -1], DataError, "negative length: -1 in row 1"),
        ([5, 2**63], DataError, "that Int64 cannot hold: 9223372036854775808 in row 1"),
        ([5, 2**200], DataError, "a length that Int64 cannot hold"),
    ],
)
def test_lists_that_are_no_lengths(data, error, message):
    with pytest.raises(error, match=message):
        fastpack.pack(data, context_length=8)


@pytest.mark.parametrize("data", [{"n_tokens": LENGTHS}, 5, "x.parquet", None])
def test_what_is_no_table(data):
    with pytest.raises(DataTypeError, match=r"`data` cannot be read(.|\n)*Hint: pass"):
        fastpack.pack(data, context_length=8)


def test_what_needs_a_step_first():
    class Dataset:
        def to_polars(self):
            return pl.DataFrame()

    with pytest.raises(DataTypeError, match=r"Hint: pass `data.to_polars\(\)`"):
        fastpack.pack(Dataset(), context_length=8)
    lazy = pl.LazyFrame({"n_tokens": LENGTHS})
    with pytest.raises(DataTypeError, match=r"`lengths` (.|\n)*Hint: collect it first"):
        fastpack.plan(lazy, context_length=8).assign(lazy)
    with pytest.raises(
        DataTypeError, match=r"1-D array of lengths, got shape \(5, 1\)"
    ):
        fastpack.pack(np.array(LENGTHS)[:, None], context_length=8)


def test_length_as_an_expression():
    frame = pl.DataFrame({"ids": [[0] * length for length in LENGTHS]})
    assert bins_of(frame, pl.col("ids").list.len()) == [0, 1, 2, 3, 3]
    assert bins_of(frame["ids"], pl.col("ids").list.len()) == [0, 1, 2, 3, 3]


def test_names_are_no_patterns():
    frame = pl.DataFrame({"^n$": LENGTHS, "n": [1] * 5, "*": [2] * 5})
    assert bins_of(frame, "^n$") == [0, 1, 2, 3, 3]
    for keep in ("^n$", ["*"]):
        table = fastpack.pack(frame, "n", context_length=8, keep=keep)
        assert table.columns[:-4] == ([keep] if isinstance(keep, str) else keep)


def test_arrow_that_polars_cannot_read():
    for data in (
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
        pd.DataFrame({"n_tokens": [1, "x"]}),
        pl.DataFrame,
    ):
        with pytest.raises(DataTypeError, match="cannot be read as Arrow data"):
            fastpack.pack(data, context_length=8)


def test_length_that_cannot_be_read():
    frame = pl.DataFrame({"n_tokens": LENGTHS, "b": LENGTHS})
    for length, message in [
        (
            "c",
            "names a column that is absent: 'c'\nHint: the columns are 'n_tokens', 'b'",
        ),
        (pl.col("c"), "`length` cannot be read from the table"),
        (pl.col("b").sum(), "one value a document: 1 values for 5 rows"),
        (pl.all(), "must give one column, got 2"),
    ]:
        with pytest.raises(DataError, match=message):
            fastpack.pack(frame, length, context_length=8)
    with pytest.raises(DataTypeError, match="a column's name or an expression, got 5"):
        fastpack.pack(frame, 5, context_length=8)


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([1.0]),
        pl.Series(["1"]),
        pl.Series([True]),
        pl.Series([[1]]),
        pl.Series([{"a": 1}]),
        pl.Series([1], dtype=pl.Decimal(10, 0)),
        pl.Series([0]).cast(pl.Date),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_that_hold_no_integers(column):
    frame = pl.DataFrame({"n_tokens": column})
    with pytest.raises(DataTypeError, match="`n_tokens` must hold integers, got"):
        fastpack.pack(frame, context_length=8)
    assert issubclass(DataTypeError, TypeError)


def test_lengths_that_are_wrong():
    def pack(values, dtype=None):
        series = pl.Series("n", values, dtype=dtype)
        return fastpack.pack(series, context_length=8)

    with pytest.raises(DataError, match="`n` has null lengths: 2, the first in row 1"):
        pack([1, None, 3, None])
    with pytest.raises(DataError, match="null lengths: 1, the first in row 0"):
        pack([None])
    with pytest.raises(DataError, match="negative length: -2 in row 2"):
        pack([1, 5, -2, -3])
    with pytest.raises(DataError, match="cannot hold: 9223372036854775808 in row 1"):
        pack([1, 2**63], pl.UInt64)
    with pytest.raises(DataError, match="more than"):
        pack([2**62, 2**62])
    with pytest.raises(DataTypeError, match="got float64"):
        fastpack.pack(np.array([1.5]), context_length=8)
    with pytest.raises(DataTypeError, match="got bool"):
        fastpack.pack(np.array([True]), context_length=8)
    with pytest.raises(DataTypeError, match="got object"):
        fastpack.pack(np.array([1], object), context_length=8)


def test_keep_names_and_selectors():
    frame = pl.DataFrame(
        {"id": ["a", "b"], "n_tokens": [20, 0], "source": [1, 2], "number": [7, 9]}
    )
    names = ["chunk_start", "chunk_length", "bin", "bin_offset"]
    for keep, columns in [
        ("id", ["id"]),
        (["source", "id"], ["source", "id"]),
        (("id",), ["id"]),
        ("n_tokens", ["n_tokens"]),
        ("number", ["number"]),
        (cs.integer(), ["n_tokens", "source", "number"]),
        (pl.col("id").alias("doc"), ["doc"]),
    ]:
        table = fastpack.pack(frame, context_length=8, keep=keep)
        assert table.columns == columns + names
        assert table.height == 4
    table = fastpack.pack(frame, context_length=8, keep=["id", "number"])
    assert table["id"].to_list() == ["a", "a", "a", "b"]
    assert table["number"].to_list() == [7, 7, 7, 9]


def test_keep_that_cannot_be():
    frame = pl.DataFrame({"n_tokens": LENGTHS, "bin": LENGTHS, "document": LENGTHS})
    # A kept `document` would look like the row index, and be a wrong one.
    for name in ("bin", "document"):
        with pytest.raises(OptionError, match=rf"itself: \['{name}'\]\nHint: rename"):
            fastpack.pack(frame, context_length=8, keep=name)
        with pytest.raises(OptionError, match=rf"itself: \['{name}'\]\nHint: rename"):
            fastpack.pack(frame.lazy(), context_length=8, keep=["n_tokens", name])
    with pytest.raises(DataError, match="`keep` names a column that is absent: 'id'"):
        fastpack.pack(frame, context_length=8, keep="id")
    with pytest.raises(DataError, match=r"columns that are absent: \['id', 'x'\]"):
        fastpack.pack(frame, context_length=8, keep=["id", "x"])
    for keep in ([], cs.string()):
        with pytest.raises(OptionError, match="`keep` selects no column"):
            fastpack.pack(frame, context_length=8, keep=keep)
    for keep in (5, b"x", True, object(), [5]):
        with pytest.raises(OptionTypeError, match="`keep` must be columns' names"):
            fastpack.pack(frame, context_length=8, keep=keep)
    with pytest.raises(DataError, match="one value a document"):
        fastpack.pack(frame, context_length=8, keep=pl.col("n_tokens").max())


def test_length_arrays_have_one_flavour_each():
    for dtype, expected in [
        (pl.UInt8, np.int32),
        (pl.Int16, np.int32),
        (pl.Int32, np.int32),
        (pl.UInt32, np.int64),
        (pl.Int64, np.int64),
        (pl.UInt64, np.int64),
    ]:
        column = pl.Series([1, 2, 3], dtype=dtype)
        chunked = pl.concat([column, column[1:]], rechunk=False)
        arrays = list(length_arrays(chunked))
        assert [array.dtype for array in arrays] == [expected] * len(arrays)
        assert all(array.flags.c_contiguous for array in arrays)
        assert not any(array.flags.writeable for array in arrays)
        assert np.concatenate(arrays).tolist() == [1, 2, 3, 2, 3]
