"""Rows: columns of any integer type, and what identifies a document."""

import polars as pl
import pytest

import fastpack
from fastpack import DataTypeError, VerificationError

LENGTHS = pl.Series([20, 6, 6, 4, 3] + 140 * [8])
TABLE = fastpack.pack(LENGTHS, context_length=8)
COLUMNS = ["chunk_start", "chunk_length", "bin", "bin_offset"]
INTEGERS = [pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt32, pl.UInt64]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_of_any_type(dtype):
    columns = dict.fromkeys(TABLE.columns, dtype)
    right = fastpack.verify(TABLE, LENGTHS, context_length=8)
    assert fastpack.verify(TABLE.cast(columns), LENGTHS, context_length=8) == right


def test_as_many_bins_as_the_type_can_number():
    table = fastpack.pack(pl.Series(128 * [8]), context_length=8)
    table = table.cast({"bin": pl.Int8})
    assert fastpack.verify(table, context_length=8)["n_bins"] == 128


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("dtype", [pl.Boolean, pl.String, pl.Binary])
def test_columns_of_other_types(column, dtype):
    table = TABLE.with_columns(pl.lit(None, dtype).alias(column))
    with pytest.raises(DataTypeError, match=f"`{column}` must hold integers, got"):
        fastpack.verify(table, context_length=8)


@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64, pl.Decimal(20, 3)])
def test_whole_numbers_that_are_no_integers(dtype):
    # What pandas makes of a column with a null, and DuckDB of a sum.
    lengths = pl.Series([*LENGTHS, 0])
    table = fastpack.pack(lengths, context_length=8)
    right = fastpack.verify(table, lengths, context_length=8)
    columns = dict.fromkeys(table.columns, dtype)
    assert fastpack.verify(table.cast(columns), lengths, context_length=8) == right


@pytest.mark.parametrize("column", ["document", *COLUMNS])
@pytest.mark.parametrize("value", [0.5, float("inf"), -float("inf"), 1e30])
def test_numbers_that_are_no_integers(column, value):
    here = pl.int_range(pl.len()) == 2
    table = TABLE.with_columns(
        pl.when(here).then(value).otherwise(column).alias(column)
    )
    message = f"`{column}` is no integer of 64 bits: in row 2"
    with pytest.raises(VerificationError, match=message):
        fastpack.verify(table, context_length=8)


def test_nan_is_null():
    for column, message in (
        ("chunk_length", "`chunk_length` is null"),
        ("bin", "a chunk has no bin"),
        ("document", "`document` does not count the documents from 0 on"),
    ):
        table = TABLE.with_columns(pl.lit(float("nan")).alias(column))
        with pytest.raises(VerificationError, match=message):
            fastpack.verify(table, context_length=8)
    nothing = fastpack.pack(pl.Series([0, 0]), context_length=8)
    nothing = nothing.with_columns(bin=pl.lit(None), bin_offset=float("nan"))
    assert nothing["bin"].dtype == pl.Null
    assert fastpack.verify(nothing, context_length=8)["n_bins"] == 0


def test_a_frame_of_pandas():
    lengths = pl.Series([*LENGTHS, 0])
    table = fastpack.pack(lengths, context_length=8)
    frame = table.to_pandas()
    assert str(frame["bin"].dtype) == "float64"
    right = fastpack.verify(table, lengths, context_length=8)
    assert fastpack.verify(frame, lengths, context_length=8) == right


@pytest.mark.parametrize("dtype", [*INTEGERS, pl.Int128, pl.Float32])
def test_documents_of_other_numbers(dtype):
    for number in (0, 1):
        table = TABLE.with_columns(document=pl.lit(number, dtype))
        with pytest.raises(VerificationError, match="`document` does not count"):
            fastpack.verify(table, LENGTHS, context_length=8)
    # Beside names, too.
    table = TABLE.with_columns(document=pl.lit(0, dtype), name=pl.lit("a"))
    with pytest.raises(VerificationError, match="`document` does not count"):
        fastpack.verify(table, context_length=8)


def test_only_negative_bins():
    table = TABLE.with_columns(bin=pl.lit(-7, pl.Int64))
    with pytest.raises(VerificationError, match="`bin` is negative: in row 0"):
        fastpack.verify(table, context_length=8)


def test_documents_without_numbers():
    assert TABLE["chunk_start"].to_list()[:3] == [0, 8, 16]
    fastpack.verify(TABLE.drop("document"), LENGTHS, context_length=8)
    # Of texts, a column `document` is a name as any other.
    names = TABLE.with_columns(pl.format("#{}", "document").alias("document"))
    fastpack.verify(names, LENGTHS, context_length=8)
    changed = pl.when(pl.int_range(pl.len()) == 2).then(pl.lit("other"))
    changed = names.with_columns(document=changed.otherwise("document"))
    with pytest.raises(VerificationError, match="changes its 'document' from one"):
        fastpack.verify(changed, LENGTHS, context_length=8)


def test_numbers_of_documents_that_are_null():
    table = TABLE.with_columns(pl.col("document").replace(3, None))
    with pytest.raises(VerificationError, match="does not count the documents from 0"):
        fastpack.verify(table, context_length=8)
