"""Chunks: a histogram of documents -> a histogram of the chunks they are cut into."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack import kernels
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.sums import exact_sum, merge_counts
from fastpack.errors import DataError
from fastpack.options import PackingOptions

_DENSE = 16
"""Places of a table for each length: with more, sorting the lengths is faster."""


class Chunks(NamedTuple):
    """The chunks of each length, and the account of the documents.

    Parameters
    ----------
    lengths, counts
        The distinct chunk lengths, longest first, and the number of chunks of each.
    n_chunks
        The packed chunks: the sum of `counts`.
    documents_empty, documents_dropped, documents_cut
        Documents of no tokens, left out, and split or truncated.
    truncated, dropped
        Tokens thrown away behind a cut; tokens of dropped documents and remainders.
    """

    lengths: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    n_chunks: int
    documents_empty: int
    documents_dropped: int
    documents_cut: int
    truncated: int
    dropped: int

    @property
    def n_unpacked(self) -> int:
        """Documents of which nothing is packed."""
        return self.documents_empty + self.documents_dropped

    def plus(self, other: "Chunks") -> "Chunks":
        """Return the chunks and the documents of both."""
        lengths, counts = merge_counts(
            np.concatenate([self.lengths, other.lengths]),
            np.concatenate([self.counts, other.counts]),
        )
        return Chunks(
            np.ascontiguousarray(lengths[::-1]),
            np.ascontiguousarray(counts[::-1]),
            *(ours + theirs for ours, theirs in zip(self[2:], other[2:], strict=True)),
        )


def cut_into_chunks(histogram: LengthHistogram, options: PackingOptions) -> Chunks:
    """Cut documents into chunks that fit a bin, all of one length at a time.

    The verifier tells the rule for long documents again: it has to be independent.
    """
    max_chunk = options.max_chunk
    lengths, counts = histogram.lengths, histogram.counts
    first, long = lengths.searchsorted([1, max_chunk + 1]).tolist()
    n_long = _total(counts[long:])
    if max_chunk < _DENSE * lengths.size:
        table = np.zeros(max_chunk + 1, np.int64)
        if options.long_documents == "truncate":
            table[max_chunk] = n_long
        end = None if options.long_documents == "split" else long
        room = min(max_chunk, lengths.size + 1)
        chunk_lengths, chunk_counts = np.empty((2, room), np.int64)
        n = kernels.cutting.count_chunks(
            lengths[first:end],
            counts[first:end],
            max_chunk,
            options.min_chunk,
            table,
            chunk_lengths,
            chunk_counts,
        )
        chunk_lengths, chunk_counts = chunk_lengths[:n], chunk_counts[:n]
    else:
        one_group = np.zeros(lengths.size, np.int64)
        chunks = cut_numbered(one_group, lengths, counts, options)
        chunk_lengths, chunk_counts = (
            np.ascontiguousarray(ascending[::-1])
            for ascending in merge_counts(chunks.lengths, chunks.counts)
        )
    left_out = histogram.n_tokens - exact_sum(chunk_lengths, chunk_counts)
    truncated = left_out if options.long_documents == "truncate" else 0
    n_dropped = n_long if options.long_documents == "drop" else 0
    return Chunks(
        lengths=chunk_lengths,
        counts=chunk_counts,
        n_chunks=_total(chunk_counts),
        documents_empty=_total(counts[:first]),
        documents_dropped=n_dropped,
        documents_cut=n_long - n_dropped,
        truncated=truncated,
        dropped=left_out - truncated,
    )


class NumberedChunks(NamedTuple):
    """Chunks of many groups, each with the number of its group.

    Parameters
    ----------
    groups, lengths, counts
        The group and the length of chunks, and how many they are: some may come twice.
    n_unpacked
        Documents of which nothing is packed.
    """

    groups: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    n_unpacked: int


def cut_numbered(
    groups: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    options: PackingOptions,
) -> NumberedChunks:
    """Cut as `cut_into_chunks` does, in many groups at once.

    `groups` has the number of the group of each length. One by one, ten thousand groups
    take half a second, for each of many files.
    """
    max_chunk = options.max_chunk
    n_unpacked = _total(counts[lengths == 0])
    is_long = lengths > max_chunk
    is_short = (lengths > 0) & ~is_long
    long_counts = counts[is_long]
    parts = [(groups[is_short], lengths[is_short], counts[is_short])]
    if options.long_documents == "split":
        n_full, remainders = np.divmod(lengths[is_long], max_chunk)
        kept = remainders >= options.min_chunk
        parts.append((groups[is_long][kept], remainders[kept], long_counts[kept]))
        long_counts = long_counts * n_full
    if options.long_documents == "drop":
        n_unpacked += _total(long_counts)
    else:
        full = np.full(long_counts.size, max_chunk)
        parts.append((groups[is_long], full, long_counts))
    numbers, cut, n_chunks = map(np.concatenate, zip(*parts, strict=True))
    return NumberedChunks(numbers, cut, n_chunks, n_unpacked)


def _total(counts: npt.NDArray[np.int64]) -> int:
    """Add up numbers of documents or chunks: no more than tokens, so int64 holds it."""
    return int(np.add.reduce(counts))


def refuse_long_documents(
    histograms: Sequence[LengthHistogram], options: PackingOptions
) -> None:
    """Raise DataError if a document is longer than it may be by the rules."""
    if options.long_documents != "error":
        return
    max_chunk = options.max_chunk
    n_long = sum(exact_sum(h.counts[h.lengths > max_chunk]) for h in histograms)
    if n_long:
        longest = max(int(h.lengths[-1]) for h in histograms if h.lengths.size)
        bound = f"`context_length` {options.context_length:,}"
        if options.extra_tokens:
            bound += f" less `extra_tokens` {options.extra_tokens:,}"
        msg = (
            f"`long_documents` is 'error', and {n_long:,} documents are longer than "
            f"{bound}, the longest {longest:,} tokens\n"
            "Hint: 'split', 'truncate' or 'drop' them."
        )
        raise DataError(msg)
