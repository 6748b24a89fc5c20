"""Rows: columns of any integer type, and what identifies a document."""

import polars as pl
import pytest

import fastpack
from fastpack import DataTypeError, VerificationError

LENGTHS = pl.Series([20, 6, 6, 4, 3] + 140 * [8])
TABLE = fastpack.pack(LENGTHS, context_length=8)
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


@pytest.mark.parametrize("column", ["chunk_start", "chunk_length", "bin", "bin_offset"])
@pytest.mark.parametrize("dtype", [pl.Float64, pl.String])
def test_columns_of_other_types(column, dtype):
    with pytest.raises(DataTypeError, match=f"`{column}` must hold integers, got"):
        fastpack.verify(TABLE.cast({column: dtype}), context_length=8)


def test_only_negative_bins():
    table = TABLE.with_columns(bin=pl.lit(-7, pl.Int64))
    with pytest.raises(VerificationError, match="a chunk has no bin"):
        fastpack.verify(table, context_length=8)


def test_documents_without_numbers():
    assert TABLE["chunk_start"].to_list()[:3] == [0, 8, 16]
    fastpack.verify(TABLE.drop("document"), LENGTHS, context_length=8)
    # A kept column may be called `document`, too: it names documents as any other.
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
