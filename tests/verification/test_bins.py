"""Bins: what their chunks add up to, however many are summed at a time."""

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import VerificationError
from oracle import SCHEMA

RIGHT = [(6, 0, 0), (5, 1, 0), (3, 1, 5), (2, 0, 6), (1, 2, 0)]
"""Chunks, each of a document of its own: length, bin, offset; sequences of 8 tokens."""


def table_of(chunks):
    rows = [
        (document, 0, length, bin_, offset)
        for document, (length, bin_, offset) in enumerate(chunks)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@pytest.mark.parametrize("at_a_time", [1, 2, 3, 100])
def test_sums_of_some_bins_at_a_time(small_batches, at_a_time):
    small_batches(bins=at_a_time)
    figures = fastpack.verify(table_of(RIGHT), context_length=8)
    assert figures["n_bins"] == 3
    assert figures["packed"] == 17
    assert figures["padding"] == 7
    assert figures["chunks_per_bin_max"] == 2


@pytest.mark.parametrize("at_a_time", [1, 2, 100])
@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        # Each chunk by itself ends within its bin.
        ([*RIGHT, (8, 4, 0)], "bin 3 is empty"),
        ([*RIGHT, (6, 2, 2)], "bin 2 is not filled from its start on"),  # a hole
        ([*RIGHT, (1, 2, 0)], "bin 2 is not filled from its start on"),  # an overlap
        ([*RIGHT, (7, 2, 1), (1, 2, 7)], "bin 2 holds 9 tokens, more than the context"),
        ([*RIGHT[:-1], (1, 2, 7)], "bin 2 is not filled from its start on"),
        # Starts and ends that are right only in both bins together.
        (
            [(4, 0, 0), (4, 0, 0), (4, 1, 4), (4, 1, 4)],
            "bin 0 is not filled from its start on",
        ),
    ],
)
def test_the_first_bin_that_is_wrong_is_named(
    small_batches, chunks, message, at_a_time
):
    small_batches(bins=at_a_time)
    with pytest.raises(VerificationError, match=message):
        fastpack.verify(table_of(chunks), context_length=8)


def test_more_chunks_than_a_bin_may_have():
    table = table_of(RIGHT)
    fastpack.verify(table, context_length=8, max_documents=2)
    with pytest.raises(VerificationError, match="bin 0 holds 2 chunks, more than `max"):
        fastpack.verify(table, context_length=8, max_documents=1)


@pytest.mark.parametrize("context_length", [2**16 - 1, 2**16, 2**31 - 1])
def test_many_chunks_in_a_bin(context_length):
    n = min(context_length, 2**16)
    documents = pl.DataFrame({"n_tokens": np.ones(n, np.int32)})
    table = fastpack.pack(documents, context_length=context_length)
    figures = fastpack.verify(table, documents, context_length=context_length)
    assert figures["n_bins"] == 1
    assert figures["chunks_per_bin_max"] == n
    assert figures["bins_not_full"] == (n < context_length)
    assert figures["padding"] == context_length - n
    swapped = table.with_columns(bin_offset=pl.col("bin_offset").replace(7, 8))
    with pytest.raises(VerificationError, match="bin 0 is not filled from its start"):
        fastpack.verify(swapped, context_length=context_length)
