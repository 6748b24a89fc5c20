"""verify_tokens: sequences of any rules pass, in any form; what it says of them."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import (
    DataError,
    DataTypeError,
    OptionError,
    SourceNotFoundError,
    VerificationError,
    verify_tokens,
)
from strategies import options_of, packings

L = 8
LENGTHS = [3, 0, 20, 8, 5, 1, 2, 4]


def make_documents(lengths, dtype=pl.Int32, seed=0):
    """Return documents of random tokens."""
    rng = np.random.default_rng(seed)
    lists = [rng.integers(0, 1000, length).tolist() for length in lengths]
    names = [f"d{number}" for number in range(len(lists))]
    return pl.DataFrame(
        {"input_ids": lists, "labels": lists, "name": names},
        schema={
            "input_ids": pl.List(dtype),
            "labels": pl.List(pl.Int8),
            "name": pl.String,
        },
        strict=False,
    ).with_columns(
        labels=pl.col("input_ids").list.eval(pl.element() % 100).cast(pl.List(pl.Int8))
    )


DOCUMENTS = make_documents(LENGTHS)
SEQUENCES = fastpack.pack_tokens(DOCUMENTS, context_length=L)


@given(packed=packings(), ids=st.booleans(), padded=st.booleans(), keep=st.booleans())
def test_sequences_of_any_rules(packed, ids, padded, keep):
    frame, rules, by, seed = packed
    options = options_of(rules, by, seed)
    if options["long_documents"] == "error":
        options["long_documents"] = "split"
    n_extra = min(options["extra_tokens"], 2)
    options["extra_tokens"] = n_extra
    documents = make_documents(frame["n_tokens"].to_list()).hstack(
        frame.drop("n_tokens")
    )
    options |= {
        "columns": "labels",
        "pad_id": 5 if padded or options["align"] > 1 else None,
        "bos_id": 1 if n_extra == 2 or (n_extra == 1 and ids) else None,
        "eos_id": 2 if n_extra == 2 or (n_extra == 1 and not ids) else None,
        "keep": ["name", *by] if keep else None,
    }
    names = ["seq_lengths", "segment_ids", "cu_seqlens"]
    if options["pad_id"] is None:
        names += ["position_ids", "seq_start_id"]
    sequences = fastpack.pack_tokens(documents, boundaries=names, **options)
    figures = verify_tokens(sequences, documents, **options)
    # Each boundary is enough.
    for name in names:
        others = [other for other in names if other != name]
        if sequences.height:
            assert (
                verify_tokens(sequences.drop(others), documents, **options) == figures
            )
    plan = fastpack.plan(
        frame,
        "n_tokens",
        **{
            name: value
            for name, value in options.items()
            if name not in {"columns", "pad_id", "bos_id", "eos_id", "keep"}
        },
    )
    for name in (
        "n_bins",
        "n_chunks",
        "packed",
        "extra",
        "alignment",
        "padding",
        "n_tokens",
    ):
        assert figures[name] == getattr(plan, name)
    assert figures["efficiency"] == plan.efficiency
    unchecked = figures["unchecked"]
    assert any("groups" in each for each in unchecked) == (bool(by) and not keep)
    assert ("order of the sequences" in unchecked) == (bool(by) or seed is not None)


def test_tables_of_any_kind(tmp_path):
    right = verify_tokens(SEQUENCES, DOCUMENTS, context_length=L)
    assert right["unchecked"] == []
    (tmp_path / "sequences" / "_fastpack").mkdir(parents=True)
    SEQUENCES[:3].write_parquet(tmp_path / "sequences/0.parquet")
    SEQUENCES[3:].write_parquet(tmp_path / "sequences/1.parquet")
    SEQUENCES.write_parquet(tmp_path / "sequences/_fastpack/2.parquet")
    SEQUENCES.write_parquet(tmp_path / "sequences/_being-written.parquet")
    DOCUMENTS.write_parquet(tmp_path / "documents.parquet")
    for sequences in (SEQUENCES.lazy(), SEQUENCES.to_arrow(), tmp_path / "sequences"):
        for documents in (DOCUMENTS.to_arrow(), str(tmp_path / "documents.parquet")):
            assert verify_tokens(sequences, documents, context_length=L) == right
    for path in (tmp_path / "nowhere", tmp_path / "sequences/_fastpack"):
        with pytest.raises(SourceNotFoundError, match="no Parquet file at"):
            verify_tokens(path, DOCUMENTS, context_length=L)
    with pytest.raises(DataTypeError, match="`documents` cannot be read"):
        verify_tokens(SEQUENCES, 5, context_length=L)
    (tmp_path / "a.parquet").write_text("no Parquet")
    with pytest.raises(DataError, match=r"a\.parquet cannot be read as Parquet"):
        verify_tokens(SEQUENCES, tmp_path / "a.parquet", context_length=L)


def test_columns_that_are_not_asked_for_are_unchecked():
    wanted = {"columns": "labels", "keep": "name", "context_length": L}
    sequences = fastpack.pack_tokens(DOCUMENTS, **wanted)
    wrong = sequences.with_columns(labels=pl.col("input_ids"))
    figures = verify_tokens(wrong, DOCUMENTS, keep="name", context_length=L)
    assert figures["unchecked"] == ["columns that were not asked for: 'labels'"]
    assert verify_tokens(sequences, DOCUMENTS, **wanted)["unchecked"] == []


@pytest.mark.parametrize("keep", [None, "name"])
@pytest.mark.parametrize(
    "added", [{}, {"bos_id": 7}, {"pad_id": 0, "eos_id": 9, "align": 2}]
)
def test_values_that_differ_are_shown(keep, added):
    options = {"columns": "labels", "keep": keep, "context_length": L, **added}
    documents = DOCUMENTS.with_columns(
        labels=pl.col("labels").list.eval(pl.int_range(pl.len(), dtype=pl.Int8))
    )
    sequences = fastpack.pack_tokens(documents, **options)
    first = int("bos_id" in added)
    text = (
        rf"is another: it has `labels` 99 in place of 2, at its position {first + 2}$"
    )
    changed = pl.when(pl.element() == 2).then(99).otherwise(pl.element())
    labels = pl.col("labels").cast(pl.List(pl.Int8)).list.eval(changed.cast(pl.Int8))
    wrong = sequences.with_columns(labels=labels)
    with pytest.raises(VerificationError, match=text):
        verify_tokens(wrong, documents, **options)
    for name in ("bos_id", "eos_id"):
        if name in added:
            other = {**options, name: added[name] + 1}
            text = (
                rf"it has `input_ids` {added[name]} in place of {added[name] + 1}, at"
            )
            with pytest.raises(VerificationError, match=text):
                verify_tokens(sequences, documents, **other)


def test_paths_of_partitions_and_globs(tmp_path):
    for lang, rows in (("de", DOCUMENTS[:3]), ("en", DOCUMENTS[3:])):
        folder = tmp_path / "corpus" / f"lang={lang}"
        folder.mkdir(parents=True)
        rows.write_parquet(folder / "1.parquet")
    corpus, written = tmp_path / "corpus", tmp_path / "sequences"
    rules = {"context_length": L, "by": "lang", "keep": ["name", "lang"]}
    fastpack.pack_token_files(corpus, written, **rules)
    for path in (corpus, corpus / "*" / "*.parquet", corpus / "lang=*"):
        figures = verify_tokens(written, path, **rules)
        assert figures["n_documents"] == DOCUMENTS.height
        assert figures["unchecked"] == ["order of the sequences"]
    with pytest.raises(SourceNotFoundError, match=r"no Parquet file at .*nothing\*"):
        verify_tokens(written, corpus / "nothing*", **rules)
    DOCUMENTS.write_parquet(tmp_path / "documents.of-ours")
    plain = {"context_length": L}
    sequences = fastpack.pack_tokens(DOCUMENTS, **plain)
    figures = verify_tokens(sequences, tmp_path / "documents.of-ours", **plain)
    assert figures["n_documents"] == DOCUMENTS.height
    DOCUMENTS.write_ndjson(tmp_path / "documents.jsonl")
    with pytest.raises(DataTypeError, match=r"must be Parquet files, got .*\.jsonl"):
        verify_tokens(written, tmp_path / "documents.jsonl", **rules)


def test_integers_of_other_widths():
    right = verify_tokens(SEQUENCES, DOCUMENTS, context_length=L)
    for dtype in (pl.UInt16, pl.Int64, pl.UInt64):
        sequences = SEQUENCES.with_columns(pl.col("input_ids").cast(pl.List(dtype)))
        assert verify_tokens(sequences, DOCUMENTS, context_length=L) == right
        sequences = SEQUENCES.with_columns(pl.col("seq_lengths").cast(pl.List(dtype)))
        assert verify_tokens(sequences, DOCUMENTS, context_length=L) == right
    negative = DOCUMENTS.with_columns(
        input_ids=pl.col("input_ids").list.eval(pl.element() - 500)
    )
    sequences = fastpack.pack_tokens(negative, context_length=L)
    wide = sequences.with_columns(pl.col("input_ids").cast(pl.List(pl.Int64)))
    assert verify_tokens(wide, negative, context_length=L) == right


@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64, pl.Boolean, pl.UInt8])
def test_columns_of_other_types(dtype):
    values = pl.col("input_ids").list.eval((pl.element() % 2).cast(dtype))
    documents = DOCUMENTS.with_columns(mask=values)
    pad = float("nan") if dtype.is_float() else 1
    options = {"context_length": L, "columns": {"mask": pad}, "pad_id": 0, "eos_id": 1}
    sequences = fastpack.pack_tokens(documents, **options)
    assert verify_tokens(sequences, documents, **options)["unchecked"] == []
    changed = sequences.with_columns(mask=pl.col("mask").arr.to_list().list.reverse())
    with pytest.raises(
        VerificationError, match=r"behind its last chunk|none has its chunk"
    ):
        verify_tokens(changed, documents, **options)


def test_sequences_that_name_no_documents():
    # Of another packer: with the tokens and their boundaries alone.
    sequences = SEQUENCES.drop("documents")
    figures = verify_tokens(sequences, DOCUMENTS, context_length=L)
    (unchecked,) = figures["unchecked"]
    assert unchecked.startswith("documents of chunks")
    with pytest.raises(VerificationError, match=r"document \d is not in the sequences"):
        verify_tokens(sequences[1:], DOCUMENTS, context_length=L)
    with pytest.raises(
        VerificationError, match=r"chunk \d of sequence 6 is none of the doc"
    ):
        verify_tokens(
            pl.concat([sequences, sequences[:1]]), DOCUMENTS, context_length=L
        )
    with pytest.raises(
        VerificationError, match=r"is not in the sequences|is none of the doc"
    ):
        verify_tokens(
            SEQUENCES[:1]
            .with_columns(input_ids=pl.lit([[0] * L]).explode())
            .drop("documents"),
            DOCUMENTS[3:4],
            context_length=L,
        )


def test_what_is_unchecked_of_blocks():
    options = {"context_length": L, "block_documents": 3, "keep": "name"}
    sequences = fastpack.pack_tokens(DOCUMENTS, **options)
    (unchecked,) = verify_tokens(sequences, DOCUMENTS, **options)["unchecked"]
    assert unchecked.startswith("blocks")
    options["keep"] = None
    sequences = fastpack.pack_tokens(DOCUMENTS, **options)
    assert verify_tokens(sequences, DOCUMENTS, **options)["unchecked"] == []


def test_no_documents():
    documents = DOCUMENTS[:0]
    sequences = fastpack.pack_tokens(documents, context_length=L)
    figures = verify_tokens(sequences, documents, context_length=L)
    assert figures["n_documents"] == figures["n_bins"] == 0
    assert figures["efficiency"] == 1.0
    with pytest.raises(
        VerificationError, match="names a document that is none of the 0"
    ):
        verify_tokens(SEQUENCES, documents, context_length=L)
    with pytest.raises(VerificationError, match="document 0 is not in the sequences"):
        verify_tokens(sequences, DOCUMENTS, context_length=L)


# Many


@pytest.fixture
def small_parts(monkeypatch):
    """Read little at a time, and add up many documents together."""
    monkeypatch.setattr("fastpack.tokens.verification.expected._ROWS", 7)
    monkeypatch.setattr("fastpack.tokens.verification.found._VALUES", 5 * L)
    monkeypatch.setattr("fastpack.tokens.verification.hashes._N_BUCKETS", 8)
    monkeypatch.setattr("fastpack.tokens.verification.hashes._NAME_BITS", 61)


@pytest.mark.parametrize("keep", [None, "name"])
def test_many_batches_and_few_buckets(small_parts, keep):
    lengths = np.random.default_rng(1).integers(0, 3 * L, 500)
    documents = make_documents(lengths)
    options = {"context_length": L, "keep": keep}
    sequences = fastpack.pack_tokens(documents, **options)
    figures = verify_tokens(sequences, documents, **options)
    assert (figures["n_documents"], figures["n_bins"]) == (500, sequences.height)
    for row in (0, 123, sequences.height - 1):
        tokens = sequences["input_ids"].to_list()
        tokens[row][-1] += 1
        changed = sequences.with_columns(
            input_ids=pl.Series(tokens, dtype=pl.List(pl.Int32))
        )
        place = len(sequences["seq_lengths"][row]) - 1
        with pytest.raises(
            VerificationError, match=rf"chunk {place} of sequence {row} is"
        ):
            verify_tokens(changed, documents, **options)
        number = sequences["documents"][row][-1] if keep is None else r"\d+"
        with pytest.raises(VerificationError, match=rf"document {number} is not"):
            verify_tokens(changed, documents, **options)


@pytest.mark.slow
def test_long_chunks():
    documents = make_documents([100_000, 40_000, 7])
    options = {"context_length": 1 << 17, "eos_id": 5}
    sequences = fastpack.pack_tokens(documents, **options)
    verify_tokens(sequences, documents, **options)
    for place in (0, 1, 16_383, 16_384, 16_385, 99_999):
        tokens = sequences["input_ids"].to_list()
        tokens[0][place] += 1
        changed = sequences.with_columns(
            input_ids=pl.Series(tokens, dtype=pl.List(pl.Int32))
        )
        with pytest.raises(VerificationError, match="document 0"):
            verify_tokens(changed, documents, **options)


# Bad input


def test_columns_that_are_absent_or_of_another_type():
    def check(
        message, sequences=SEQUENCES, documents=DOCUMENTS, error=DataError, **more
    ):
        with pytest.raises(error, match=message):
            verify_tokens(sequences, documents, context_length=L, **more)

    check("`sequences` names a column that is absent", SEQUENCES.drop("input_ids"))
    check(
        "`tokens` names a column that is absent", documents=DOCUMENTS.drop("input_ids")
    )
    check("`sequences` names a column that is absent: 'labels'", columns="labels")
    check(
        "`labels` holds Float32 in the sequences, and Int8 in the documents",
        SEQUENCES.with_columns(labels=pl.col("input_ids").cast(pl.List(pl.Float32))),
        columns="labels",
        error=DataTypeError,
    )
    check(
        "must hold lists of integers",
        SEQUENCES.with_columns(input_ids=1.5),
        error=DataTypeError,
    )
    check("`keep` column 'name' is absent", keep="name", error=DataTypeError)
    check(
        "`seq_lengths` must hold",
        SEQUENCES.with_columns(seq_lengths=1),
        error=DataTypeError,
    )
    check("`by` names a column that is absent", by="source")
    check(
        "`labels` has .* values for the .* tokens",
        documents=DOCUMENTS.with_columns(labels=pl.col("labels").list.head(2)),
        sequences=fastpack.pack_tokens(DOCUMENTS, context_length=L, columns="labels"),
        columns="labels",
    )


def test_options():
    with pytest.raises(OptionError, match="`align` is 2"):
        verify_tokens(SEQUENCES, DOCUMENTS, context_length=L, align=2)
    with pytest.raises(OptionError, match="`eos_id` 40000000000 does not fit"):
        verify_tokens(SEQUENCES, DOCUMENTS, context_length=L, eos_id=40_000_000_000)
