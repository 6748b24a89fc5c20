"""pack(): exactness against the plain reference."""

import random
from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import DataError
from oracle import RULES, SCHEMA, Rules, assert_exact

LENGTHS = [8, 6, 6, 4, 3]


def test_worked_example_of_the_paper():
    frame = pl.DataFrame({"n_tokens": LENGTHS})
    table = fastpack.pack(frame, "n_tokens", context_length=8)
    assert table.schema == SCHEMA
    assert table["bin"].to_list() == [0, 1, 2, 3, 3]
    assert table["bin_offset"].to_list() == [0, 0, 0, 0, 4]
    assert_exact(table, LENGTHS, Rules(8))


context_lengths = st.one_of(
    st.integers(1, 20),
    st.sampled_from([1, 2, 31, 32, 33, 64, 97, 128, 2**20, 2**31 - 2, 2**31 - 1]),
)


dtypes = st.sampled_from(
    [pl.Int8, pl.UInt8, pl.Int16, pl.UInt16, pl.Int32, pl.UInt32, pl.Int64, pl.UInt64]
)


@given(
    lengths=st.lists(st.integers(0, 120), max_size=50),
    context_length=context_lengths,
    long_documents=st.sampled_from(RULES),
    dtype=dtypes,
    cuts=st.lists(st.integers(0, 50), max_size=4),
    margins=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_exact_for_any_lengths_dtype_and_chunking(
    lengths, context_length, long_documents, dtype, cuts, margins
):
    before, after = margins
    padded = pl.Series("n_tokens", [1] * before + lengths + [1] * after, dtype=dtype)
    bounds = [0, *sorted(min(cut, len(padded)) for cut in cuts), len(padded)]
    pieces = [padded[a:b] for a, b in pairwise(bounds)]
    column = pl.concat(pieces, rechunk=False)[before : before + len(lengths)]
    table = fastpack.pack(
        column.to_frame(), context_length=context_length, long_documents=long_documents
    )
    assert table.schema == SCHEMA
    assert_exact(table, lengths, Rules(context_length, long_documents))


@pytest.mark.slow
@pytest.mark.parametrize("long_documents", RULES)
def test_a_thousand_random_cases(long_documents, one_of_every):
    rng = random.Random(2024)
    for _ in range(one_of_every(1000)):
        context_length = rng.choice([1, 2, 3, 7, 8, 13, 32, 100, 127, 1000])
        spread = rng.choice([2, context_length, 2 * context_length, 5 * context_length])
        lengths = [rng.randint(0, spread) for _ in range(rng.randint(0, 80))]
        table = fastpack.pack(
            np.array(lengths, np.int64),
            context_length=context_length,
            long_documents=long_documents,
        )
        assert_exact(table, lengths, Rules(context_length, long_documents))


@pytest.mark.parametrize(
    "lengths",
    [
        [0],
        [0, 0, 0],
        [5],
        [8],
        [9, 100, 64],
        [1] * 100,
        [3] * 50,
        [2**40],
        [7, 0, 8, 0, 9],
    ],
    ids=str,
)
@pytest.mark.parametrize("context_length", [1, 7, 8])
def test_corner_cases(lengths, context_length):
    if lengths == [2**40]:
        context_length = 2**31 - 1
    table = fastpack.pack(np.array(lengths), context_length=context_length)
    assert_exact(table, lengths, Rules(context_length))


def test_a_table_of_one_other_column_is_not_taken_for_lengths():
    for table in (pl.DataFrame({"n": [1]}), pa.table({"n": [1]})):
        with pytest.raises(DataError, match="absent: 'n_tokens'"):
            fastpack.pack(table, context_length=8)


def test_more_rows_than_the_machine_can_hold():
    with pytest.raises(DataError, match=r"576,460,752,303,423,489 rows(.|\n)*longest"):
        fastpack.pack(np.array([2**62, 4]), context_length=8)
    table = fastpack.pack(
        np.array([2**62, 4]), context_length=8, long_documents="truncate"
    )
    assert table["chunk_length"].to_list() == [8, 4]


def test_empty_tables_keep_their_schema():
    for lengths in ([], pl.Series([], dtype=pl.Int16)):
        frame = pl.DataFrame(
            {"n_tokens": lengths, "id": pl.Series([], dtype=pl.String)}
        )
        table = fastpack.pack(frame, context_length=8)
        assert table.schema == SCHEMA
        assert table.height == 0
        kept = fastpack.pack(frame, context_length=8, keep="id")
        assert list(kept.schema.items()) == [
            ("id", pl.String()),
            *list(SCHEMA.items())[1:],
        ]
    assert fastpack.pack(np.array([], np.int64), context_length=8).height == 0
