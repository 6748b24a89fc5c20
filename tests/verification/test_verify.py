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
            if lengths is None and by and keep is None:
                with pytest.raises(DataError, match="`by` names columns that `lengths"):
                    fastpack.verify(assignment, lengths, **options)
                continue
            figures = fastpack.verify(assignment, lengths, **options)
            for name, value in plan.figures().items():
                if name in figures:
                    assert figures[name] == value, name
            assert figures["n_rows"] == table.height
            assert figures["lengths_checked"] == (lengths is not None)
            assert figures["groups_checked"] == bool(by)
            names = {"language", "n_tokens", "source"} - set(columns.columns)
            is_whole = lengths is not None and not (keep and names)
            assert (figures["unchecked"] == []) == is_whole


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
    "another negative bin": (at(LATER, "bin", -7), "`bin` is negative"),
    "no offset": (at(LATER, "bin_offset", None), "starts before its bin"),
    "a bin where nothing is packed": (at(EMPTY, "bin", 3), "empty one has a bin"),
    "an offset where nothing is packed": (
        at(EMPTY, "bin_offset", 0),
        "empty one has a bin",
    ),
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
    with pytest.raises(DataError, match=r"`by` names columns .* \['source'\]"):
        fastpack.verify(fastpack.pack(DOCUMENTS, **options), LENGTHS, **options)


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
        fastpack.verify(TABLE.cast({"bin": pl.String}), **RULES)
    with pytest.raises(DataError, match="`lengths` must be one column, got 2"):
        fastpack.verify(TABLE, DOCUMENTS.rename({"n_tokens": "n"}), **RULES)
    with pytest.raises(OptionError, match="`align` must divide"):
        fastpack.verify(TABLE, context_length=10, align=3)
    empty = fastpack.verify(TABLE.clear(), LENGTHS.clear(), **RULES)
    assert empty["n_bins"] == empty["n_rows"] == 0


SMALL = fastpack.pack(np.array([5, 4, 3]), context_length=8)
LONG = fastpack.pack(np.array([17]), context_length=8)


@pytest.mark.parametrize("lengths", [None, np.array([5, 4, 3])])
def test_the_number_of_bins_is_a_multiple(lengths):
    fastpack.verify(SMALL, lengths, context_length=8, bins_multiple=2)
    with pytest.raises(VerificationError, match="bins, 2, is no multiple of `bins_mul"):
        fastpack.verify(SMALL, lengths, context_length=8, bins_multiple=5)


@pytest.mark.parametrize("rule", ["drop", "truncate", "error"])
def test_rows_of_long_documents_that_are_not_to_be(rule):
    options = {"context_length": 8, "long_documents": rule}
    message = f"in several chunks, and `long_documents` is '{rule}': in row 1"
    with pytest.raises(VerificationError, match=message):
        fastpack.verify(LONG, **options)
    with pytest.raises(VerificationError, match=r"'error'|by its length and the rules"):
        fastpack.verify(LONG, np.array([17]), **options)
    # One chunk of a long document, and one of a document that just fits, are alike.
    fastpack.verify(LONG[:1], **options)


def test_long_documents_that_are_an_error():
    options = PackingOptions(context_length=8, long_documents="error")
    histogram = fastpack.plan(np.array([17]), context_length=8).histogram
    message = "a document has 17 tokens, more than the 8 of a chunk, and `long_doc"
    with pytest.raises(VerificationError, match=message):
        fastpack.verify(LONG[:1], np.array([17]), **options.as_dict())
    with pytest.raises(VerificationError, match=message):
        verify_table(LONG[:1].lazy(), options, planned=histogram)


def test_remainders_that_are_too_short():
    fastpack.verify(LONG, context_length=8, min_chunk=1)
    with pytest.raises(VerificationError, match="shorter than `min_chunk` 3: in row 2"):
        fastpack.verify(LONG, context_length=8, min_chunk=3)
    # A document that is short by itself is none.
    fastpack.verify(SMALL, context_length=8, min_chunk=6)


def test_columns_of_groups_that_are_nowhere():
    lengths = pl.DataFrame({"n_tokens": [5, 4, 3], "source": ["a", "a", "b"]})
    for beside in (None, lengths["n_tokens"]):
        with pytest.raises(DataError, match=r"that `lengths` does not .*\['nowhere'\]"):
            fastpack.verify(SMALL, beside, context_length=8, by="nowhere")
    with pytest.raises(DataError, match=r"does not have: \['nowhere'\]"):
        fastpack.verify(SMALL, lengths, context_length=8, by=["source", "nowhere"])


@pytest.mark.parametrize("name", ["bin", "chunk_start", "bin_offset", "document"])
def test_columns_of_the_assignment_are_no_groups(name):
    with pytest.raises(DataError, match=rf"`by` names columns .* \['{name}'\]"):
        fastpack.verify(SMALL, context_length=8, by=name)
    if name == "bin_offset":
        return  # plans refuse it
    lengths = pl.DataFrame({"n_tokens": [5, 4, 3], name: [1, 1, 2]})
    with pytest.raises(VerificationError, match="mixes documents that differ"):
        fastpack.verify(SMALL, lengths, context_length=8, by=name)
    table = fastpack.pack(lengths, context_length=8, by=name)
    fastpack.verify(table, lengths, context_length=8, by=name)


