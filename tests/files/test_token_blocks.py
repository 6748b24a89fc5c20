"""Blocks: every document in one of them, of about one size, cut where parts end."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack.errors import DataError
from fastpack.files import token_blocks
from fastpack.files.formats.format import Part
from fastpack.files.manifest import Fingerprint
from fastpack.files.token_blocks import (
    Source,
    blocks_by_documents,
    blocks_by_tokens,
    cut_evenly,
    cut_sources,
)

M = 1_000_000


@pytest.mark.parametrize(
    ("parts", "blocks"),
    [
        # As a benchmark has them: row groups of 15 M tokens are blocks.
        ([Part(25_000, 15 * M)] * 4, [25_000] * 4),
        ([Part(10_000, 5 * M)] * 7, [30_000, 40_000]),
        ([Part(1000, 3 * M)] * 11, [5000, 6000]),
        # One that is not cut, and one that is.
        ([Part(1000, 60 * M), Part(10, 16 * M)], [1000, 10]),
        ([Part(1001, 100 * M)], [500, 501]),
        # The rest goes with the block before it.
        ([Part(1000, 16 * M), Part(500, 3 * M)], [1500]),
        ([Part(1000, 3 * M), Part(1000, 60 * M)], [2000]),
        # Short documents weigh more than their tokens.
        ([Part(1 * M, 1 * M)] * 4, [2 * M, 2 * M]),
        ([Part(1, 200 * M)], [1]),
        ([Part(0, 0)], [0]),
        ([], [0]),
    ],
)
def test_blocks_of_the_default_size(parts, blocks):
    assert blocks_by_tokens(parts) == blocks


PARTS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 3000)).map(lambda pair: Part(*pair)),
    max_size=30,
)


@given(PARTS)
def test_blocks_are_of_about_one_size(parts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_blocks, "_WEIGHT", 1000)
        patch.setattr(token_blocks, "_LARGEST", 4000)
        blocks = blocks_by_tokens(parts)
    assert sum(blocks) == sum(part.rows for part in parts)
    assert len(blocks) == 1 or min(blocks) > 0
    # A part is cut by rows, evenly: its documents are taken to be of one length.
    weights = np.concatenate(
        [np.full(rows, values / max(rows, 1) + 8) for rows, values in parts]
        + [np.empty(0)]
    )
    ends = np.cumsum(blocks)
    for first, end in zip(ends - blocks, ends, strict=True):
        weight = weights[first:end].sum()
        assert weight < 4000 + 1000 or end - first == 1
        assert weight > 400 or len(blocks) == 1


@given(PARTS, st.integers(1, 40))
def test_blocks_of_documents(parts, size):
    blocks = blocks_by_documents(parts, size)
    assert sum(blocks) == sum(part.rows for part in parts)
    assert set(blocks[:-1]) <= {size}
    assert blocks[-1] <= size


@pytest.mark.parametrize(
    ("parts", "is_refused"),
    [
        ([Part(100, 2**32)], True),
        ([Part(100, 2**31)], False),  # in two blocks
        ([Part(60, 2**30), Part(60, 2**31)], False),
        ([Part(50, 2**31), Part(60, 2**30)], True),
    ],
)
def test_a_block_of_too_many_tokens(parts, is_refused):
    if is_refused:
        with pytest.raises(DataError, match=r"2,147,\d+,\d+ tokens, more than 2\*\*31"):
            blocks_by_documents(parts, 50)
    else:
        assert sum(blocks_by_documents(parts, 50)) == sum(part.rows for part in parts)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9), st.integers(1, 12))
def test_the_documents_of_each_block(rows, size):
    sources = [
        Source(f"{number}", Fingerprint(f"{number}", 1, 1))
        for number in range(len(rows))
    ]
    blocks = blocks_by_documents([Part(n, 0) for n in rows], size)
    expected = [(number, row) for number, n in enumerate(rows) for row in range(n)]
    found = []
    for spans, n_documents in zip(
        cut_sources(sources, rows, blocks), blocks, strict=True
    ):
        assert spans
        assert sum(span.rows for span in spans) == n_documents
        assert n_documents == 0 or all(span.rows for span in spans)
        found += [
            (int(span.source.path), row)
            for span in spans
            for row in range(span.first_row, span.first_row + span.rows)
        ]
    assert found == expected


@given(st.lists(st.one_of(st.none(), st.integers(0, 3000)), max_size=40))
def test_parts_of_a_source_without_parts(lengths):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_blocks, "_FINEST", 1000)
        parts = cut_evenly(pl.Series(lengths, dtype=pl.UInt32))
    lengths = [length or 0 for length in lengths]
    assert sum(part.rows for part in parts) == len(lengths)
    row = 0
    for part in parts:
        assert part.rows > 0
        of_part = lengths[row : row + part.rows]
        assert part.values == sum(of_part)
        assert part.values <= 2000 + of_part[0] or part.rows == 1
        row += part.rows
