"""Damage: whatever breaks a promise of an assignment is refused, and named.

`DAMAGE` is the table: what is changed in a right assignment, which promise that breaks,
and what the error says. Assignments are random, of random documents by random rules.
More of them than the suite has time for, and how long each kind takes:

    python tests/verification/test_damage.py 1000
"""

import re
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import DataError, VerificationError, threads
from fastpack.kernels.shuffling import round_keys, shuffle_bins

CASES = 5
"""Of each kind, in the suite."""

MAY_HOLD_NULLS = ("bin", "bin_offset")


class Case(NamedTuple):
    """A right assignment, its documents (`by` columns, lengths), and its rules."""

    table: pl.DataFrame
    documents: pl.DataFrame
    rules: dict[str, Any]

    @property
    def max_chunk(self):
        return self.rules["context_length"] - self.rules["extra_tokens"]

    def column(self, name):
        """Return a column of integers as an array; -1 is null."""
        return self.table[name].fill_null(-1).to_numpy()

    def footprints(self):
        lengths = self.column("chunk_length")
        longer = lengths + self.rules["extra_tokens"]
        align = self.rules["align"]
        return np.where(lengths > 0, -(-longer // align) * align, 0)

    def packed(self):
        return np.flatnonzero(self.column("bin") >= 0)

    def later(self):
        """Return the rows of chunks that are not the first of their document."""
        return np.flatnonzero(self.column("chunk_start") > 0)

    def last(self):
        """Return the rows of the last chunk of each document."""
        starts = np.append(self.column("chunk_start")[1:], 0)
        return np.flatnonzero(starts == 0)

    def bins(self):
        """Return the rows of each bin, in the order of their offsets."""
        bins, offsets = self.column("bin"), self.column("bin_offset")
        order = np.lexsort((offsets, bins))
        order = order[bins[order] >= 0]
        ends = np.cumsum(np.bincount(bins[order])) if order.size else [0]
        return np.split(order, ends[:-1])

    def changed(self, **columns):
        """Return the case with other columns in its table."""
        return self._replace(table=self.table.with_columns(**columns))

    def at(self, column, rows, values):
        """Return the case with other values in some rows."""
        changed = self.table[column].clone().scatter(rows, values)
        return self.changed(**{column: changed})

    def taking(self, rows):
        """Return the case with these rows alone, in this order."""
        return self._replace(table=self.table[rows])

    def under(self, **rules):
        """Return the case under other rules."""
        return self._replace(rules={**self.rules, **rules})

    def renumbered(self, numbers):
        """Return the case with another number for each bin."""
        bins = self.column("bin")
        numbers = np.append(numbers, -1)[bins]
        column = pl.Series(numbers, dtype=pl.Int64)
        return self.changed(bin=column.set(column == -1, None))

    def verify(self, *, with_lengths):
        lengths = self.documents if with_lengths else None
        return fastpack.verify(self.table, lengths, **self.rules)


def one_of(rng, values):
    """Draw one of some values; None if there is none."""
    return values[rng.integers(len(values))] if len(values) else None


def make_case(rng, keep=None, **fixed):
    """Draw documents and rules, but for those that are fixed, and pack them."""
    while True:
        align = int(fixed.get("align", one_of(rng, [1, 1, 2, 3, 8])))
        context_length = align * int(rng.integers(max(2, 6 // align), 16))
        room = min(4, context_length - 1)
        rules = {
            "context_length": context_length,
            "align": align,
            "extra_tokens": int(rng.integers(0, room)),
            "long_documents": one_of(rng, ["split", "split", "truncate", "drop"]),
            "max_documents": one_of(rng, [None, None, 1, 2, 3]),
            "bins_multiple": one_of(rng, [1, 1, 2, 3]),
            "shuffle_seed": one_of(rng, [None, None, 0, 7, 2**64 - 1]),
            "by": one_of(rng, [None, None, "source", ["language", "source"]]),
            "block_documents": one_of(rng, [None, None, 4, 11]),
            **fixed,
        }
        longest = rules["context_length"] - rules["extra_tokens"]
        rules["min_chunk"] = fixed.get("min_chunk", int(rng.integers(1, 4)))
        rules["min_chunk"] = min(rules["min_chunk"], longest)
        n = int(rng.integers(3, 30))
        scale = one_of(rng, [0.5, 1, 3])
        lengths = rng.integers(0, int(scale * context_length) + 2, n)
        if rules["long_documents"] == "error":
            lengths = np.minimum(lengths, longest)
        documents = pl.DataFrame(
            {
                "name": [f"d{number}" for number in range(n)],
                "source": rng.choice(["a", "b", "web"], n).astype(object),
                "language": rng.integers(-1, 2, n),
                "n_tokens": lengths,
            },
            schema_overrides={"source": pl.String},
        )
        by = rules["by"] or []
        by = [by] if isinstance(by, str) else by
        try:
            table = fastpack.pack(documents, keep=keep, **rules)
        except DataError:  # too few chunks for `bins_multiple`
            continue
        if table["bin"].null_count() < table.height:
            return Case(table, documents.select(*by, "n_tokens"), rules)


class Kind(NamedTuple):
    """A kind of damage.

    `change` takes a generator of random numbers and a right case, and gives one that is
    wrong, or None if that case cannot be damaged so. `with_lengths` says whether the
    documents are given to `verify`: None is either.
    """

    promise: str
    change: Callable[[np.random.Generator, Case], Case | None]
    message: str
    with_lengths: bool | None = None
    rules: dict[str, Any] = {}  # noqa: RUF012 -- never changed


DAMAGE: dict[str, Kind] = {}

DOCUMENTS = "each document is there once, in its order"
CHUNKS = "the chunks of a document are in order, without gap or overlap"
WHOLE = "a document is cut only if it is longer than a chunk, into whole chunks"
TOKENS = "each document has its tokens, as the rules say"
NOTHING = "an empty or dropped document has one row, without bin and offset"
PLACE = "each chunk has a bin and an offset in it"
FILLED = "each bin is filled from its start on, without hole or overlap"
NUMBERS = "bins are numbered 0 ... n_bins - 1, none is empty"
CAPACITY = "no bin holds more than the context length"
INTEGERS = "all columns hold integers"
GROUPS = "bins do not mix groups"
ORDER = "bins are in the order of the groups"
SHUFFLE = "bins have the numbers that the seed gives"
BLOCKS = "blocks share no bins, and their bins follow each other"
NAMES = "the rows of a document name the same document"

NOT_COUNTED = "`document` does not count"
NOT_NEXT = "does not start where the one before it in its document ends"
NOT_FILLED = r"bin [\d,]+ is not filled from its start on"
TOO_FULL = r"holds [\d,]+ tokens, more than the context length"
TOO_MANY = "holds .* chunks, more than `max_documents`"
MIXED = "mixes documents that differ in"
BEHIND = "ends behind the end of its bin"
TOO_LONG = "a chunk is longer than it may be, or has no tokens beside others"
SPLIT = "a document is in several chunks, and `long_documents` is"
SHORTER = "is not the last of its document is shorter than it has to be"
SHORT = "the remainder of a document is shorter than `min_chunk`"
OTHER_TOKENS = "tokens in the assignment; by its length and the rules it has"
NO_INTEGER = "is no integer of 64 bits"
OUT_OF_ORDER = "bin .* is not among those of its group"
OTHER_BLOCK = "bin .* has documents of block .*, and the blocks before"
OTHER_NUMBER = "bin .* does not have the number that the rules give"


def damage(promise, message, with_lengths=None, **rules):
    """Add a kind of damage to the table, under the name of its function."""

    def add(change):
        name = change.__name__.replace("_", " ")
        DAMAGE[name] = Kind(promise, change, message, with_lengths, rules)
        return change

    return add


# Documents


@damage(DOCUMENTS, NOT_COUNTED)
def the_rows_of_a_document_are_missing(rng, case):
    document = case.column("document")
    gone = rng.integers(0, document.max())  # not the last one
    return case.taking(np.flatnonzero(document != gone))


@damage(DOCUMENTS, "`lengths` has more documents", with_lengths=True)
def the_last_document_is_missing(rng, case):
    document = case.column("document")
    return case.taking(np.flatnonzero(document != document.max()))


@damage(DOCUMENTS, f"{NOT_COUNTED}|more documents than `lengths`")
def a_document_is_there_twice(rng, case):
    document = case.column("document")
    rows = np.arange(document.size)
    twice = rng.integers(0, document.max() + 1)
    is_twice = document == twice
    before = rows[document < twice], rows[is_twice], rows[is_twice]
    return case.taking(np.concatenate([*before, rows[document > twice]]))


@damage(DOCUMENTS, "more documents than `lengths`", with_lengths=True)
def there_is_a_document_more(rng, case):
    row = case.table[:1].with_columns(
        document=pl.lit(case.documents.height, pl.Int64),
        chunk_start=pl.lit(0, pl.Int64),
        chunk_length=pl.lit(0, pl.Int32),
        bin=pl.lit(None, pl.Int64),
        bin_offset=pl.lit(None, pl.Int32),
    )
    return case._replace(table=pl.concat([case.table, row]))


@damage(DOCUMENTS, NOT_COUNTED)
def two_documents_exchange_their_places(rng, case):
    document = case.column("document")
    first = rng.integers(0, document.max())
    swapped = document.copy()
    swapped[document == first], swapped[document == first + 1] = first + 1, first
    return case.taking(np.argsort(swapped, kind="stable"))


@damage(DOCUMENTS, f"{NOT_COUNTED}|{NOT_NEXT}|{SHORTER}")
def rows_are_in_another_order(rng, case):
    order = rng.permutation(case.table.height)
    return None if (order == np.sort(order)).all() else case.taking(order)


@damage(DOCUMENTS, NOT_COUNTED)
def documents_are_numbered_from_another_number_on(rng, case):
    return case.changed(document=pl.col("document") + int(rng.integers(1, 99)))


@damage(DOCUMENTS, NOT_COUNTED)
def all_rows_name_document_0(rng, case):
    dtype = one_of(
        rng,
        [*(pl.Int8, pl.UInt8, pl.Int16, pl.UInt32, pl.UInt64, pl.Int128), pl.Float64],
    )
    return case.changed(document=pl.lit(0, dtype))


@damage(DOCUMENTS, NOT_COUNTED)
def a_row_names_another_document(rng, case):
    row = rng.integers(case.table.height)
    other = case.column("document")[row] + one_of(rng, [-1, 1, 1000])
    return case.at("document", row, other)


@damage(DOCUMENTS, NOT_COUNTED)
def a_row_names_no_document(rng, case):
    return case.at("document", rng.integers(case.table.height), None)


@damage(NAMES, "a document changes its 'name'", keep=["name", "language"])
def a_chunk_names_another_document(rng, case):
    row = one_of(rng, case.later())
    return None if row is None else case.at("name", row, one_of(rng, ["x", None]))


# Chunks


@damage(CHUNKS, f"{NOT_NEXT}|{SHORTER}|{NOT_COUNTED}", long_documents="split")
def the_first_chunk_of_a_document_is_missing(rng, case):
    row = one_of(rng, case.later())
    if row is None:
        return None
    first = row - case.column("chunk_start")[row] // case.max_chunk
    return case.taking(np.delete(np.arange(case.table.height), first))


@damage(CHUNKS, NOT_NEXT, long_documents="split")
def a_chunk_in_the_middle_is_missing(rng, case):
    later = case.later()
    row = one_of(rng, later[np.isin(later + 1, later)])
    if row is None:
        return None
    return case.taking(np.delete(np.arange(case.table.height), row))


@damage(TOKENS, OTHER_TOKENS, with_lengths=True, long_documents="split")
def the_last_chunk_of_a_document_is_missing(rng, case):
    row = one_of(rng, np.intersect1d(case.last(), case.later()))
    if row is None:
        return None
    return case.taking(np.delete(np.arange(case.table.height), row))


@damage(CHUNKS, f"{NOT_NEXT}|{SHORTER}|{NOT_COUNTED}", long_documents="split")
def two_chunks_of_a_document_exchange_their_rows(rng, case):
    row = one_of(rng, case.later())
    if row is None:
        return None
    rows = np.arange(case.table.height)
    rows[[row - 1, row]] = row, row - 1
    changed = case.taking(rows)
    # The first row of the document is one that starts later.
    return changed if case.column("chunk_start")[row - 1] == 0 else None


@damage(CHUNKS, NOT_NEXT, long_documents="split")
def a_chunk_starts_elsewhere(rng, case):
    row = one_of(rng, case.later())
    if row is None:
        return None
    start = case.column("chunk_start")[row]
    return case.at("chunk_start", row, start + one_of(rng, [-start - 1, 1, 10**12]))


@damage(CHUNKS, NOT_NEXT)
def a_document_does_not_start_at_0(rng, case):
    starts, lengths = case.column("chunk_start"), case.column("chunk_length")
    row = one_of(rng, np.flatnonzero(starts == 0))
    end = starts[row - 1] + lengths[row - 1] if row else 0  # of the one before
    start = one_of(rng, [-1, 1, case.max_chunk, 2**40])
    return None if start == end else case.at("chunk_start", row, start)


@damage(CHUNKS, "`chunk_start` is null")
def a_start_is_null(rng, case):
    return case.at("chunk_start", rng.integers(case.table.height), None)


@damage(CHUNKS, TOO_LONG)
def a_chunk_is_longer_than_it_may_be(rng, case):
    row = one_of(rng, case.packed())
    length = case.max_chunk + int(one_of(rng, [1, 2, 2**30]))
    return case.at("chunk_length", row, length)


@damage(CHUNKS, TOO_LONG)
def a_length_is_negative(rng, case):
    return case.at("chunk_length", rng.integers(case.table.height), -1)


@damage(CHUNKS, "`chunk_length` is null")
def a_length_is_null(rng, case):
    return case.at("chunk_length", rng.integers(case.table.height), None)


@damage(WHOLE, f"{TOO_LONG}|{SHORTER}", long_documents="split")
def a_chunk_of_no_tokens_follows(rng, case):
    row = one_of(rng, np.intersect1d(case.last(), case.packed()))
    end = case.column("chunk_start")[row] + case.column("chunk_length")[row]
    more = case.table[int(row)].with_columns(
        chunk_start=pl.lit(end, pl.Int64),
        chunk_length=pl.lit(0, pl.Int32),
        bin=pl.lit(None, pl.Int64),
        bin_offset=pl.lit(None, pl.Int32),
    )
    table = pl.concat([case.table[: row + 1], more, case.table[row + 1 :]])
    return case._replace(table=table)


@damage(WHOLE, SHORTER, long_documents="split")
def a_token_is_in_the_next_chunk(rng, case):
    starts, lengths = case.column("chunk_start"), case.column("chunk_length")
    row = one_of(rng, np.flatnonzero((starts > 0) & (lengths < case.max_chunk)))
    if row is None or case.max_chunk == 1:
        return None
    case = case.at("chunk_start", row, starts[row] - 1)
    return case.at(
        "chunk_length", [row - 1, row], [lengths[row - 1] - 1, lengths[row] + 1]
    )


@damage(WHOLE, f"{SHORTER}|{SHORT}", long_documents="split", extra_tokens=0, align=1)
def a_document_that_fits_is_cut(rng, case):
    lengths = case.column("chunk_length")
    row = one_of(rng, np.intersect1d(case.last(), np.flatnonzero(lengths > 1)))
    if row is None:
        return None
    length, start = lengths[row], case.column("chunk_start")[row]
    part = int(rng.integers(1, length))
    rows = np.sort(np.append(np.arange(case.table.height), row))
    offset = case.column("bin_offset")[row]
    case = case.taking(rows)
    case = case.at("chunk_start", row + 1, start + part)
    case = case.at("chunk_length", [row, row + 1], [part, length - part])
    return case.at("bin_offset", row + 1, offset + part)


@damage(TOKENS, f"{OTHER_TOKENS}|{SHORT}", with_lengths=True)
def a_document_has_a_token_less(rng, case):
    lengths = case.column("chunk_length")
    row = one_of(rng, np.intersect1d(case.last(), np.flatnonzero(lengths > 1)))
    return None if row is None else case.at("chunk_length", row, lengths[row] - 1)


@damage(TOKENS, f"{OTHER_TOKENS}|{BEHIND}", with_lengths=True)
def a_document_has_a_token_more(rng, case):
    lengths = case.column("chunk_length")
    is_short = (lengths > 0) & (lengths < case.max_chunk)
    row = one_of(rng, np.intersect1d(case.last(), np.flatnonzero(is_short)))
    return None if row is None else case.at("chunk_length", row, lengths[row] + 1)


@damage(TOKENS, OTHER_TOKENS, with_lengths=True)
def a_document_that_is_packed_was_another(rng, case):
    lengths = case.documents["n_tokens"].to_numpy()
    row = one_of(rng, np.flatnonzero(lengths < case.max_chunk))
    if row is None:
        return None
    other = case.documents["n_tokens"].clone().scatter(row, lengths[row] + 1)
    return case._replace(documents=case.documents.with_columns(n_tokens=other))


@damage(TOKENS, OTHER_TOKENS, with_lengths=True, by=None)
def two_documents_exchange_their_lengths(rng, case):
    lengths = case.documents["n_tokens"].to_numpy()
    of_long = 0 if case.rules["long_documents"] == "drop" else case.max_chunk
    at_start = np.where(lengths > case.max_chunk, of_long, lengths)
    first = one_of(rng, np.flatnonzero(lengths <= case.max_chunk))
    if first is None:
        return None
    second = one_of(rng, np.flatnonzero(at_start != at_start[first]))
    if second is None:
        return None
    rows = np.arange(lengths.size)
    rows[[first, second]] = second, first
    return case._replace(documents=case.documents[rows])


# Places


@damage(NOTHING, "an empty one has a bin")
def an_empty_document_has_a_bin(rng, case):
    row = one_of(rng, np.flatnonzero(case.column("chunk_length") == 0))
    return None if row is None else case.at("bin", row, 0)


@damage(NOTHING, "an empty one has a bin")
def an_empty_document_has_an_offset(rng, case):
    row = one_of(rng, np.flatnonzero(case.column("chunk_length") == 0))
    return None if row is None else case.at("bin_offset", row, 0)


@damage(PLACE, "a chunk has no bin")
def a_bin_is_null(rng, case):
    return case.at("bin", one_of(rng, case.packed()), None)


@damage(PLACE, "a chunk starts before its bin")
def an_offset_is_null(rng, case):
    return case.at("bin_offset", one_of(rng, case.packed()), None)


@damage(PLACE, "`bin` is negative")
def a_bin_is_minus_1(rng, case):
    return case.at("bin", rng.integers(case.table.height), -1)


@damage(PLACE, "`bin` is negative")
def a_bin_is_negative(rng, case):
    return case.at("bin", one_of(rng, case.packed()), -int(rng.integers(2, 99)))


@damage(PLACE, "`bin` is negative")
def all_bins_are_negative(rng, case):
    row = case.packed()
    return case.at("bin", row, [-2] * row.size)


@damage(PLACE, "`bin_offset` is negative")
def an_offset_is_minus_1(rng, case):
    return case.at("bin_offset", rng.integers(case.table.height), -1)


@damage(PLACE, "`bin_offset` is negative")
def an_offset_is_negative(rng, case):
    offset = -case.rules["align"] * int(rng.integers(2, 99))
    return case.at("bin_offset", one_of(rng, case.packed()), offset)


@damage("each chunk starts where `align` lets it", "where `align` does not", align=8)
def an_offset_is_not_aligned(rng, case):
    row = one_of(rng, case.packed())
    offset = case.column("bin_offset")[row] + rng.integers(1, 8)
    return case.at("bin_offset", row, offset)


@damage(CAPACITY, BEHIND)
def a_chunk_ends_behind_its_bin(rng, case):
    row = one_of(rng, case.packed())
    offset = case.rules["context_length"] - case.footprints()[row]
    more = case.rules["align"] * int(rng.integers(1, 9))
    return case.at("bin_offset", row, offset + more)


@damage(FILLED, f"{NOT_FILLED}|{TOO_FULL}|{TOO_MANY}|{MIXED}")
def a_bin_takes_the_chunks_of_another(rng, case):
    bins = case.bins()
    if len(bins) < 2:
        return None
    last, other = bins[-1], bins[rng.integers(len(bins) - 1)]
    number = int(case.column("bin")[other[0]])
    return case.at("bin", last, [number] * last.size)


@damage(FILLED, NOT_FILLED)
def a_bin_starts_with_a_hole(rng, case):
    footprints, offsets = case.footprints(), case.column("bin_offset")
    least = case.rules["context_length"] - case.rules["align"]
    rows = one_of(
        rng, [rows for rows in case.bins() if footprints[rows].sum() <= least]
    )
    if rows is None:
        return None
    return case.at("bin_offset", rows, offsets[rows] + case.rules["align"])


@damage(FILLED, NOT_FILLED)
def a_bin_has_a_hole_before_its_last_chunk(rng, case):
    footprints, offsets = case.footprints(), case.column("bin_offset")
    least = case.rules["context_length"] - case.rules["align"]
    rows = one_of(
        rng, [rows for rows in case.bins() if footprints[rows].sum() <= least]
    )
    if rows is None:
        return None
    return case.at("bin_offset", rows[-1], offsets[rows[-1]] + case.rules["align"])


@damage(FILLED, NOT_FILLED)
def two_chunks_overlap(rng, case):
    rows = one_of(rng, [rows for rows in case.bins() if rows.size > 1])
    if rows is None:
        return None
    later = rng.integers(1, rows.size)
    offset = case.column("bin_offset")[rows[later]] - case.rules["align"]
    return case.at("bin_offset", rows[later], offset)


@damage(FILLED, NOT_FILLED)
def two_chunks_have_one_place(rng, case):
    rows = one_of(rng, [rows for rows in case.bins() if rows.size > 1])
    if rows is None:
        return None
    offsets = case.column("bin_offset")
    return case.at("bin_offset", rows[1:], [offsets[rows[0]]] * (rows.size - 1))


@damage(FILLED, f"{NOT_FILLED}|{BEHIND}|{TOO_FULL}|{MIXED}")
def two_chunks_exchange_their_places(rng, case):
    packed, footprints = case.packed(), case.footprints()
    # The first one has another chunk behind it, which stays.
    first = one_of(rng, [row for rows in case.bins() for row in rows[:-1]])
    if first is None:
        return None
    second = one_of(rng, packed[footprints[packed] != footprints[first]])
    if second is None:
        return None
    places = [int(second), int(first)]
    bins, offsets = case.column("bin")[places], case.column("bin_offset")[places]
    case = case.at("bin", [first, second], bins)
    return case.at("bin_offset", [first, second], offsets)


@damage(FILLED, f"{NOT_FILLED}|{BEHIND}|{TOO_FULL}|{TOO_MANY}|{MIXED}")
def a_chunk_is_in_another_bin(rng, case):
    bins = case.bins()
    rows = bins[rng.integers(len(bins))]
    if len(bins) < 2 or rows.size < 2:
        return None
    row = rows[0]  # it leaves a hole
    other = one_of(rng, [each for each in bins if each[0] != rows[0]])
    return case.at("bin", row, case.column("bin")[other[0]])


@damage(NUMBERS, r"bin [\d,]+ is empty")
def a_bin_has_no_chunks(rng, case):
    bins = case.column("bin")
    gap = rng.integers(0, bins.max() + 1)
    numbers = np.arange(bins.max() + 1)
    return case.renumbered(numbers + (numbers >= gap))


@damage(NUMBERS, r"bin [\d,]+ is empty|is not filled")
def a_bin_has_a_number_that_is_too_large(rng, case):
    number = case.column("bin").max() + one_of(rng, [2, 1000, 2**40, 2**62])
    return case.at("bin", one_of(rng, case.packed()), number)


# Rules


@damage("no bin has more chunks than `max_documents`", TOO_MANY)
def there_are_more_chunks_than_max_documents(rng, case):
    most = max(rows.size for rows in case.bins())
    return None if most < 2 else case.under(max_documents=int(rng.integers(1, most)))


@damage(
    "every chunk has room for its `extra_tokens`",
    f"{NOT_FILLED}|{BEHIND}|{TOO_FULL}|longer than it may|{SHORTER}|{OTHER_TOKENS}",
    align=1,
)
def chunks_have_no_room_for_an_extra_token(rng, case):
    if case.max_chunk == 1 or all(rows.size < 2 for rows in case.bins()):
        return None
    rules = {**case.rules, "extra_tokens": case.rules["extra_tokens"] + 1}
    rules["min_chunk"] = min(rules["min_chunk"], case.max_chunk - 1)
    return case._replace(rules=rules)


@damage(
    "every chunk has a multiple of `align`",
    f"where `align` does not|{NOT_FILLED}|{BEHIND}|{TOO_FULL}",
    align=1,
)
def chunks_have_no_multiple_of_align(rng, case):
    align = one_of(rng, [2, 3, 4, 8])
    offsets = case.column("bin_offset")
    if (
        case.rules["context_length"] % align
        or (offsets[case.packed()] % align == 0).all()
    ):
        return None
    return case.under(align=align)


@damage(
    "no remainder is shorter than `min_chunk`",
    SHORT,
    long_documents="split",
)
def a_remainder_is_shorter_than_min_chunk(rng, case):
    later = case.later()
    if later.size == 0:
        return None
    shortest = int(case.column("chunk_length")[later].min())
    return None if shortest == case.max_chunk else case.under(min_chunk=shortest + 1)


@damage(
    "long documents are dropped, truncated or refused",
    SPLIT,
    with_lengths=False,
    long_documents="split",
    by=None,
)
def a_document_is_split_by_another_rule(rng, case):
    rule = one_of(rng, ["drop", "truncate", "error"])
    return None if case.later().size == 0 else case.under(long_documents=rule)


@damage(TOKENS, OTHER_TOKENS, with_lengths=True)
def long_documents_are_treated_by_another_rule(rng, case):
    if case.documents["n_tokens"].max() <= case.max_chunk:
        return None
    rule = case.rules["long_documents"]
    other = {"split": ["drop", "truncate"], "drop": ["split", "truncate"]}
    other = one_of(rng, other.get(rule, ["drop"]))
    if rule == "split" and other == "truncate" and case.later().size == 0:
        return None  # the remainders are dropped, too
    return case.under(long_documents=other)


@damage(
    "no document is longer than a chunk, if that is an error",
    "tokens, more than the .* of a chunk, and `long_documents` is 'error'",
    with_lengths=True,
)
def a_document_is_longer_though_that_is_an_error(rng, case):
    if case.documents["n_tokens"].max() <= case.max_chunk:
        return None
    return case.under(long_documents="error")


@damage("the number of bins is a multiple", "is no multiple of `bins_multiple`")
def the_number_of_bins_is_no_multiple(rng, case):
    if case.rules["shuffle_seed"] is not None and case.rules["bins_multiple"] > 1:
        return None  # what may be added at the end would be another number
    multiple = int(rng.integers(2, 9))
    n_bins = case.column("bin").max() + 1
    return None if n_bins % multiple == 0 else case.under(bins_multiple=multiple)


@damage(GROUPS, MIXED, with_lengths=True, by="source")
def two_groups_exchange_chunks(rng, case):
    packed, footprints = case.packed(), case.footprints()
    source = case.documents["source"].to_numpy()[case.column("document")]
    bins = case.column("bin")
    n_chunks = np.bincount(bins[packed])
    several = packed[n_chunks[bins[packed]] > 1]
    first = one_of(rng, several)
    if first is None:
        return None
    is_like = (footprints[packed] == footprints[first]) & (
        source[packed] != source[first]
    )
    second = one_of(rng, packed[is_like])
    if second is None:
        return None
    places = [int(second), int(first)]
    case = case.at("bin", [first, second], bins[places])
    return case.at("bin_offset", [first, second], case.column("bin_offset")[places])


@damage(
    ORDER,
    f"{OUT_OF_ORDER}|{OTHER_NUMBER}|{OTHER_BLOCK}",
    with_lengths=True,
    by=["language"],
    bins_multiple=1,
)
def two_bins_of_groups_exchange_their_numbers(rng, case):
    return _exchange_bins(rng, case, lambda group, first: group)


@damage(
    ORDER,
    f"{OUT_OF_ORDER}|{OTHER_BLOCK}",
    with_lengths=True,
    by="source",
    shuffle_seed=None,
)
def groups_are_in_another_order(rng, case):
    groups = _of_bins(case)[0]
    values, counts = np.unique(groups, return_counts=True)
    if values.size < 2:
        return None
    # The bins of the last group come first.
    return case.renumbered((np.arange(groups.size) + counts[-1]) % groups.size)


@damage(GROUPS, r"a row has another \['source'\] than its document", True, by="source")
def a_row_names_another_group(rng, case):
    source = case.documents["source"].gather(case.table["document"])
    case = case.changed(source=source)
    row = rng.integers(case.table.height)
    other = [each for each in ("a", "b", "web", "zip") if each != source[int(row)]]
    return case.at("source", row, one_of(rng, other))


@damage(GROUPS, "'source', a column of `by`, is null", keep="source", by="source")
def a_group_is_null(rng, case):
    return case.at("source", rng.integers(case.table.height), None)


@damage(
    SHUFFLE,
    f"{OTHER_NUMBER}|{OUT_OF_ORDER}|{OTHER_BLOCK}",
    with_lengths=True,
    shuffle_seed=3,
    bins_multiple=1,
)
def two_shuffled_bins_exchange_their_numbers(rng, case):
    return _exchange_bins(rng, case, lambda group, first: (group, first))


@damage(
    SHUFFLE,
    f"{OTHER_NUMBER}|{OUT_OF_ORDER}",
    with_lengths=True,
    bins_multiple=1,
    block_documents=None,
)
def bins_are_numbered_by_another_seed(rng, case):
    seed = one_of(rng, [1, 2, 2**32])
    groups, firsts = _of_bins(case)
    numbers = np.arange(groups.size)
    shuffle_bins(numbers, groups.size, round_keys(seed))
    keys = list(zip(groups[numbers], -firsts[numbers], strict=True))
    return None if keys == sorted(keys) else case.under(shuffle_seed=seed)


@damage(BLOCKS, OTHER_BLOCK, by=None, block_documents=4)
def two_blocks_exchange_chunks(rng, case):
    packed, footprints = case.packed(), case.footprints()
    blocks = case.column("document") // case.rules["block_documents"]
    first = one_of(rng, packed)
    is_like = footprints[packed] == footprints[first]
    second = one_of(rng, packed[is_like & (blocks[packed] != blocks[first])])
    if second is None:
        return None
    bins = case.column("bin")
    places = [int(second), int(first)]
    case = case.at("bin", [first, second], bins[places])
    return case.at("bin_offset", [first, second], case.column("bin_offset")[places])


@damage(BLOCKS, f"{OTHER_BLOCK}|{OTHER_NUMBER}", with_lengths=True, block_documents=4)
def blocks_are_in_another_order(rng, case):
    blocks = case.column("document") // case.rules["block_documents"]
    counts = [
        np.unique(
            case.column("bin")[case.packed()[blocks[case.packed()] == block]]
        ).size
        for block in range(blocks[-1] + 1)
    ]
    n_bins = sum(counts)
    if counts[-1] in {0, n_bins}:
        return None
    return case.renumbered((np.arange(n_bins) + counts[-1]) % n_bins)


@damage(BLOCKS, OTHER_BLOCK, with_lengths=True, block_documents=None)
def documents_were_packed_without_blocks(rng, case):
    size = int(rng.integers(1, 9))
    blocks = case.column("document") // size
    is_mixed = any(np.unique(blocks[rows]).size > 1 for rows in case.bins())
    return case.under(block_documents=size) if is_mixed else None


def _of_bins(case):
    """Return the group of each bin, and the length of its first chunk."""
    first = np.array([rows[0] for rows in case.bins()])
    by = case.documents.drop("n_tokens")
    groups = np.zeros(case.documents.height, np.int64)
    if by.width:
        ordered = by.unique().sort(by.columns).with_row_index("number")
        groups = by.join(ordered, on=by.columns, maintain_order="left")["number"]
        groups = groups.cast(pl.Int64).to_numpy()
    return groups[case.column("document")[first]], case.column("chunk_length")[first]


def _exchange_bins(rng, case, key):
    """Exchange the numbers of two bins that differ in something."""
    keys = [key(*each) for each in zip(*_of_bins(case), strict=True)]
    first = rng.integers(len(keys))
    second = one_of(
        rng, [bin_ for bin_, each in enumerate(keys) if each != keys[first]]
    )
    if second is None:
        return None
    numbers = np.arange(len(keys))
    numbers[[first, second]] = second, first
    return case.renumbered(numbers)


# Types


def _any_column(rng, case):
    names = ["document", "chunk_start", "chunk_length", *MAY_HOLD_NULLS]
    return one_of(rng, names), int(one_of(rng, case.packed()))


@damage(INTEGERS, NO_INTEGER)
def a_number_is_a_fraction(rng, case):
    name, row = _any_column(rng, case)
    case = case.changed(**{name: pl.col(name).cast(pl.Float64)})
    return case.at(name, row, case.table[name][row] + 0.5)


@damage(INTEGERS, NO_INTEGER)
def a_number_is_infinite(rng, case):
    name, row = _any_column(rng, case)
    case = case.changed(**{name: pl.col(name).cast(pl.Float64)})
    return case.at(name, row, one_of(rng, [np.inf, -np.inf]))


@damage(INTEGERS, NO_INTEGER)
def a_number_is_none_of_64_bits(rng, case):
    name, row = _any_column(rng, case)
    dtype, value = one_of(rng, [(pl.UInt64, 2**63), (pl.Int128, -(2**63) - 1)])
    case = case.changed(**{name: pl.col(name).cast(dtype)})
    changed = pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value, dtype))
    return case.changed(**{name: changed.otherwise(name)})


@damage(INTEGERS, "`chunk_length` is null|has no bin|starts before its bin")
def a_number_is_nan(rng, case):
    name = one_of(rng, ["chunk_length", *MAY_HOLD_NULLS])
    case = case.changed(**{name: pl.col(name).cast(pl.Float64)})
    return case.at(name, one_of(rng, case.packed()), np.nan)


def try_kind(name, n_cases, seed):
    """Damage random assignments; return those that pass or are refused otherwise."""
    kind = DAMAGE[name]
    rng = np.random.default_rng([seed, *name.encode()])
    missed = []
    n = 0
    while n < n_cases:
        case = make_case(rng, **kind.rules)
        changed = kind.change(rng, case)
        if changed is None:
            continue
        n += 1
        with_lengths = kind.with_lengths
        if with_lengths is None:  # the groups, if there are, are in `documents`
            with_lengths = bool(case.rules["by"]) or bool(rng.integers(2))
        case.verify(with_lengths=with_lengths)
        try:
            changed.verify(with_lengths=with_lengths)
        except VerificationError as error:
            if re.search(kind.message, str(error)):
                continue
            missed.append((str(error), changed))
        else:
            missed.append(("no error", changed))
    return missed


def test_there_are_many_kinds_of_damage():
    assert len(DAMAGE) >= 60
    assert len({kind.promise for kind in DAMAGE.values()}) >= 20


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_refused_and_named(name):
    missed = try_kind(name, CASES, seed=0)
    assert not missed, missed[0]


@pytest.mark.parametrize("name", DAMAGE)
def test_errors_are_those_of_one_thread(name, small_batches, monkeypatch):
    small_batches(batch=7, bins=11)
    monkeypatch.setattr(threads, "ROWS_A_THREAD", 5)
    kind = DAMAGE[name]
    rng = np.random.default_rng([9, *name.encode()])
    while True:
        case = make_case(rng, **kind.rules)
        changed = kind.change(rng, case)
        if changed is not None:
            break
    errors = []
    for number in (1, 2, 7):
        monkeypatch.setattr(threads, "n_cores", lambda number=number: number)
        with_lengths = kind.with_lengths or bool(changed.rules["by"])
        with pytest.raises(VerificationError) as caught:
            changed.verify(with_lengths=with_lengths)
        errors.append(str(caught.value))
    assert errors == errors[:1] * 3


# Right assignments, as other tools hand them over


def vary(rng, table):
    """Give a right table in other types, pieces and order of columns."""
    for name in ("document", "chunk_start", "chunk_length", *MAY_HOLD_NULLS):
        if name not in table.columns:
            continue
        high = table[name].max() or 0
        dtypes = [pl.Int8, pl.UInt8, pl.Int16, pl.UInt16, pl.Int32, pl.UInt32, pl.Int64]
        dtypes += [pl.UInt64, pl.Int128, pl.Float32, pl.Float64, pl.Decimal(30, 2)]
        dtype = one_of(rng, dtypes)
        if high < 100:
            table = table.with_columns(pl.col(name).cast(dtype))
    table = table.select(rng.permutation(table.columns).tolist())
    pieces = np.sort(rng.integers(0, table.height + 1, rng.integers(0, 4))).tolist()
    ends = [0, *pieces, table.height]
    pieces = [table[start:end] for start, end in pairwise(ends)]
    table = pl.concat(pieces, rechunk=False)
    way = rng.integers(5)
    if way == 0:
        return table.lazy()
    if pl.Int128 in table.dtypes:  # Polars' own
        return table
    return {1: table.to_arrow, 2: table.to_pandas}.get(way, table.clone)()


def try_right_tables(n_cases, seed):
    rng = np.random.default_rng(seed)
    for _ in range(n_cases):
        keep = one_of(rng, [None, None, ["name"], ["language", "source"]])
        case = make_case(rng, keep=keep)
        right = case.verify(with_lengths=True)
        varied = vary(rng, case.table)
        lengths = case.documents
        if rng.integers(2):
            lengths = lengths.to_pandas()
        found = fastpack.verify(varied, lengths, **case.rules)
        # It names columns in the order in which the table has them.
        assert len(found.pop("unchecked")) == len(right.pop("unchecked"))
        assert found == right


def test_no_right_table_is_refused(one_of_every):
    try_right_tables(one_of_every(60), seed=0)


if __name__ == "__main__":
    n_cases = int(sys.argv[1])
    n_missed = 0
    for number, name in enumerate(sys.argv[2:] or DAMAGE, 1):
        started = time.perf_counter()
        missed = try_kind(name, n_cases, seed=1)
        seconds = time.perf_counter() - started
        print(f"{number:3} {name:55} {len(missed):5} missed {seconds:6.1f} s")  # noqa: T201
        n_missed += len(missed)
        if missed:
            print(missed[0])  # noqa: T201
    try_right_tables(10 * n_cases, seed=1)
    print(f"{10 * n_cases:,} right tables passed")  # noqa: T201
    sys.exit(n_missed > 0)
