"""Second look: the first chunk that is expected and not found, or the other way."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy.typing as npt
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

    def values_of(self, row: int, part: int) -> dict[str, npt.NDArray[Any]]: ...


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
        missing, others = _without(*both), _without(*both[::-1])
        if is_numbered:
            first = pl.concat([missing["names"], others["names"]]).min()
            missing, others = (
                side.filter(pl.col("names") == first) for side in (missing, others)
            )
        if not missing.height:
            raise _not_expected(others, is_numbered=is_numbered)
        row, part = missing.select("rows", "parts").row(0)
        msg = (
            f"document {row:,} is not in the sequences as it should be: none has its "
            f"chunk from token {part:,} on"
        )
        # Of the same document, first token and length, as far as sequences say them.
        alike = others.filter(pl.col("identities") == missing["identities"][0])
        if others.height:
            place = (alike if alike.height else others).select("rows", "parts").row(0)
            msg += f"; chunk {place[1]:,} of sequence {place[0]:,} is another"
            if alike.height:
                msg += _differences(
                    expected.values_of(row, part), found.values_of(*place)
                )
        raise VerificationError(msg)


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


def _not_expected(others: pl.DataFrame, *, is_numbered: bool) -> VerificationError:
    """Describe the first chunk of sequences that is not expected."""
    row, part = others.select("rows", "parts").row(0)
    of = f"document {others['names'][0]:,}" if is_numbered else "the documents"
    return VerificationError(
        f"chunk {part:,} of sequence {row:,} is none of {of}, or is there twice"
    )


def _differences(
    expected: dict[str, npt.NDArray[Any]], found: dict[str, npt.NDArray[Any]]
) -> str:
    """Say the first value of each column in which a chunk differs."""
    texts = []
    for name, right in expected.items():
        n_both = min(right.size, found[name].size)
        is_other = right[:n_both] != found[name][:n_both]
        if is_other.any():
            place = int(is_other.argmax())
            texts.append(
                f"`{name}` {found[name][place]} in place of {right[place]}, at its "
                f"position {place:,}"
            )
    return f": it has {', '.join(texts)}" if texts else ""
