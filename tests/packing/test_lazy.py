"""A lazy frame in, a lazy frame out."""

import numpy as np
import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.io.plugins import register_io_source

import fastpack
from fastpack import DataError, DataTypeError, OptionError
from oracle import RULES, SCHEMA

RNG = np.random.default_rng(21)


FRAME = pl.DataFrame(
    {
        "doc_id": [f"d{number}" for number in range(3000)],
        "n_tokens": RNG.integers(0, 500, 3000),
        "source": RNG.integers(0, 5, 3000),
    }
)


@pytest.fixture(autouse=True)
def several_batches(small_batches):
    small_batches(batch=700)


@pytest.fixture
def scan(tmp_path):
    for number, part in enumerate(FRAME.iter_slices(1100)):
        part.write_parquet(tmp_path / f"part-{number}.parquet")
    return pl.scan_parquet(tmp_path / "part-*.parquet")


def pack(data, **options):
    return fastpack.pack(data, context_length=128, **options)


@pytest.mark.parametrize("keep", [None, "doc_id", ["source", "doc_id"], cs.string()])
@pytest.mark.parametrize("long_documents", RULES)
def test_the_same_table_as_of_the_whole_frame(scan, keep, long_documents):
    lazy = pack(scan, keep=keep, long_documents=long_documents)
    whole = pack(FRAME, keep=keep, long_documents=long_documents)
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect_schema() == whole.schema
    assert lazy.collect().equals(whole)
    assert lazy.collect(engine="in-memory").equals(whole)


@given(st.lists(st.integers(0, 60), max_size=40), st.integers(1, 30))
def test_any_lengths(lengths, context_length):
    frame = pl.DataFrame({"n_tokens": pl.Series(lengths, dtype=pl.UInt8)})
    lazy = fastpack.pack(frame.lazy(), context_length=context_length)
    assert lazy.collect().equals(fastpack.pack(frame, context_length=context_length))


def test_rows_in_another_order_in_each_pass_need_keep():
    seeds = iter(range(100))

    def rows(with_columns, predicate, n_rows, batch_size):
        yield FRAME.sample(fraction=1, shuffle=True, seed=next(seeds)).select(
            with_columns or pl.all()
        )

    unordered = register_io_source(rows, schema=FRAME.schema)
    for rules in ({}, {"by": "source"}):
        kept = pack(unordered, keep=FRAME.columns, **rules).collect()
        figures = fastpack.verify(kept, context_length=128, **rules)
        assert figures["n_bins"] == pack(FRAME, **rules)["bin"].max() + 1
        tokens = kept.group_by("doc_id", "n_tokens").agg(pl.col("chunk_length").sum())
        assert tokens["chunk_length"].equals(tokens["n_tokens"], check_dtypes=False)
        assert tokens.height == FRAME.height


def test_sink(scan, tmp_path):
    pack(scan, keep="doc_id").sink_parquet(tmp_path / "out.parquet")
    expected = pack(FRAME, keep="doc_id")
    assert pl.read_parquet(tmp_path / "out.parquet").equals(expected)


def test_projections_filters_and_limits(scan):
    lazy, whole = pack(scan, keep="doc_id"), pack(FRAME, keep="doc_id")
    for query in (
        lambda table: table.select("bin"),
        lambda table: table.select("bin_offset", "doc_id"),
        lambda table: table.head(5),
        lambda table: table.head(0),
        lambda table: table.head(10_000_000),
        lambda table: table.slice(1000, 7),
        lambda table: table.tail(3),
        lambda table: table.filter(pl.col("bin") < 50),
        lambda table: table.filter(pl.col("doc_id") == "d77").select("bin"),
        lambda table: table.head(50).filter(pl.col("chunk_start") > 0),
        lambda table: table.filter(pl.col("chunk_start") > 0).head(50),
        lambda table: table.group_by("bin").len().sort("bin"),
        lambda table: table.select(pl.len()),
    ):
        assert query(lazy).collect().equals(query(whole.lazy()).collect())


def test_only_needed_columns_are_read_and_only_when_collected():
    read = []

    def source(with_columns, _predicate, _n_rows, _batch_size):
        read.append(sorted(with_columns))
        yield FRAME.select(with_columns)

    lazy = pack(
        register_io_source(source, schema=FRAME.schema), keep=["doc_id", "source"]
    )
    assert lazy.collect_schema().names()[:2] == ["doc_id", "source"]
    assert read == []
    lazy.select("bin").collect()
    assert read == [["n_tokens"], ["n_tokens"]]
    lazy.select("bin", "source").collect()
    assert read[2:] == [["n_tokens"], ["n_tokens", "source"]]


def test_expressions_and_empty_frames():
    tokens = FRAME.lazy().select(ids=pl.int_ranges("source"))
    lazy = fastpack.pack(tokens, pl.col("ids").list.len(), context_length=4)
    assert lazy.collect().equals(
        fastpack.pack(FRAME["source"].rename(""), context_length=4)
    )
    empty = pack(FRAME.clear().lazy())
    assert empty.collect().schema == SCHEMA
    assert empty.collect().height == 0


def test_errors_at_once():
    lazy = FRAME.lazy()
    with pytest.raises(DataError, match="Hint: the columns are 'doc_id', 'n_tokens'"):
        fastpack.pack(lazy, "length", context_length=8)
    with pytest.raises(DataTypeError, match="`doc_id` must hold integers, got String"):
        fastpack.pack(lazy, "doc_id", context_length=8)
    with pytest.raises(DataError, match="one value a document"):
        fastpack.pack(lazy, pl.col("n_tokens").sum(), context_length=8)
    with pytest.raises(DataError, match="`keep` names a column that is absent: 'id'"):
        pack(lazy, keep="id")
    with pytest.raises(OptionError, match=r"itself: \['bin'\]"):
        pack(lazy.rename({"source": "bin"}), keep="bin")


def test_errors_in_the_data():
    nulls = FRAME.with_columns(pl.when(pl.int_range(pl.len()) != 2345).then("n_tokens"))
    with pytest.raises(DataError, match="null lengths: 1, the first in row 2,345"):
        pack(nulls.lazy()).collect()
    negative = FRAME.with_columns(pl.col("n_tokens") - 600)
    with pytest.raises(DataError, match=r"negative length: .* in row 0"):
        pack(negative.lazy()).collect()
    long = pack(FRAME.lazy(), long_documents="error")
    with pytest.raises(DataError, match="`long_documents` is 'error'"):
        long.collect()


def test_data_that_change_between_the_passes():
    frames = [FRAME, FRAME[:-1], FRAME, FRAME.with_columns(pl.col("n_tokens") + 1)]

    def next_frame(_with_columns, _predicate, _n_rows, _batch_size):
        yield frames.pop(0).select("n_tokens")

    schema = pl.Schema({"n_tokens": pl.Int64})
    for message in ("data changed while they were packed", "plan has no place for"):
        lazy = pack(register_io_source(next_frame, schema=schema))
        with pytest.raises(DataError, match=message):
            lazy.collect()
