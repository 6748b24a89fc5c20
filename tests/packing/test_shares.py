"""Shares: each part of a corpus gets the rows of one pass over the whole."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import DataError, LengthHistogram, PackingOptions
from fastpack.documents.batches import as_batch
from fastpack.documents.counter import BlockCounter
from fastpack.packing.block_plan import BlockPlan
from fastpack.packing.chunks import cut_into_chunks, cut_numbered
from fastpack.packing.shares import CorpusDealer, Dealer
from strategies import packings


@given(packings())
def test_many_groups_are_cut_as_one_by_one(packing):
    frame, rules, _, _ = packing
    options = PackingOptions(**rules._asdict())
    lengths = frame["n_tokens"].to_numpy()
    groups = np.arange(lengths.size) % 3
    chunks = cut_numbered(groups, lengths, np.full(lengths.size, 2), options)
    for group in range(3):
        histogram = LengthHistogram.from_lengths(np.repeat(lengths[groups == group], 2))
        expected = cut_into_chunks(histogram, options)
        cut = dict.fromkeys(expected.lengths.tolist(), 0)
        for number, length, count in zip(*chunks[:3], strict=True):
            if number == group:
                cut[int(length)] += int(count)
        assert list(cut.values()) == expected.counts.tolist()
    whole = cut_into_chunks(
        LengthHistogram.from_lengths(np.repeat(lengths, 2)), options
    )
    assert chunks.n_unpacked == whole.n_unpacked


@given(
    documents=st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc"))),
    cuts=st.lists(st.integers(0, 30), max_size=3),
    by=st.sampled_from([None, "g"]),
    table=st.sampled_from([4, 1 << 20]),
)
def test_the_parts_of_a_corpus(documents, cuts, by, table):
    frame = pl.DataFrame(
        documents, {"n_tokens": pl.Int64, "g": pl.String}, orient="row"
    )
    lengths = frame if by else frame["n_tokens"]
    options = {
        "context_length": 12,
        "long_documents": "split",
        "min_chunk": 3,
        "by": by,
    }
    plan = fastpack.plan(lengths, **options)
    whole = fastpack.pack(frame, **options)
    (block,) = plan.blocks
    dealer = Dealer(block)
    bounds = sorted({0, *(min(cut, frame.height) for cut in cuts), frame.height})
    tables = [whole.clear()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fastpack.packing.cursors._LARGEST_TABLE", table)
        for start, end in pairwise(bounds):
            part = lengths[start:end]
            share = dealer.deal(fastpack.plan(part, **options).histogram)
            rows = share.assigner(block).table(as_batch(part, (by,) if by else ()))
            assert rows.height == share.n_rows
            tables.append(rows)
    assert pl.concat(tables).equals(whole)


def test_what_was_not_planned():
    frame = pl.DataFrame({"n_tokens": [3, 5], "g": ["a", "b"]})
    options = PackingOptions(context_length=8, by="g")
    plan = fastpack.plan(frame, context_length=8, by="g")

    def deal(*parts):
        dealer = Dealer(plan.blocks[0])
        block = BlockPlan(plan.histogram, options)
        for part in parts:
            histogram = fastpack.plan(part, context_length=8, by="g").histogram
            dealer.deal(histogram).assigner(block)

    deal(frame[:1], frame[1:])
    for other in (
        frame.with_columns(n_tokens=4),
        frame.with_columns(g=pl.lit("c")),
        frame.with_columns(g=pl.lit("b")),
        pl.concat([frame, frame[:1]]),
    ):
        with pytest.raises(DataError, match=r"not planned|no place for"):
            deal(other, frame)


def test_blocks_are_dealt_once_and_as_they_were_planned():
    rules = {"context_length": 8, "block_documents": 2}
    plan = fastpack.plan(np.array([3, 5, 4, 0, 7]), **rules)

    def histogram(first_document, *lengths):
        batch = as_batch(np.array(lengths), ())
        counter = BlockCounter("lengths", batch.by, 2, first_document)
        counter.add(batch)
        return counter.histogram()

    dealer = CorpusDealer(plan.blocks)
    share = dealer.deal(histogram(0, 3, 5, 4))
    assert (share.first_document, share.n_rows) == (0, 3)
    assert list(share.blocks) == [0, 1]
    assert share.blocks[0] is None  # the whole block
    rows = share.assigner([plan.blocks[0], plan.blocks[1]]).table
    assert rows(as_batch(np.array([3, 5, 4]), ()))["bin"].to_list() == [0, 0, 1]
    with pytest.raises(DataError, match="no place for"):
        rows(as_batch(np.array([0, 7]), ()))
    assert dealer.deal(histogram(3, 0, 7)).n_rows == 2
    for first_document, *lengths in ((4, 7), (6, 7), (4, 6)):
        with pytest.raises(DataError, match="no place for"):
            dealer.deal(histogram(first_document, *lengths))
