"""The baseline: join all documents in their order, cut every L tokens."""

from typing import NamedTuple

import polars as pl


class ConcatenationFigures(NamedTuple):
    """What concatenation makes of a corpus.

    Parameters
    ----------
    sequences
        Training sequences; the last one is padded.
    padding
        Tokens of capacity left unused.
    cut_documents
        Documents that lie in more than one sequence.
    cut_unnecessarily
        Those among them that would have fitted whole.
    """

    sequences: int
    padding: int
    cut_documents: int
    cut_unnecessarily: int


def concatenate(lengths: pl.Series, context_length: int) -> ConcatenationFigures:
    """Count what concatenation does, from checked document lengths in their order."""
    length = pl.col("length").cast(pl.Int64)
    end = length.cum_sum()
    first_sequence = (end - length) // context_length
    last_sequence = (end - 1) // context_length
    is_cut = (length > 0) & (first_sequence != last_sequence)
    fits = length <= context_length
    n_tokens, cut, unnecessarily = (
        lengths.alias("length")
        .to_frame()
        .select(
            length.sum().alias("n_tokens"),
            is_cut.sum().alias("cut"),
            (is_cut & fits).sum().alias("unnecessarily"),
        )
        .row(0)
    )
    sequences = -(-n_tokens // context_length)
    padding = sequences * context_length - n_tokens
    return ConcatenationFigures(sequences, padding, cut, unnecessarily)
