"""The plain reference: best-fit decreasing, one chunk at a time, in ordinary Python.

Nothing here is shared with the package: no tree, no histogram, no ranges of bins.
"""

from collections import defaultdict

import polars as pl

RULES = ("split", "truncate", "drop")


def chunks_of(lengths, context_length, long_documents="split"):
    """Return (document, chunk_start, chunk_length) of each row of the assignment."""
    rows = []
    for document, length in enumerate(lengths):
        left = length
        if length > context_length and long_documents == "drop":
            left = 0
        if length > context_length and long_documents == "truncate":
            left = context_length
        starts = range(0, left, context_length) if left else [0]
        rows += [
            (document, start, min(context_length, left - start)) for start in starts
        ]
    return rows


def best_fit_decreasing(chunk_lengths, context_length):
    """Return the space left in each bin."""
    spaces = []
    for length in sorted(chunk_lengths, reverse=True):
        enough = [bin_ for bin_, space in enumerate(spaces) if space >= length]
        if enough:
            best = min(enough, key=lambda bin_: spaces[bin_])
            spaces[best] -= length
        else:
            spaces.append(context_length - length)
    return spaces


def check_assignment(table, lengths, context_length, long_documents="split"):
    """Assert that a table is a valid packing; return the space left in each bin."""
    lengths = [int(length) for length in lengths]
    rows = table.select("document", "chunk_start", "chunk_length").rows()
    assert rows == chunks_of(lengths, context_length, long_documents)
    filled = defaultdict(list)
    for chunk_length, bin_, offset in table.select(
        "chunk_length", "bin", "bin_offset"
    ).iter_rows():
        if chunk_length == 0:
            assert bin_ is None
            assert offset is None
        else:
            filled[bin_].append((offset, chunk_length))
    assert sorted(filled) == list(range(len(filled)))
    spaces = []
    for bin_ in range(len(filled)):
        end = 0
        for offset, chunk_length in sorted(filled[bin_]):
            assert offset == end, "chunks overlap or leave a hole"
            end += chunk_length
        assert end <= context_length
        spaces.append(context_length - end)
    return spaces


def assert_exact(table, lengths, context_length, long_documents="split"):
    """Assert a valid packing with the bins that the reference has."""
    spaces = check_assignment(table, lengths, context_length, long_documents)
    chunks = [
        length
        for _, _, length in chunks_of(map(int, lengths), context_length, long_documents)
        if length
    ]
    assert sorted(spaces) == sorted(best_fit_decreasing(chunks, context_length))


SCHEMA = pl.Schema(
    {
        "document": pl.Int64,
        "chunk_start": pl.Int64,
        "chunk_length": pl.Int32,
        "bin": pl.Int64,
        "bin_offset": pl.Int32,
    }
)
