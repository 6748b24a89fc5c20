"""Documents are cut into the chunks that the rules give."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given

import fastpack
from fastpack import DataError, LengthHistogram, PackingOptions
from fastpack.packing.chunks import cut_into_chunks
from oracle import chunks_of
from strategies import packings


@given(packings())
def test_chunks_and_tokens_are_those_of_document_after_document(packing):
    frame, rules, _, _ = packing
    lengths = frame["n_tokens"].to_list()
    histogram = LengthHistogram.from_lengths(frame["n_tokens"])
    chunks = cut_into_chunks(histogram, PackingOptions(**rules._asdict()))
    rows = chunks_of(lengths, rules)
    expected = Counter(length for _, _, length in rows if length)
    assert chunks.lengths.tolist() == sorted(expected, reverse=True)
    assert chunks.counts.tolist() == [expected[n] for n in chunks.lengths.tolist()]
    assert chunks.n_chunks == expected.total()
    packed = Counter()
    for document, _, length in rows:
        packed[document] += length
    longest = rules.context_length - rules.extra_tokens
    long = [document for document, length in enumerate(lengths) if length > longest]
    lost = sum(lengths[document] - packed[document] for document in long)
    is_dropping = rules.long_documents == "drop"
    assert chunks.documents_empty == lengths.count(0)
    assert chunks.documents_dropped == (len(long) if is_dropping else 0)
    assert chunks.documents_cut == (0 if is_dropping else len(long))
    assert chunks.truncated == (lost if rules.long_documents == "truncate" else 0)
    assert chunks.dropped == (0 if rules.long_documents == "truncate" else lost)


def test_more_chunks_than_documents_could_be_counted_one_by_one():
    histogram = LengthHistogram([2**40 + 3], [2**20])
    options = PackingOptions(context_length=8, min_chunk=2)
    chunks = cut_into_chunks(histogram, options)
    assert chunks.lengths.tolist() == [8, 3]
    assert chunks.counts.tolist() == [2**57, 2**20]


def test_min_chunk_drops_and_counts():
    plan = fastpack.plan(np.array([17, 19, 2]), context_length=8, min_chunk=3)
    assert (plan.packed, plan.dropped, plan.documents_cut) == (16 + 19 + 2, 1, 2)


def test_long_documents_refused():
    with pytest.raises(DataError, match=r"2 documents are longer than `context_len"):
        fastpack.pack(np.array([8, 9, 30]), context_length=8, long_documents="error")
    table = fastpack.pack(
        np.array([8, 6, 6, 4, 3]), context_length=8, long_documents="error"
    )
    assert table["bin"].to_list() == [0, 1, 2, 3, 3]
