"""The places of documents, by those of their parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack.kernels.parts import lay_out_documents

PARTS = st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=9)


def lay_out(documents, itemsize=2, first=0, place=0, change=None):
    """Return the offsets, and whether the parts agree; `change` damages them."""
    lengths = np.array([n for parts in documents for n in parts], np.int32)
    starts = itemsize * (place + np.append(0, np.cumsum(lengths, dtype=np.int64)))
    bounds = first + np.cumsum([0, *map(len, documents)])
    if change is not None:
        change(lengths, starts)
    offsets = np.full(len(documents) + 1, -1)
    agree = lay_out_documents(bounds, lengths, starts, itemsize, offsets)
    return offsets.tolist(), agree


@given(PARTS, st.sampled_from([1, 2, 4, 8]), st.integers(0, 9), st.integers(0, 9))
def test_documents_begin_with_their_first_part(documents, itemsize, first, place):
    offsets, agree = lay_out(documents, itemsize, first, place)
    assert agree
    assert offsets == (place + np.cumsum([0, *map(sum, documents)])).tolist()


@pytest.mark.parametrize(
    ("array", "number", "value"),
    [(0, 0, 4), (0, 2, -1), (0, 2, 6), (1, 1, 8), (1, 3, 14), (1, 1, 7)],
)
def test_parts_that_do_not_agree(array, number, value):
    def change(*arrays):
        arrays[array][number] = value

    documents = [[3, 2], [1]]
    assert lay_out(documents)[1]
    assert not lay_out(documents, change=change)[1]