def test_groups_in_the_assignment_are_those_of_the_documents():
    options = {"context_length": 8, "by": ["source", "day"]}
    documents = pl.DataFrame(
        {
            "n_tokens": [5, 20, 3],
            "source": ["a", "b", "a"],
            "day": pl.Series(["2026-01-01", "2026-01-02", "2026-01-01"]).str.to_date(),
        }
    )
    table = fastpack.pack(documents, keep=["source", "day"], **options)
    assert fastpack.verify(table, documents, **options)["unchecked"] == []
    wrong = at(1, "source", "a")(at(2, "source", "a")(at(3, "source", "a")(table)))
    with pytest.raises(
        VerificationError, match=r"another .* than its document: in row"
    ):
        fastpack.verify(wrong, documents, **options)
    # Of other types they are not compared, and `unchecked` says so.
    times = table.cast({"day": pl.Datetime})
    unchecked = fastpack.verify(times, documents, **options)["unchecked"]
    assert unchecked == [
        "names of the documents: of another type beside the lengths is 'day'"
    ]
    with pytest.raises(VerificationError, match="'source', a column of `by`, is null"):
        fastpack.verify(at(1, "source", None)(table), **options)


def test_what_is_not_checked_is_said():
    lengths = pl.DataFrame({"n_tokens": [5, 4, 3], "source": ["a", "a", "b"]})

    def unchecked(table, *lengths, **rules):
        return fastpack.verify(table, *lengths, context_length=8, **rules)["unchecked"]

    no_lengths = "lengths of the documents: not given"
    names = "names of the documents: only the assignment has 'source'"
    assert unchecked(SMALL, lengths["n_tokens"]) == []
    assert unchecked(SMALL) == [no_lengths]
    assert unchecked(SMALL.drop("document"), lengths["n_tokens"]) == []
    by_source = fastpack.pack(lengths, context_length=8, keep="source", by="source")
    assert unchecked(by_source, by="source") == [no_lengths, names]
    assert unchecked(by_source, lengths["n_tokens"], by="source") == [names]
    assert unchecked(by_source, lengths, by="source") == []
    planned = fastpack.plan(lengths, context_length=8, by="source")
    table = planned.assign(lengths).lazy()
    figures = verify_table(table, planned.options, planned=planned.histogram)
    assert figures["unchecked"] == [
        "lengths of the documents: only how many have which is known",
        "groups, and the order of bins: not given is 'source'",
    ]


def test_names_are_those_beside_the_lengths():
    documents = pl.DataFrame(
        {
            "n_tokens": [5, 5, 20, 0],
            "path": ["a", "b", None, "d"],
            "id": pl.Series([1, 2, 3, 2**63], dtype=pl.UInt64),
        }
    )
    table = fastpack.pack(documents, keep=["path", "id"], context_length=8)
    for same in (
        table,
        table.cast({"path": pl.Categorical}),
        table.cast({"id": pl.Int128}),
    ):
        assert fastpack.verify(same, documents, context_length=8)["unchecked"] == []
    renamed = table.with_columns(pl.col("path").replace({"a": "b", "b": "a"}))
    with pytest.raises(VerificationError, match="has the 'path' 'b', and 'a' among"):
        fastpack.verify(renamed, documents, context_length=8)
    last = at(table.height - 1, "id", 2**63 - 1)(table)
    with pytest.raises(VerificationError, match=f"'id' {2**63 - 1}, and {2**63} among"):
        fastpack.verify(last.lazy(), documents.lazy(), context_length=8)
    texts = table.cast({"id": pl.String})
    assert fastpack.verify(texts, documents, context_length=8)["unchecked"] == [
        "names of the documents: of another type beside the lengths is 'id'"
    ]
    without = documents.drop("id")
    assert fastpack.verify(table, without, context_length=8)["unchecked"] == [
        "names of the documents: only the assignment has 'id'"
    ]


def test_rows_in_another_order_and_lengths_below_zero():
    table = fastpack.pack([5, 6, 20], context_length=8)
    with pytest.raises(
        VerificationError, match=r"from 0 on: in row 0\n(.|\n)*Hint: .*sort"
    ):
        fastpack.verify(table.sort("bin"), context_length=8)
    with pytest.raises(DataError, match="has a negative length: -6 in row 1"):
        fastpack.verify(table, [5, -6, 20], context_length=8)
    empty = table.with_columns(bin=pl.col("bin") + 1)
    with pytest.raises(VerificationError, match=r"^bin 0 is empty; .* wrong: \[0\]$"):
        fastpack.verify(empty, context_length=8)


def test_numbers_of_bins_that_nothing_holds():
    for number in (100, 2**40, 2**63 - 2):
        with pytest.raises(VerificationError, match=r"bin \d is empty"):
            fastpack.verify(at(1, "bin", number)(SMALL), context_length=8)
    with pytest.raises(VerificationError, match="a chunk has no bin"):
        fastpack.verify(at(0, "bin", 2**63 - 1)(SMALL), context_length=8)
