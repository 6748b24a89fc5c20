"""The plain reference: best-fit decreasing, one chunk at a time, in ordinary Python.

Nothing here is shared with the package: no tree, no histogram, no ranges of bins.
"""

from collections import defaultdict
from typing import NamedTuple

import polars as pl

RULES = ("split", "truncate", "drop")


class Rules(NamedTuple):
    """The rules of a packing, as `fastpack.pack` takes them."""

    context_length: int
    long_documents: str = "split"
    max_documents: int | None = None
    extra_tokens: int = 0
    align: int = 1
    min_chunk: int = 1

    def footprint(self, length):
        """What a chunk takes in its bin."""
        taken = length + self.extra_tokens
        return taken + -taken % self.align


def chunks_of(lengths, rules):
    """Return (document, chunk_start, chunk_length) of each row of the assignment."""
    longest = rules.context_length - rules.extra_tokens
    rows = []
    for document, length in enumerate(lengths):
        left = length
        if length > longest:
            if rules.long_documents == "drop":
                left = 0
            elif rules.long_documents == "truncate":
                left = longest
            elif length % longest < rules.min_chunk:
                left -= length % longest
        starts = range(0, left, longest) if left else [0]
        rows += [(document, start, min(longest, left - start)) for start in starts]
    return rows


def best_fit_decreasing(chunk_lengths, rules):
    """Return the space left in each bin, after what is added to chunks.

    Of bins with the same space, the one that took a chunk last takes the next.
    """
    spaces = []
    held = []
    latest = []
    taken_in_order = sorted(map(rules.footprint, chunk_lengths), reverse=True)
    for number, taken in enumerate(taken_in_order):
        enough = [
            bin_
            for bin_, space in enumerate(spaces)
            if space >= taken and held[bin_] != rules.max_documents
        ]
        if enough:
            best = min(enough, key=lambda bin_: (spaces[bin_], -latest[bin_]))
            spaces[best] -= taken
            held[best] += 1
            latest[best] = number
        else:
            spaces.append(rules.context_length - taken)
            held.append(1)
            latest.append(number)
    return spaces


def optimum(lengths, capacity, most):
    """The least number of bins, by trying everything."""
    best = len(lengths)

    def place(number, bins):
        nonlocal best
        if len(bins) >= best:
            return
        if number == len(lengths):
            best = len(bins)
            return
        for i, (space, held) in enumerate(bins):
            if (
                space >= lengths[number]
                and held < most
                and (space, held) not in bins[:i]
            ):
                changed = [*bins]
                changed[i] = (space - lengths[number], held + 1)
                place(number + 1, changed)
        place(number + 1, [*bins, (capacity - lengths[number], 1)])

    lengths = sorted(lengths, reverse=True)
    place(0, [])
    return best


def check_assignment(table, lengths, rules):
    """Assert that a table is a valid packing; return the space left in each bin."""
    lengths = [int(length) for length in lengths]
    rows = table.select("document", "chunk_start", "chunk_length").rows()
    assert rows == chunks_of(lengths, rules)
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
        if rules.max_documents is not None:
            assert len(filled[bin_]) <= rules.max_documents
        end = 0
        for offset, chunk_length in sorted(filled[bin_]):
            assert offset == end, "chunks overlap or leave a hole"
            assert offset % rules.align == 0
            end += rules.footprint(chunk_length)
        assert end <= rules.context_length
        spaces.append(rules.context_length - end)
    return spaces


def assert_exact(table, lengths, rules):
    """Assert a valid packing with the bins that the reference has."""
    spaces = check_assignment(table, lengths, rules)
    chunks = [length for _, _, length in chunks_of(map(int, lengths), rules) if length]
    assert sorted(spaces) == sorted(best_fit_decreasing(chunks, rules))


def cut_token_by_token(lengths, context_length):
    """Return sequences, and the number of cuts inside each document."""
    tokens = [
        document for document, length in enumerate(lengths) for _ in range(length)
    ]
    sequences = [
        tokens[start : start + context_length]
        for start in range(0, len(tokens), context_length)
    ]
    cuts = [
        sum(document in sequence for sequence in sequences) - (lengths[document] > 0)
        for document in range(len(lengths))
    ]
    return sequences, cuts


SCHEMA = pl.Schema(
    {
        "document": pl.Int64,
        "chunk_start": pl.Int64,
        "chunk_length": pl.Int32,
        "bin": pl.Int64,
        "bin_offset": pl.Int32,
    }
)


def sequences_of(table, values, context_length, *, before=(), behind=(), pad=None):
    """Return the values of each sequence of an assignment.

    `before` and `behind` are added to each chunk. `pad` fills gaps, and sequences up to
    their end; None leaves these as long as what is in them.
    """
    bins = defaultdict(list)
    for row in table.drop_nulls("bin").iter_rows(named=True):
        bins[row["bin"]].append(row)
    sequences = []
    for number in range(len(bins)):
        sequence = []
        for row in sorted(bins[number], key=lambda row: row["bin_offset"]):
            sequence += [pad] * (row["bin_offset"] - len(sequence))
            start = row["chunk_start"]
            chunk = values[row["document"]][start : start + row["chunk_length"]]
            sequence += [*before, *chunk, *behind]
        if pad is not None:
            sequence += [pad] * (context_length - len(sequence))
        sequences.append(sequence)
    return sequences


def in_sequences(table, column):
    """Return a column of an assignment, the values of each sequence in order."""
    rows = table.drop_nulls("bin").sort("bin", "bin_offset")
    grouped = rows.group_by("bin", maintain_order=True).agg(column)
    return grouped[column].to_list()
