import numpy as np
import pytest

from fastpack.kernels import indexing

STARTS = np.array([0, 5, 5, 17])
"""Documents of 5, 0 and 12 tokens, in chunks of 8 at most."""

ROWS = {
    "document": [0, 1, 2, 2],
    "chunk_start": [0, 0, 0, 8],
    "chunk_length": [5, 0, 8, 4],
    "bin": [1, -1, 0, 1],
    "bin_offset": [0, -1, 0, 5],
}
DTYPES = dict.fromkeys(("chunk_length", "bin_offset"), np.int32)


def check(**changes):
    rows = {**ROWS, **changes}
    arrays = [np.array(rows[name], DTYPES.get(name, np.int64)) for name in ROWS]
    tokens = np.zeros(3, np.int64)
    positions, shapes = np.empty((2, 4), np.int64)
    row, reason = indexing.check_chunks(*arrays, STARTS, 9, tokens, positions, shapes)
    return int(row), int(reason), tokens, positions, shapes


def test_right_rows():
    row, reason, tokens, positions, shapes = check()
    assert (row, reason) == (4, indexing.OK)
    assert tokens.tolist() == [5, 0, 12]
    assert positions[[0, 2, 3]].tolist() == [0, 5, 13]
    assert (shapes[[0, 2, 3]] >> 32).tolist() == [5, 8, 4]
    assert (shapes[[0, 2, 3]] & (2**32 - 1)).tolist() == [0, 0, 5]


@pytest.mark.parametrize(
    ("changes", "row", "reason"),
    [
        ({"document": [0, 1, 3, 2]}, 2, indexing.NO_DOCUMENT),
        ({"document": [-1, 1, 2, 2]}, 0, indexing.NO_DOCUMENT),
        ({"chunk_start": [0, 0, 0, 9]}, 3, indexing.OUTSIDE),
        ({"chunk_start": [0, 0, -1, 8]}, 2, indexing.OUTSIDE),
        ({"chunk_start": [2**63 - 1, 0, 0, 8]}, 0, indexing.OUTSIDE),
        ({"chunk_length": [6, 0, 8, 4]}, 0, indexing.OUTSIDE),
        ({"chunk_length": [5, 0, 8, -1]}, 3, indexing.OUTSIDE),
        ({"chunk_length": [5, 0, 8, 0]}, 3, indexing.BAD_BIN),
        ({"bin": [1, 0, 0, 1]}, 1, indexing.BAD_BIN),
        ({"bin": [1, -1, 0, -1]}, 3, indexing.BAD_BIN),
        ({"bin_offset": [0, -1, 0, 9]}, 3, indexing.BAD_OFFSET),
        ({"bin_offset": [0, -1, -1, 5]}, 2, indexing.BAD_OFFSET),
    ],
)
def test_wrong_rows(changes, row, reason):
    assert check(**changes)[:2] == (row, reason)


@pytest.mark.parametrize(
    ("tokens", "document"),
    [
        ([5, 0, 12], -1),
        ([5, 0, 8], -1),  # truncated, or without its remainder
        ([5, 0, 0], -1),  # dropped
        ([5, 0, 9], 2),
        ([0, 0, 12], 0),
        ([4, 0, 12], 0),
    ],
)
def test_documents_of_other_lengths(tokens, document):
    assert indexing.find_other_length(STARTS, np.array(tokens), 8) == document


@pytest.mark.parametrize(
    ("offset", "extra_tokens", "align", "context_length", "wrong"),
    [
        (5, 0, 1, 9, -1),
        (6, 0, 1, 9, 1),  # a hole
        (4, 0, 1, 9, 1),  # an overlap
        (6, 1, 1, 11, -1),
        (6, 1, 1, 10, 1),  # too long
        (8, 0, 8, 16, -1),
        (5, 0, 8, 16, 1),
    ],
)
def test_chunks_in_order(offset, extra_tokens, align, context_length, wrong):
    *_, positions, shapes = check()
    shapes[3] = 4 << 32 | offset
    found, lengths = np.empty(3, np.int64), np.empty(3, np.int32)
    bin_ = indexing.place_chunks(
        np.array([0, 1, 3]),
        np.array([2, 0, 3], np.int32),
        positions,
        shapes,
        context_length,
        extra_tokens,
        align,
        found,
        lengths,
    )
    assert bin_ == wrong
    if wrong < 0:
        assert found.tolist() == [5, 0, 13]
        assert lengths.tolist() == [8, 5, 4]


def test_an_empty_bin():
    found, lengths = np.empty(1, np.int64), np.empty(1, np.int32)
    arrays = (
        np.array([0, 0, 1]),
        np.array([0], np.int32),
        np.array([0]),
        np.array([1 << 32]),
    )
    assert indexing.place_chunks(*arrays, 9, 0, 1, found, lengths) == 0
