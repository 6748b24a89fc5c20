"""Documents are cut into the chunks that the rules give."""

import numpy as np
import pytest

import fastpack
from fastpack import DataError


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
