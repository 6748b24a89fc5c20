"""Second look: the first chunk that is expected and not found, or the other way."""

from collections.abc import Iterator
from typing import Protocol

import polars as pl

from fastpack.errors import VerificationError
from fastpack.tokens.verification.hashes import (
    EXPECTED,
    FOUND,
    Bucket,
    ChunkSums,
    HashedChunks,
)

_COMPARED = ("identities", "rooms", "h0", "h1")


class _Side(Protocol):
    def batches(self) -> Iterator[HashedChunks]: ...


def compare_chunks(expected: _Side, found: _Side, *, is_numbered: bool) -> None:
    """Raise VerificationError if the chunks of both sides are not the same.

    `is_numbered` says whether names are the numbers of documents.
    """
    sums = ChunkSums(is_numbered=is_numbered)
    for number, side in ((EXPECTED, expected), (FOUND, found)):
        for chunks in side.batches():
            sums.add(number, chunks)
    bucket = sums.first_difference()
    if bucket is not None:
        both = _collect(expected, bucket), _collect(found, bucket)
        raise _describe(_without(*both), _without(*both[::-1]), is_numbered=is_numbered)


def _collect(side: _Side, bucket: Bucket) -> pl.DataFrame:
    """Collect the chunks of a bucket."""
    frames = [bucket.of(chunks).to_frame() for chunks in side.batches()]
    return pl.concat([HashedChunks.none().to_frame(), *frames])


def _without(chunks: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return the chunks that the others do not have, or not as often."""
    chunks, others = (
        each.with_columns(pl.int_range(pl.len()).over(_COMPARED).alias("times"))
        for each in (chunks, others)
    )
    left = chunks.join(others, on=[*_COMPARED, "times"], how="anti")
    return left.sort("rows", "parts")


def _describe(
    missing: pl.DataFrame, others: pl.DataFrame, *, is_numbered: bool
) -> VerificationError:
    """Describe the first wrong document, or sequence.

    `missing` are the chunks that no sequence has, `others` those of sequences that are
    not expected.
    """
    if is_numbered:
        first = pl.concat([missing["names"], others["names"]]).min()
        missing, others = (
            side.filter(pl.col("names") == first) for side in (missing, others)
        )
    place = ""
    if others.height:
        row, part = others.select("rows", "parts").row(0)
        place = f"chunk {part:,} of sequence {row:,}"
    if missing.height:
        row, part = missing.select("rows", "parts").row(0)
        what = (
            f"document {row:,} is not in the sequences as it should be: none has its "
            f"chunk from token {part:,} on"
        )
        return VerificationError(f"{what}; {place} is another" if place else what)
    of = f"document {others['names'][0]:,}" if is_numbered else "the documents"
    return VerificationError(f"{place} is none of {of}, or is there twice")
