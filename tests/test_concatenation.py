import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fastpack.concatenation import concatenate


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 12))
def test_against_cutting_token_by_token(lengths, context_length):
    tokens = [
        document for document, length in enumerate(lengths) for _ in range(length)
    ]
    sequences = [
        tokens[start : start + context_length]
        for start in range(0, len(tokens), context_length)
    ]
    where = {
        document: sum(document in sequence for sequence in sequences)
        for document in range(len(lengths))
    }
    cut = [document for document, n_sequences in where.items() if n_sequences > 1]
    figures = concatenate(pl.Series(lengths, dtype=pl.UInt16), context_length)
    assert figures.sequences == len(sequences)
    assert figures.padding == len(sequences) * context_length - len(tokens)
    assert figures.cut_documents == len(cut)
    assert figures.cut_unnecessarily == sum(
        lengths[document] <= context_length for document in cut
    )
