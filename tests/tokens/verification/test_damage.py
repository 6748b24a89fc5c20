"""Damage: sequences that do not hold each token of each document once are refused.

`DAMAGE` is the table: what is changed in right sequences, which promise that breaks,
and what the error says. Sequences are random, of random documents by random rules. More
of them than the suite has time for, and how long each kind takes:

    python tests/tokens/verification/test_damage.py 1000
"""

import re
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import DataError, FastpackError, VerificationError

CASES = 4
"""Of each kind, in the suite."""

BOUNDARIES = (
    "seq_lengths",
    "segment_ids",
    "cu_seqlens",
    "position_ids",
    "seq_start_id",
    "chunk_starts",
)

OF_CHUNKS = ("documents", "seq_lengths", "chunk_starts", "source", "name")
"""The columns with a value a chunk."""


class Case(NamedTuple):
    """Right sequences as dicts of lists, their documents, and the rules."""

    rows: list[dict[str, list[Any]]]
    schema: pl.Schema
    documents: pl.DataFrame
    rules: dict[str, Any]

    @property
    def extra(self):
        return (self.rules["bos_id"] is not None) + (self.rules["eos_id"] is not None)

    @property
    def max_chunk(self):
        return self.rules["context_length"] - self.extra

    @property
    def values(self):
        """The columns with a value for each token."""
        columns = ["input_ids", "labels", "mask"]
        return [name for name in columns if name in self.schema]

    def chunks(self):
        """Return the sequence, the number, the first token and the length of each."""
        align = self.rules["align"]
        places = []
        for row, sequence in enumerate(self.rows):
            start = 0
            for number, length in enumerate(sequence["lengths"]):
                places.append((row, number, start, length))
                start += -(-length // align) * align
        return places

    def used(self, row):
        """Return the tokens of all chunks of a sequence, with the gaps."""
        align = self.rules["align"]
        return sum(-(-length // align) * align for length in self.rows[row]["lengths"])

    def having(self, row, **columns):
        """Return the case with other lists in a row."""
        rows = [*self.rows]
        rows[row] = {**rows[row], **columns}
        return self._replace(rows=rows)

    def at(self, name, row, place, value):
        """Return the case with another value in a list."""
        values = [*self.rows[row][name]]
        values[place] = value
        return self.having(row, **{name: values})

    def without(self, *names):
        """Return the case without some columns."""
        kept = {name: dtype for name, dtype in self.schema.items() if name not in names}
        return self._replace(schema=pl.Schema(kept))

    def under(self, **rules):
        return self._replace(rules={**self.rules, **rules})

    def frame(self):
        rows = [{name: row[name] for name in self.schema} for row in self.rows]
        return pl.DataFrame(rows, schema=self.schema)

    def verify(self):
        schema = {
            # Rows that are damaged may have any number of values.
            name: pl.List(dtype.inner) if isinstance(dtype, pl.Array) else dtype
            for name, dtype in self.schema.items()
        }
        frame = self._replace(schema=pl.Schema(schema)).frame()
        return fastpack.verify_tokens(frame, self.documents, **self.rules)


def one_of(rng, values):
    """Draw one of some values; None if there is none."""
    return values[rng.integers(len(values))] if len(values) else None


def draw_rules(rng, fixed):
    align = int(fixed.get("align", one_of(rng, [1, 1, 2, 3, 8])))
    context_length = align * int(rng.integers(max(2, 6 // align), 16))
    room = min(3, context_length - 1)
    n_extra = int(rng.integers(0, room))
    rules = {
        "context_length": context_length,
        "align": align,
        "pad_id": one_of(rng, [None, 0, 7]),
        "bos_id": 1 if n_extra == 2 else None,
        "eos_id": 2 if n_extra else None,
        "columns": one_of(rng, [(), "labels", {"labels": -1, "mask": 0.5}]),
        "keep": one_of(rng, [None, None, "name", ["source", "name"]]),
        "long_documents": one_of(rng, ["split", "split", "truncate", "drop"]),
        "max_documents": one_of(rng, [None, None, 1, 2, 3]),
        "bins_multiple": one_of(rng, [1, 1, 2, 3]),
        "shuffle_seed": one_of(rng, [None, None, 0, 7]),
        "block_documents": one_of(rng, [None, None, 4]),
        "by": one_of(rng, [None, None, "source"]),
        **fixed,
    }
    if align > 1 and rules["pad_id"] is None:
        rules["pad_id"] = 0
    extra = (rules["bos_id"] is not None) + (rules["eos_id"] is not None)
    longest = context_length - extra
    rules["min_chunk"] = min(int(rng.integers(1, 4)), longest)
    return rules


def make_case(rng, boundaries=None, **fixed):
    """Draw documents and rules, except for those that are fixed, and pack them."""
    while True:
        rules = draw_rules(rng, fixed)
        n = int(rng.integers(3, 30))
        scale = one_of(rng, [0.5, 1, 3])
        lengths = rng.integers(0, int(scale * rules["context_length"]) + 2, n)
        tokens = [rng.integers(8, 1 << 20, length).tolist() for length in lengths]
        documents = pl.DataFrame(
            {
                "name": [f"d{number}" for number in range(n)],
                "source": rng.choice(["a", "b", "web"], n).tolist(),
                "input_ids": tokens,
                "labels": tokens,
                "mask": tokens,
            },
            schema_overrides={
                "input_ids": pl.List(one_of(rng, [pl.Int32, pl.UInt32, pl.Int64])),
                "labels": pl.List(pl.Int64),
                "mask": pl.List(pl.Float32),
            },
        )
        asked = boundaries
        if asked is None:
            asked = [name for name in BOUNDARIES if rng.integers(2)]
            asked += (
                [] if {"seq_lengths", "segment_ids"} & {*asked} else ["seq_lengths"]
            )
        every = [*asked, *({"seq_lengths"} - {*asked})]
        try:
            frame = fastpack.pack_tokens(documents, boundaries=every, **rules)
        except DataError:  # too few chunks for `bins_multiple`
            continue
        if frame.height:
            rows = frame.to_dicts()
            rows = [{**row, "lengths": row["seq_lengths"]} for row in rows]
            case = Case(rows, frame.schema, documents, rules)
            return case if "seq_lengths" in asked else case.without("seq_lengths")


class Kind(NamedTuple):
    """A kind of damage.

    `change` takes a generator of random numbers and a right case, and gives one that is
    wrong, or None if that case cannot be damaged so.
    """

    promise: str
    change: Callable[[np.random.Generator, Case], Case | None]
    message: str
    error: type[FastpackError]
    rules: dict[str, Any]


DAMAGE: dict[str, Kind] = {}

ONCE = "each chunk of each document is there once"
TOKENS = "a chunk has the tokens of its document, in order"
ADDED = "the tokens that are added are in their places"
LOCKSTEP = "the columns in lockstep have the values of their tokens"
PADDING = "behind the last chunk and in gaps there is padding"
BOUNDARY = "boundaries say where the chunks are, and agree"
NAMED = "each chunk names its document"
RULES = "no rule is broken"
FORM = "no sequence is longer than L, none is empty"

MISSING = r"document [\d,]+ is not in the sequences as it should be"
NOT_EXPECTED = r"chunk \d+ of sequence [\d,]+ is none of .*, or is there twice"
EARLIER = "is of an earlier block than the last"
OTHER = f"{MISSING}|{NOT_EXPECTED}"
NOT_AGREE = r"sequence [\d,]+ has other `\w+` than its `\w+` say"
BAD_LENGTH = r"sequence [\d,]+ (is shorter than its|has tokens behind its|is not of)"
IMPOSSIBLE = "that cannot be so long|has more chunks than `max_documents`"
NOT_AS_MANY = "has not as many|has no "
NOT_PADDED = "has other `.*` than padding"
OTHER_BLOCK = f"several blocks|{EARLIER}"


def damage(promise, message, error=VerificationError, **rules):
    """Add a kind of damage to the table, under the name of its function."""

    def add(change):
        name = change.__name__.replace("_", " ")
        DAMAGE[name] = Kind(promise, change, message, error, rules)
        return change

    return add


# Sequences


@damage(ONCE, MISSING, bins_multiple=1)
def a_sequence_is_missing(rng, case):
    rows = [*case.rows]
    del rows[rng.integers(len(rows))]
    return case._replace(rows=rows) if rows else None


@damage(ONCE, f"{NOT_EXPECTED}|{OTHER_BLOCK}", bins_multiple=1)
def a_sequence_is_there_twice(rng, case):
    return case._replace(rows=[*case.rows, case.rows[rng.integers(len(case.rows))]])


@damage(ONCE, f"{OTHER}|{OTHER_BLOCK}", bins_multiple=1)
def a_sequence_is_in_the_place_of_another(rng, case):
    if len(case.rows) < 2:
        return None
    first, second = rng.permutation(len(case.rows))[:2]
    if case.rows[first] == case.rows[second]:
        return None
    return case.having(first, **case.rows[second])


@damage(ONCE, MISSING)
def the_first_documents_are_in_no_sequence(rng, case):
    new = case.documents[:1].with_columns(
        input_ids=pl.lit([5], case.documents["input_ids"].dtype),
        labels=pl.lit([5], pl.List(pl.Int64)),
        mask=pl.lit([5], pl.List(pl.Float32)),
    )
    return case._replace(documents=pl.concat([case.documents, new]))


@damage(ONCE, f"{OTHER}|names a document that is none of|{OTHER_BLOCK}")
def a_document_is_none_of_those_that_were_packed(rng, case):
    packed = case.documents["input_ids"].list.len().to_numpy()
    row = one_of(rng, np.flatnonzero((packed > 0) & (packed <= case.max_chunk)))
    if row is None:
        return None
    rows = np.delete(np.arange(case.documents.height), row)
    return case._replace(documents=case.documents[rows])


@damage(FORM, "has no tokens|is not of", bins_multiple=1)
def a_sequence_is_empty(rng, case):
    row = {name: [] for name in case.rows[0]}
    return case._replace(rows=[row, *case.rows])


@damage(FORM, r"has more tokens than|is not of", max_documents=None, bins_multiple=1)
def two_sequences_are_one(rng, case):
    if len(case.rows) < 2:
        return None
    rows = [*case.rows]
    first, second = rows[0], rows.pop()
    if (
        len(first["input_ids"]) + len(second["input_ids"])
        <= case.rules["context_length"]
    ):
        return None
    rows[0] = {name: first[name] + second[name] for name in first}
    return case._replace(rows=rows)


@damage(FORM, BAD_LENGTH + "|" + NOT_AS_MANY)
def the_last_token_of_a_sequence_is_missing(rng, case):
    row = rng.integers(len(case.rows))
    columns = {name: case.rows[row][name][:-1] for name in case.values}
    return case.having(row, **columns)


@damage(FORM, "has null lists", DataError)
def a_list_is_null(rng, case):
    name = one_of(rng, [name for name in case.schema if name != "name"])
    if name in ("source", "name"):
        return None
    return case.having(rng.integers(len(case.rows)), **{name: None})


@damage(FORM, "has null values", DataError)
def a_value_is_null(rng, case):
    name = one_of(rng, case.values)
    row = rng.integers(len(case.rows))
    return case.at(name, row, 0, None)


# Tokens


def _any_token(rng, case, at_least=1):
    """Return the row and the places of the document's tokens of a chunk, if so many."""
    before = case.rules["bos_id"] is not None
    chunks = [each for each in case.chunks() if each[3] - case.extra >= at_least]
    chunk = one_of(rng, chunks)
    if chunk is None:
        return None
    row, _, start, length = chunk
    first = start + before
    return row, list(range(first, first + length - case.extra))


@damage(TOKENS, OTHER)
def a_token_is_another(rng, case):
    row, places = _any_token(rng, case)
    place = one_of(rng, places)
    value = case.rows[row]["input_ids"][place] ^ (1 << int(rng.integers(0, 21)))
    return case.at("input_ids", row, place, value)


@damage(TOKENS, OTHER)
def two_tokens_exchange_their_places(rng, case):
    found = _any_token(rng, case, at_least=2)
    if found is None:
        return None
    row, places = found
    first, second = rng.permutation(places)[:2]
    values = [*case.rows[row]["input_ids"]]
    if values[first] == values[second]:
        return None
    values[first], values[second] = values[second], values[first]
    return case.having(row, input_ids=values)


@damage(TOKENS, OTHER)
def the_tokens_of_a_chunk_are_shifted(rng, case):
    found = _any_token(rng, case, at_least=2)
    if found is None:
        return None
    row, places = found
    values = [*case.rows[row]["input_ids"]]
    moved = [values[place] for place in [*places[1:], places[0]]]
    if moved == [values[place] for place in places]:
        return None
    values[places[0] : places[-1] + 1] = moved
    return case.having(row, input_ids=values)


@damage(TOKENS, OTHER)
def two_chunks_exchange_their_tokens(rng, case):
    chunks = case.chunks()
    row, _, start, length = one_of(rng, chunks)
    mine = case.rows[row]["input_ids"][start : start + length]
    others = [
        each
        for each in chunks
        if each[3] == length
        and case.rows[each[0]]["input_ids"][each[2] : each[2] + length] != mine
    ]
    other = one_of(rng, others)
    if other is None:
        return None
    changed = case
    for (to, at), (source, begin) in (
        ((row, start), (other[0], other[2])),
        ((other[0], other[2]), (row, start)),
    ):
        values = [*changed.rows[to]["input_ids"]]
        values[at : at + length] = case.rows[source]["input_ids"][
            begin : begin + length
        ]
        changed = changed.having(to, input_ids=values)
    same = "documents" in case.schema or "name" in case.schema
    return changed if same else None


@damage(TOKENS, MISSING)
def a_token_of_a_document_changed_since(rng, case):
    lists = case.documents["input_ids"].to_list()
    numbers = [i for i, tokens in enumerate(lists) if 0 < len(tokens) <= case.max_chunk]
    number = one_of(rng, numbers)
    if number is None:
        return None
    lists[number][one_of(rng, range(len(lists[number])))] ^= 1
    column = pl.Series(lists, dtype=case.documents["input_ids"].dtype)
    return case._replace(documents=case.documents.with_columns(input_ids=column))


@damage(LOCKSTEP, OTHER, columns={"labels": -1, "mask": 0.5})
def a_value_in_lockstep_is_another(rng, case):
    row, places = _any_token(rng, case)
    name, place = one_of(rng, ["labels", "mask"]), one_of(rng, places)
    return case.at(name, row, place, case.rows[row][name][place] + 1)


@damage(LOCKSTEP, f"{OTHER}|{NOT_PADDED}", columns=["labels"])
def a_column_in_lockstep_is_shifted(rng, case):
    row = rng.integers(len(case.rows))
    labels = case.rows[row]["labels"]
    moved = [*labels[1:], labels[0]]
    return None if moved == labels else case.having(row, labels=moved)


@damage(LOCKSTEP, "has not as many `labels` as tokens", columns="labels")
def a_column_in_lockstep_is_shorter(rng, case):
    row = rng.integers(len(case.rows))
    return case.having(row, labels=case.rows[row]["labels"][:-1])


@damage(ADDED, OTHER, eos_id=2)
def an_eos_is_another(rng, case):
    row, _, start, length = one_of(rng, case.chunks())
    return case.at("input_ids", row, start + length - 1, 3)


@damage(ADDED, OTHER, bos_id=1, eos_id=None)
def a_bos_is_another(rng, case):
    row, _, start, _ = one_of(rng, case.chunks())
    return case.at("input_ids", row, start, 3)


@damage(ADDED, OTHER, bos_id=1, eos_id=2)
def bos_and_eos_are_exchanged(rng, case):
    return case.under(bos_id=2, eos_id=1)


@damage(ADDED, OTHER, eos_id=2, columns="labels")
def a_value_in_lockstep_is_no_padding_beside_an_eos(rng, case):
    row, _, start, length = one_of(rng, case.chunks())
    return case.at("labels", row, start + length - 1, 2)


def padded_rows(case):
    """Return the sequences that end with padding."""
    return [
        row
        for row, each in enumerate(case.rows)
        if case.used(row) < len(each["input_ids"])
    ]


@damage(PADDING, NOT_PADDED, pad_id=0)
def there_is_another_token_than_padding(rng, case):
    row = one_of(rng, padded_rows(case))
    if row is None:
        return None
    place = one_of(rng, range(case.used(row), case.rules["context_length"]))
    name = one_of(rng, case.values)
    return case.at(name, row, place, case.rows[row][name][place] + 1)


@damage(PADDING, NOT_PADDED, pad_id=0)
def the_id_of_padding_is_another(rng, case):
    return case.under(pad_id=3) if padded_rows(case) else None


@damage(PADDING, OTHER, align=4, pad_id=0)
def there_is_a_token_in_a_gap(rng, case):
    gaps = [
        (row, place)
        for row, _, start, length in case.chunks()
        for place in range(start + length, start + -(-length // 4) * 4)
    ]
    gap = one_of(rng, gaps)
    return None if gap is None else case.at(one_of(rng, case.values), *gap, 9)


@damage(PADDING, BAD_LENGTH, pad_id=0)
def a_sequence_is_not_padded(rng, case):
    row = one_of(rng, padded_rows(case))
    if row is None:
        return None
    columns = {name: case.rows[row][name][: case.used(row)] for name in case.values}
    return case.having(row, **columns)


@damage(PADDING, BAD_LENGTH, pad_id=None, align=1)
def sequences_are_to_be_padded(rng, case):
    if all(len(row["input_ids"]) == case.rules["context_length"] for row in case.rows):
        return None
    return case.under(pad_id=0)


@damage(PADDING, BAD_LENGTH, pad_id=0, align=1)
def sequences_are_not_to_be_padded(rng, case):
    if all(
        case.used(row) == len(each["input_ids"]) for row, each in enumerate(case.rows)
    ):
        return None
    return case.under(pad_id=None)


# Boundaries


@damage(BOUNDARY, f"{NOT_PADDED}|{OTHER}|{BAD_LENGTH}|{NOT_AGREE}|{IMPOSSIBLE}")
def a_boundary_is_off_by_one(rng, case):
    present = [name for name in BOUNDARIES[:5] if name in case.schema]
    name = one_of(rng, present)
    row = rng.integers(len(case.rows))
    values = case.rows[row][name]
    place = rng.integers(len(values))
    return case.at(name, row, place, values[place] + one_of(rng, [-1, 1]))


@damage(BOUNDARY, f"{NOT_PADDED}|{OTHER}|{NOT_AGREE}|{IMPOSSIBLE}|{BAD_LENGTH}")
def two_chunks_have_another_border(rng, case):
    row, number, *_ = one_of(rng, case.chunks())
    lengths = [*case.rows[row]["lengths"]]
    if number + 1 == len(lengths):
        return None
    by = one_of(rng, [-1, 1])
    lengths[number] += by
    lengths[number + 1] -= by
    return (
        case.having(row, seq_lengths=lengths) if "seq_lengths" in case.schema else None
    )


@damage(
    BOUNDARY,
    f"{NOT_PADDED}|{OTHER}|{NOT_AGREE}|{NOT_AS_MANY}|{BAD_LENGTH}|{IMPOSSIBLE}",
)
def two_chunks_are_one(rng, case):
    rows = [row for row, each in enumerate(case.rows) if len(each["lengths"]) > 1]
    row = one_of(rng, rows)
    if row is None or "seq_lengths" not in case.schema:
        return None
    lengths = case.rows[row]["lengths"]
    columns = {
        name: case.rows[row][name][:-1] for name in OF_CHUNKS if name in case.schema
    }
    columns["seq_lengths"] = [*lengths[:-2], lengths[-2] + lengths[-1]]
    return case.having(row, **columns)


@damage(BOUNDARY, f"{NOT_PADDED}|{OTHER}|{NOT_AGREE}|{BAD_LENGTH}|{IMPOSSIBLE}")
def a_chunk_is_two(rng, case):
    chunks = [each for each in case.chunks() if each[3] > 2 * case.extra + 1]
    chunk = one_of(rng, chunks)
    if chunk is None or "seq_lengths" not in case.schema:
        return None
    row, number, _, length = chunk
    columns = {}
    for name in OF_CHUNKS:
        if name in case.schema:
            values = [*case.rows[row][name]]
            values.insert(number, values[number])
            columns[name] = values
    columns["seq_lengths"][number : number + 2] = [
        1 + case.extra,
        length - 1 - case.extra,
    ]
    return case.having(row, **columns)


@damage(BOUNDARY, f"{NOT_AS_MANY}|{NOT_AGREE}|{BAD_LENGTH}|{OTHER}")
def a_list_of_boundaries_is_shorter(rng, case):
    name = one_of(rng, [name for name in BOUNDARIES if name in case.schema])
    row = rng.integers(len(case.rows))
    return case.having(row, **{name: case.rows[row][name][:-1]})


@damage(BOUNDARY, OTHER, boundaries=BOUNDARIES)
def a_chunk_has_another_first_token(rng, case):
    row, number, *_ = one_of(rng, case.chunks())
    value = case.rows[row]["chunk_starts"][number] + one_of(rng, [-1, 1, 2**40])
    return case.at("chunk_starts", row, number, value)


@damage(BOUNDARY, IMPOSSIBLE + "|is shorter than|" + OTHER, boundaries=["seq_lengths"])
def a_length_is_absurd(rng, case):
    row, number, *_ = one_of(rng, case.chunks())
    value = one_of(rng, [0, -1, 2**31 - 1, -(2**31)])
    return case.at("seq_lengths", row, number, value)


@damage(BOUNDARY, "nothing says where the chunks of a sequence are", DataError)
def there_are_no_boundaries(rng, case):
    return case.without(*BOUNDARIES)


# Documents


@damage(NAMED, f"{OTHER}|{OTHER_BLOCK}", keep=None)
def a_chunk_names_another_document(rng, case):
    row, number, *_ = one_of(rng, case.chunks())
    was = case.rows[row]["documents"][number]
    lists = case.documents["input_ids"].to_list()
    other = one_of(rng, [i for i in range(len(lists)) if lists[i] != lists[was]])
    return None if other is None else case.at("documents", row, number, other)


@damage(NAMED, "names a document that is none of the", keep=None)
def a_chunk_names_no_document(rng, case):
    row, number, *_ = one_of(rng, case.chunks())
    other = one_of(rng, [-1, case.documents.height, 2**62, -(2**63)])
    return case.at("documents", row, number, other)


@damage(NAMED, "has not as many `documents` as chunks", keep=None)
def there_are_fewer_documents_than_chunks(rng, case):
    row = rng.integers(len(case.rows))
    return case.having(row, documents=case.rows[row]["documents"][:-1])


@damage(NAMED, OTHER, keep="name")
def a_chunk_has_another_name(rng, case):
    row, number, *_ = one_of(rng, case.chunks())
    return case.at("name", row, number, one_of(rng, ["x", None, ""]))


@damage(NAMED, "has not as many 'name' as chunks", keep="name")
def there_are_fewer_names_than_chunks(rng, case):
    row = rng.integers(len(case.rows))
    return case.having(row, name=one_of(rng, [case.rows[row]["name"][:-1], None]))


@damage(NAMED, OTHER, keep="name")
def a_document_has_another_name(rng, case):
    packed = case.documents["input_ids"].list.len().to_numpy()
    row = one_of(rng, np.flatnonzero((packed > 0) & (packed <= case.max_chunk)))
    if row is None:
        return None
    names = case.documents["name"].clone().scatter(row, "x")
    return case._replace(documents=case.documents.with_columns(names))


@damage(NAMED, "`keep` column 'name' is", fastpack.DataTypeError, keep="name")
def names_are_of_another_type(rng, case):
    return case._replace(
        documents=case.documents.with_columns(pl.col("name").cast(pl.Categorical))
    )


# Rules


@damage(RULES, "has more chunks than `max_documents`")
def there_are_more_chunks_than_max_documents(rng, case):
    most = max(len(row["lengths"]) for row in case.rows)
    return None if most < 2 else case.under(max_documents=int(rng.integers(1, most)))


@damage(RULES, "is no multiple of `bins_multiple`")
def the_number_of_sequences_is_no_multiple(rng, case):
    multiple = int(rng.integers(2, 9))
    return (
        None if len(case.rows) % multiple == 0 else case.under(bins_multiple=multiple)
    )


def _is_long(case):
    return case.documents["input_ids"].list.len().max() > case.max_chunk


@damage(RULES, "of a chunk, and `long_documents` is 'error'")
def a_document_is_longer_though_that_is_an_error(rng, case):
    return case.under(long_documents="error") if _is_long(case) else None


@damage(RULES, OTHER)
def long_documents_are_treated_by_another_rule(rng, case):
    rule = case.rules["long_documents"]
    if not _is_long(case):
        return None
    other = one_of(
        rng, [each for each in ("split", "truncate", "drop") if each != rule]
    )
    lengths = case.documents["input_ids"].list.len()
    remainders = (lengths % case.max_chunk).filter(lengths > case.max_chunk)
    if {rule, other} == {"split", "truncate"}:
        # The remainders may all be dropped, too.
        rest = remainders.filter(remainders >= case.rules["min_chunk"])
        if rest.is_empty() and (lengths < 2 * case.max_chunk).all():
            return None
    return case.under(long_documents=other)


@damage(RULES, OTHER, long_documents="split")
def remainders_are_dropped_by_another_rule(rng, case):
    lengths = case.documents["input_ids"].list.len()
    remainders = (lengths % case.max_chunk).filter(lengths > case.max_chunk)
    kept = remainders.filter(remainders >= case.rules["min_chunk"])
    shortest = kept.min()
    return None if shortest is None else case.under(min_chunk=shortest + 1)


@damage(RULES, f"{OTHER}|{BAD_LENGTH}|has more tokens than", align=1)
def the_context_length_is_another(rng, case):
    if all(len(row["input_ids"]) < case.rules["context_length"] for row in case.rows):
        return None
    length = case.rules["context_length"] - 1
    if length < max(case.rules["min_chunk"], 1) + case.extra:
        return None
    return case.under(context_length=length)


@damage(
    RULES,
    r"mixes documents that differ in 'source'",
    keep=["source", "name"],
    by=None,
    block_documents=None,
)
def a_sequence_mixes_groups(rng, case):
    if all(len(set(row["source"])) == 1 for row in case.rows):
        return None
    return case.under(by="source")


@damage(RULES, "are of several blocks", keep=None, block_documents=None, by=None)
def a_sequence_mixes_blocks(rng, case):
    if all(len({each // 2 for each in row["documents"]}) == 1 for row in case.rows):
        return None
    return case.under(block_documents=2)


@damage(RULES, EARLIER, keep=None, block_documents=4)
def blocks_are_in_another_order(rng, case):
    blocks = [row["documents"][0] // 4 for row in case.rows]
    if len(set(blocks)) < 2:
        return None
    return case._replace(rows=case.rows[::-1])


def try_kind(name, n_cases, seed):
    """Damage random sequences; return those that pass or are refused otherwise."""
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
        case.verify()
        try:
            changed.verify()
        except kind.error as error:
            if re.search(kind.message, str(error)):
                continue
            missed.append((str(error), changed))
        else:
            missed.append(("no error", changed))
    return missed


def test_there_are_many_kinds_of_damage():
    assert len(DAMAGE) >= 45
    assert len({kind.promise for kind in DAMAGE.values()}) >= 9


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_refused_and_named(name):
    missed = try_kind(name, CASES, seed=0)
    assert not missed, missed[0]


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
    sys.exit(n_missed > 0)
