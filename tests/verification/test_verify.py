"""verify(): it passes what is right, and finds every kind of damage."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given

import fastpack
from fastpack import DataError, OptionError, PackingOptions, VerificationError
from fastpack.verification.verify import verify_table
from strategies import options_of, packings

RNG = np.random.default_rng(13)


N = 3000


DOCUMENTS = pl.DataFrame(
    {
        "source": np.array(["a", "b", "c"])[RNG.integers(0, 3, N)],
        "n_tokens": np.clip(RNG.lognormal(3, 1.3, N), 0, 900).astype(np.int32),
    }
)


LENGTHS = DOCUMENTS["n_tokens"]


RULES = {
    "context_length": 128,
    "max_documents": 9,
    "extra_tokens": 2,
    "align": 4,
    "min_chunk": 5,
}


@pytest.fixture(autouse=True)
def several_batches(small_batches):
    small_batches(batch=400, bins=300)


@given(packings())
def test_whatever_is_packed_is_right(packing):
    frame, rules, by, seed = packing
    options = options_of(rules, by, seed)
    columns = frame.select(*by, "n_tokens")
    plan = fastpack.plan(columns, **options)
    for keep in (None, ["source", "language", "n_tokens"]):
        table = fastpack.pack(frame, keep=keep, **options)
        for assignment, lengths in (
            (table, columns),
            (table.lazy(), columns.lazy()),
            (table, None),
        ):
            figures = fastpack.verify(assignment, lengths, **options)
            for name, value in plan.figures().items():
                if name in figures:
                    assert figures[name] == value, name
            assert figures["n_rows"] == table.height
            assert figures["lengths_checked"] == (lengths is not None)
            in_table = by and keep is not None
            assert figures["groups_checked"] == bool(
                in_table or (by and lengths is not None)
            )


def at(row, column, value):
    """Change one value of an assignment."""

    def damage(table):
        dtype = table.schema[column]
        here = pl.int_range(pl.len()) == row
        changed = pl.lit(value, dtype) if not isinstance(value, pl.Expr) else value
        return table.with_columns(
            pl.when(here).then(changed.cast(dtype)).otherwise(column).alias(column)
        )

    return damage


def swap(first, second, column):
    def damage(table):
        rows = list(range(table.height))
        rows[first], rows[second] = rows[second], rows[first]
        return table.with_columns(table[column].gather(rows).alias(column))

    return damage


TABLE = fastpack.pack(DOCUMENTS, **RULES)


SPLIT = int((TABLE["chunk_start"] > 0).arg_max())  # a second chunk


EMPTY = int(TABLE["bin"].is_null().arg_max())


WHOLE = int((TABLE["bin_offset"] == 0).arg_max())


LATER = int((TABLE["bin_offset"] > 20).arg_max())


OTHER = int((TABLE["chunk_length"] > TABLE["chunk_length"][LATER] + 8).arg_max())


DAMAGE = {
    "a row is missing": (lambda t: pl.concat([t[:7], t[8:]]), "document"),
    "the first row is missing": (lambda t: t[1:], "document"),
    "the last document is missing": (lambda t: t[:-1], "document|fewer|filled|empty"),
    "a row is there twice": (lambda t: pl.concat([t[:8], t[7:]]), "document"),
    "two rows are swapped": (
        lambda t: t[[1, 0, *range(2, t.height)]],
        "`document` does not count",
    ),
    "a chunk is missing": (
        lambda t: pl.concat([t[:SPLIT], t[SPLIT + 1 :]]),
        "document|start where",
    ),
    "a chunk starts elsewhere": (at(SPLIT, "chunk_start", 7), "start where the one"),
    "a chunk starts before": (at(SPLIT, "chunk_start", -1), "start where the one"),
    "a gap in a document": (
        at(SPLIT, "chunk_start", pl.col("chunk_start") + 1),
        "start where the one",
    ),
    "a chunk is longer than it may be": (at(9, "chunk_length", 127), "longer than it"),
    "a negative length": (at(9, "chunk_length", -3), "longer than it may be, or"),
    "a full chunk is shorter": (
        at(SPLIT - 1, "chunk_length", 100),
        "start where the one|shorter",
    ),
    "a document is shorter": (
        at(LATER, "chunk_length", pl.col("chunk_length") - 1),
        "tokens in the assignment|filled",
    ),
    "a null length": (at(3, "chunk_length", None), "`chunk_length` is null: in row 3"),
    "a null start": (at(3, "chunk_start", None), "`chunk_start` is null"),
    "no bin": (at(LATER, "bin", None), "has no bin"),
    "a negative bin": (at(LATER, "bin", -1), "`bin` is negative"),
    "another negative bin": (at(LATER, "bin", -7), "has no bin"),
    "no offset": (at(LATER, "bin_offset", None), "starts before its bin"),
    "a bin where nothing is packed": (at(EMPTY, "bin", 3), "one where nothing"),
    "an offset where nothing is packed": (at(EMPTY, "bin_offset", 0), "where nothing"),
    "another bin": (at(LATER, "bin", pl.col("bin") + 1), "filled from its start|holds"),
    "a bin beyond the last": (at(LATER, "bin", 10**5), "is empty|filled from"),
    "a hole at the start": (at(WHOLE, "bin_offset", 4), "filled from|ends behind"),
    "an overlap": (
        at(LATER, "bin_offset", pl.col("bin_offset") - 4),
        "is not filled from its start on",
    ),
    "an offset that is not aligned": (
        at(LATER, "bin_offset", pl.col("bin_offset") - 1),
        "where `align` does not let it",
    ),
    "a chunk that ends behind its bin": (at(LATER, "bin_offset", 124), "ends behind"),
    "bins swapped": (swap(LATER, OTHER, "bin"), "filled from its start|holds"),
    "offsets swapped": (swap(WHOLE, LATER, "bin_offset"), "filled from|ends behind"),
    "an empty bin": (
        lambda t: t.with_columns(
            pl.when(pl.col("bin") >= 50).then(pl.col("bin") + 1).otherwise("bin")
        ),
        "bin 50 is empty",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("with_lengths", [True, False])
def test_every_kind_of_damage_is_found(kind, with_lengths):
    damage, message = DAMAGE[kind]
    lengths = LENGTHS if with_lengths else None
    fastpack.verify(TABLE, lengths, **RULES)
    damaged = damage(TABLE)
    assert not damaged.equals(TABLE)
    if kind == "the last document is missing" and lengths is not None:
        message = "more documents than the assignment|" + message
    if kind == "a document is shorter" and lengths is None:
        return  # a shorter document could be there
    with pytest.raises(VerificationError, match=message):
        fastpack.verify(damaged, lengths, **RULES)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("context_length", 124, "longer than it may be|ends behind"),
        ("max_documents", 2, "more than `max_documents`"),
        ("extra_tokens", 0, "filled from its start|is not the last of its"),
        ("align", 8, "where `align`|filled from"),
        ("min_chunk", 1, "tokens in the assignment; by its length"),
        ("long_documents", "drop", "tokens in the assignment; by its length"),
        ("long_documents", "truncate", "tokens in the assignment; by its length"),
    ],
)
def test_rules_that_were_not_kept(name, value, message):
    with pytest.raises(VerificationError, match=message):
        fastpack.verify(TABLE, LENGTHS, **{**RULES, name: value})


def test_bins_that_mix_groups():
    options = {**RULES, "by": "source"}
    with pytest.raises(VerificationError, match=r"mixes documents that differ in \['s"):
        fastpack.verify(TABLE, DOCUMENTS, **options)
    kept = fastpack.pack(DOCUMENTS, keep="source", **RULES)
    with pytest.raises(VerificationError, match="mixes documents that differ"):
        fastpack.verify(kept, LENGTHS, **options)
    table = fastpack.pack(DOCUMENTS, keep="source", **options)
    assert fastpack.verify(table, LENGTHS, **options)["groups_checked"]
    assert not fastpack.verify(fastpack.pack(DOCUMENTS, **options), LENGTHS, **options)[
        "groups_checked"
    ]


def test_lengths_of_other_documents():
    for lengths, message in (
        (LENGTHS[:-1], "the assignment has more documents than `lengths`: 2,999"),
        (pl.concat([LENGTHS, LENGTHS[:1]]), "`lengths` has more documents than the"),
        (LENGTHS.sort(), "document .* has .* tokens in the assignment; by its length"),
    ):
        with pytest.raises(VerificationError, match=message):
            fastpack.verify(TABLE, lengths, **RULES)


def test_lengths_of_other_documents_than_planned():
    options = PackingOptions(**RULES)
    histogram = fastpack.plan(LENGTHS, **RULES).histogram
    figures = verify_table(TABLE.lazy(), options, planned=histogram)
    assert figures["n_bins"] > 300  # several passes, and the lengths counted once
    assert figures["lengths_checked"]
    other = fastpack.plan(pl.concat([LENGTHS, LENGTHS[:1]]), **RULES).histogram
    with pytest.raises(VerificationError, match="3,001 documents were planned, 3,000"):
        verify_table(TABLE.lazy(), options, planned=other)


def test_documents_that_change_their_name():
    documents = DOCUMENTS.with_columns(id=pl.int_range(N) // 2)
    table = fastpack.pack(documents, keep=["id", "source"], **RULES)
    fastpack.verify(table, LENGTHS, **RULES)
    for column, value in (("id", -1), ("source", "z"), ("source", None)):
        with pytest.raises(VerificationError, match=f"changes its '{column}'"):
            fastpack.verify(at(SPLIT, column, value)(table), **RULES)


def test_what_is_no_assignment():
    with pytest.raises(DataError, match="`assignment` names columns that are absent"):
        fastpack.verify(DOCUMENTS, **RULES)
    with pytest.raises(fastpack.DataTypeError, match="`bin` must hold integers"):
        fastpack.verify(TABLE.cast({"bin": pl.Float64}), **RULES)
    with pytest.raises(DataError, match="`lengths` must be one column, got 2"):
        fastpack.verify(TABLE, DOCUMENTS.rename({"n_tokens": "n"}), **RULES)
    with pytest.raises(OptionError, match="`align` must divide"):
        fastpack.verify(TABLE, context_length=10, align=3)
    empty = fastpack.verify(TABLE.clear(), LENGTHS.clear(), **RULES)
    assert empty["n_bins"] == empty["n_rows"] == 0
