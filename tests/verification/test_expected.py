"""Expected documents: the tokens of each by the rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack import PackingOptions
from fastpack.verification.expected import packed_tokens
from oracle import RULES, Rules, chunks_of


@pytest.mark.parametrize("long_documents", RULES)
@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=30),
    extra_tokens=st.integers(0, 2),
    min_chunk=st.integers(1, 6),
)
def test_tokens_by_the_rules_are_those_of_the_chunks(
    long_documents, lengths, extra_tokens, min_chunk
):
    rules = Rules(8, long_documents, extra_tokens=extra_tokens, min_chunk=min_chunk)
    expected = [0] * len(lengths)
    for document, _, chunk_length in chunks_of(lengths, rules):
        expected[document] += chunk_length
    options = PackingOptions(**rules._asdict())
    assert packed_tokens(np.array(lengths, np.int64), options).tolist() == expected
