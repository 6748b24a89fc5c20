"""Blocks of a corpus: the documents that are packed by themselves, by their rows.

Blocks end where row groups end, if they can: Polars decompresses the whole of a row
group for each part of it, which takes 6 ns a token; packing and moving take 2.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from fastpack.errors import DataError
from fastpack.files.formats.format import Part
from fastpack.files.manifest import Fingerprint
from fastpack.storage.location import Location

_WEIGHT = 16_000_000
"""Tokens in a block, if parts allow it. Polars and the kernels hold some 350 MB, and
each worker 7 bytes a token of its block. Smaller blocks cost sequences."""

_LARGEST = 4 * _WEIGHT
"""Tokens in a part that is not cut: it is read as a whole in any case."""

_FINEST = _WEIGHT // 4
"""Tokens in a part of a source that has no parts of its own."""

_MOST_TOKENS = 2**31 - 1
"""Tokens in a block, at most."""

_DOCUMENT_WEIGHT = 8
"""Tokens that a document weighs as much as, beside its own: 32 bytes in tables."""


class Source(NamedTuple):
    """A source, as it was found."""

    path: Location
    fingerprint: Fingerprint

    @property
    def n_bytes(self) -> int:
        """Its size, in bytes."""
        return self.fingerprint.size


class Span(NamedTuple):
    """Consecutive documents of a source.

    Parameters
    ----------
    source
        The source.
    first_row, rows
        The row of the first document, and the number of documents.
    """

    source: Source
    first_row: int
    rows: int


class Block(NamedTuple):
    """Consecutive documents that are packed by themselves, and the files made of them.

    Parameters
    ----------
    number
        Its number in the corpus.
    spans
        Its documents, in their order; at least one span, if of no rows.
    first_document
        The number of its first document in the corpus.
    name, output
        The name of the output in the manifest, and the file.
    leftovers
        The file of what it leaves for the end of the run: its histogram, and the chunks
        of its emptiest sequences.
    n_bytes
        The size of its documents in the sources, in bytes: their share by rows.
    """

    number: int
    spans: tuple[Span, ...]
    first_document: int
    name: str
    output: Location
    leftovers: Location
    n_bytes: int

    @property
    def n_documents(self) -> int:
        """The number of its documents."""
        return sum(span.rows for span in self.spans)


class LastBlock(NamedTuple):
    """The chunks that all blocks leave out, and the file that is made of them.

    Parameters
    ----------
    name, output
        The name of the output in the manifest, and the file.
    n_bytes
        None are read of the sources.
    """

    name: str
    output: Location
    n_bytes: int = 0


def blocks_by_tokens(parts: Iterable[Part]) -> list[int]:
    """Return the number of documents in each block of the default size.

    Parameters
    ----------
    parts
        The parts of the sources that are best read as a whole, in the order of the
        corpus.
    """
    blocks = []
    rows = weight = 0
    for piece in _pieces(parts):
        # With it or without it, whichever is nearer to the size; but never too small.
        if weight > _WEIGHT / 2 and weight + _weight(piece) / 2 > _WEIGHT:
            blocks.append(rows)
            rows = weight = 0
        rows += piece.rows
        weight += _weight(piece)
    if blocks and weight < _WEIGHT / 2:
        blocks[-1] += rows
        return blocks
    return [*blocks, rows]


def blocks_by_documents(parts: Sequence[Part], block_documents: int) -> list[int]:
    """Return the number of documents in each block of the rule `block_documents`.

    Raises
    ------
    DataError
        A block has too many tokens, as far as parts say how many they have.
    """
    rows = np.cumsum([0, *(part.rows for part in parts)])
    values = np.cumsum([0, *(part.values for part in parts)])
    starts = np.arange(0, max(rows[-1], 1), block_documents)
    ends = np.append(starts[1:], rows[-1])
    tokens = np.interp(ends, rows, values) - np.interp(starts, rows, values)
    check_block_size(int(tokens.max()))
    blocks: list[int] = (ends - starts).tolist()
    return blocks


def check_block_size(n_tokens: int) -> None:
    """Refuse a block of more tokens than a worker should be asked to hold."""
    if n_tokens > _MOST_TOKENS:
        msg = (
            f"a block has {n_tokens:,} tokens, more than 2**31 - 1\n"
            "Hint: a smaller `block_documents`, or none for blocks of 16 M tokens."
        )
        raise DataError(msg)


def cut_evenly(lengths: pl.Series) -> list[Part]:
    """Return parts of documents of these lengths; null is no tokens."""
    ends = lengths.cast(pl.Int64).fill_null(0).cum_sum().to_numpy()
    if not ends.size:
        return []
    rows = np.searchsorted(ends, np.arange(_FINEST, ends[-1], _FINEST), "right")
    borders = np.unique([0, *rows, ends.size])
    values = np.diff(np.append(0, ends)[borders])
    return list(map(Part, np.diff(borders).tolist(), values.tolist()))


def _weight(part: Part) -> int:
    return part.values + _DOCUMENT_WEIGHT * part.rows


def _pieces(parts: Iterable[Part]) -> Iterator[Part]:
    """Cut the parts that are too large for a block, by rows."""
    for part in parts:
        n = min(part.rows, -(-_weight(part) // _LARGEST))
        for i in range(n):
            rows = part.rows * (i + 1) // n - part.rows * i // n
            yield Part(rows, part.values // n)


def cut_sources(
    sources: Sequence[Source], documents: Sequence[int], blocks: Sequence[int]
) -> Iterator[tuple[Span, ...]]:
    """Give the documents of each block: at least one span, if of no rows.

    Parameters
    ----------
    sources, documents
        The sources, and the number of documents in each.
    blocks
        The number of documents in each block.
    """
    number = row = 0
    for n_documents in blocks:
        left = n_documents
        spans = []
        while True:
            rows = min(left, documents[number] - row)
            spans.append(Span(sources[number], row, rows))
            left -= rows
            row += rows
            if not left:
                break
            number, row = number + 1, 0
        yield tuple(span for span in spans if span.rows) or (spans[-1],)
