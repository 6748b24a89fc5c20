"""Cursors: any part of a corpus gets the rows of one pass over the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack


def plan_of(lengths, context_length, **options):
    return fastpack.plan(np.array(lengths), context_length=context_length, **options)


def new_columns(rows):
    return {
        "document": np.zeros(rows, np.int64),
        "chunk_start": np.zeros(rows, np.int64),
        "chunk_length": np.zeros(rows, np.int32),
        "bin": np.zeros(rows, np.int64),
        "bin_offset": np.zeros(rows, np.int32),
    }


@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    context_length=st.integers(1, 12),
    rows=st.integers(1, 5),
    long_documents=st.sampled_from(["split", "truncate", "drop"]),
)
def test_any_cut_of_the_output_gives_the_same_rows(
    lengths, context_length, rows, long_documents
):
    plan = plan_of(lengths, context_length, long_documents=long_documents)
    array = np.array(lengths, np.int32)
    whole = new_columns(plan.n_rows)
    assert plan.blocks[0].assigner().cursors.fill(array, whole) == (
        len(lengths),
        plan.n_rows,
    )

    assigner = plan.blocks[0].assigner().cursors
    pieces = []
    done = 0
    while done < len(lengths):
        columns = new_columns(rows)
        documents, written = assigner.fill(array[done:], columns, first_document=done)
        done += documents
        pieces.append({name: column[:written] for name, column in columns.items()})
    for name, column in whole.items():
        assert np.concatenate([piece[name] for piece in pieces]).tolist() == (
            column.tolist()
        )


@pytest.mark.parametrize("bin_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_bins_alone_are_those_of_the_table(dtype, bin_dtype):
    lengths = np.random.default_rng(1).integers(0, 900, 2000).astype(dtype)
    plan = plan_of(lengths, 256)
    columns = {
        "bin": np.zeros(plan.n_rows, bin_dtype),
        "bin_offset": np.zeros(plan.n_rows, np.int32),
    }
    plan.blocks[0].assigner().cursors.fill(lengths, columns)
    table = plan.assign(lengths)
    assert columns["bin"].tolist() == table["bin"].fill_null(-1).to_list()
    assert columns["bin_offset"].tolist() == table["bin_offset"].fill_null(-1).to_list()


def test_seek_to_every_rank():
    lengths = np.array([6] * 4 + [1] * 13 + [3] * 7)
    plan = plan_of(lengths, 10)
    whole = plan.assign(lengths)
    for cut in range(lengths.size + 1):
        before = fastpack.LengthHistogram.from_lengths(lengths[:cut])
        rest = plan.assign(lengths[cut:], after=before)
        assert rest.equals(whole[cut:])


def test_long_documents_that_were_not_planned_are_refused():
    plan = plan_of([1, 8], 8, long_documents="error")
    with pytest.raises(fastpack.DataError, match="row 0 has 9 tokens"):
        plan.assign(np.array([9]))
    with pytest.raises(fastpack.DataError, match="`long_documents` is 'error'"):
        plan.assign(np.array([1]), after=fastpack.LengthHistogram([99], [1]))


def test_unplanned_lengths_are_refused():
    plan = plan_of([6, 6, 3], 10)
    for lengths in ([6, 6, 6], [5], [11], [6, 6, 3, 3], [2**40]):
        with pytest.raises(fastpack.DataError, match="the plan has no place for"):
            plan.assign(np.array(lengths))
    with pytest.raises(fastpack.DataError, match="row 2 has 6 tokens"):
        plan.assign(np.array([6, 6, 6]))
    for before in ([6, 6, 6], [5], [2**40]):
        histogram = fastpack.LengthHistogram.from_lengths(np.array(before))
        with pytest.raises(fastpack.DataError, match="the plan has no place for"):
            plan.assign(np.array([3]), after=histogram)
    with pytest.raises(fastpack.DataError, match="the plan has no place for"):
        plan.blocks[0].assigner().cursors.fill(np.array([-1]), new_columns(3))


def test_chunks_longer_than_the_table_of_cursors():
    long = [2**20 + 7, 2**20, 2**20 + 1, 3 * 2**20, 2**20 + 7, 5]
    plan = plan_of(long, 2**21)
    table = plan.assign(np.array(long))
    assert table["chunk_length"].to_list() == [
        2**20 + 7, 2**20, 2**20 + 1, 2**21, 2**20, 2**20 + 7, 5,
    ]  # fmt: skip
    assert plan.n_bins == 5
    one = fastpack.LengthHistogram.from_lengths(np.array(long[:4]))
    assert plan.assign(np.array(long[4:]), after=one).equals(table[5:])
    with pytest.raises(fastpack.DataError):
        plan.assign(np.array([2**20 + 2]))


def test_bins_beyond_32_bits():
    # 10 billion documents; the last worker assigns the last three of them.
    corpus = fastpack.LengthHistogram([700, 1024], [5 * 10**9, 5 * 10**9])
    plan = fastpack.plan(corpus, context_length=1024)
    before = fastpack.LengthHistogram([700, 1024], [5 * 10**9 - 2, 5 * 10**9 - 1])
    table = plan.assign(np.array([700, 1024, 700]), after=before)
    assert plan.n_bins == 10**10
    assert table["document"].to_list() == [10**10 - 3, 10**10 - 2, 10**10 - 1]
    assert table["bin"].to_list() == [10**10 - 2, 5 * 10**9 - 1, 10**10 - 1]


@pytest.mark.parametrize("long_documents", ["split", "drop"])
def test_documents_of_which_nothing_is_packed_are_counted_too(long_documents):
    planned = [6, 0, 3, 0]
    if long_documents == "drop":
        planned = [6, 11, 3, 12]
    plan = plan_of(planned, 10, long_documents=long_documents)
    assert plan.assign(np.array(planned))["bin"].to_list() == [0, None, 0, None]
    with pytest.raises(fastpack.DataError, match="the plan has no place for: the doc"):
        plan.assign(np.array([6, 0, 0, 0]))
    no_empty = plan_of([6, 3], 10, long_documents=long_documents)
    with pytest.raises(fastpack.DataError, match="row 1 has 0 tokens"):
        no_empty.assign(np.array([6, 0, 3]))
    before = fastpack.LengthHistogram([0], [3])
    with pytest.raises(fastpack.DataError, match="the plan has no place for"):
        no_empty.assign(np.array([6]), after=before)


def places_of(runs):
    """Return length -> the (bin, offset) of its chunks, by their rank."""
    places = {}
    for length, first_bin, bins, per_bin, offset in runs.iter_rows():
        places.setdefault(length, []).extend(
            (first_bin + bin_, offset + round_ * length)
            for round_ in range(per_bin)
            for bin_ in range(bins)
        )
    return places


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=60),
    context_length=st.integers(12, 40),
    multiple=st.sampled_from([1, 1, 2, 5]),
    cut=st.integers(0, 60),
)
def test_each_chunk_has_the_place_of_its_rank(lengths, context_length, multiple, cut):
    plan = plan_of(lengths, context_length)
    if -(-plan.n_bins // multiple) * multiple <= len(lengths):
        plan = plan_of(lengths, context_length, bins_multiple=multiple)
    places = places_of(plan.runs)
    expected = [places[length].pop(0) for length in lengths]
    assert not any(places.values())
    start = min(cut, len(lengths))
    before = fastpack.LengthHistogram.from_lengths(np.array(lengths[:start], np.int64))
    rest = plan.assign(np.array(lengths[start:], np.int64), after=before)
    assert rest.select("bin", "bin_offset").rows() == expected[start:]
