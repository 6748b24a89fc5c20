"""The rules of training stacks: valid, exact and accounted for, in any combination."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import DataError
from oracle import best_fit_decreasing, check_assignment, chunks_of
from strategies import options_of, packings


def groups_of(frame, by):
    """Return the rows of each group, in the order of its values."""
    if not by:
        return [list(range(frame.height))]
    rows = frame.select(by).rows()
    return [
        [number for number, row in enumerate(rows) if row == group]
        for group in sorted(set(rows))
    ]


@given(packings())
def test_valid_exact_and_accounted_for(packing):
    frame, rules, by, seed = packing
    lengths = frame["n_tokens"].to_list()
    options = options_of(rules, by, seed)
    table = fastpack.pack(frame, **options)
    spaces = check_assignment(table, lengths, rules)
    plan = fastpack.plan(frame.select(*by, "n_tokens"), **options)
    assert plan.n_bins == len(spaces)
    assert plan.n_rows == table.height
    check_account(plan, table, lengths, rules)
    # No bin mixes groups; without a seed, the bins of a group follow each other.
    first_bin = 0
    for rows in groups_of(frame, by):
        part = table.filter(pl.col("document").is_in(rows)).drop_nulls("bin")
        bins = sorted(set(part["bin"]))
        if seed is None:
            assert bins == list(range(first_bin, first_bin + len(bins)))
        first_bin += len(bins)
        chunks = [
            n for _, _, n in chunks_of([lengths[row] for row in rows], rules) if n
        ]
        expected = best_fit_decreasing(chunks, rules)
        assert sorted(spaces[bin_] for bin_ in bins) == sorted(expected)
    assert first_bin == plan.n_bins


def check_account(plan, table, lengths, rules):
    packed = table["chunk_length"].cast(pl.Int64).sum()
    chunks = table.drop_nulls("bin")["chunk_length"]
    extra = rules.extra_tokens * len(chunks)
    taken = sum(map(rules.footprint, chunks))
    assert plan.n_tokens == sum(lengths) == plan.packed + plan.truncated + plan.dropped
    assert (plan.packed, plan.extra) == (packed, extra)
    assert plan.alignment == taken - packed - extra
    assert plan.padding == plan.n_bins * rules.context_length - taken >= 0
    assert plan.lower_bound <= plan.n_bins
    if plan.groups is not None:
        for name in ("n_documents", "packed", "dropped", "extra", "n_bins", "padding"):
            assert plan.groups[name].sum() == getattr(plan, name)


@given(packings(), st.integers(1, 9))
def test_bins_multiple(packing, multiple):
    frame, rules, by, seed = packing
    options = options_of(rules, by, seed)
    lengths = frame.select(*by, "n_tokens")
    plan = fastpack.plan(lengths, **options)
    expected = -(-plan.n_bins // multiple) * multiple
    options["bins_multiple"] = multiple
    if expected > plan.n_chunks:
        with pytest.raises(DataError, match=f"for so many bins: {expected}"):
            fastpack.pack(frame, **options)
        return
    table = fastpack.pack(frame, **options)
    spaces = check_assignment(table, frame["n_tokens"], rules)
    assert len(spaces) == expected
    rounded = fastpack.plan(lengths, **options)
    check_account(rounded, table, frame["n_tokens"].to_list(), rules)
    assert rounded.padding - plan.padding == rules.context_length * (
        rounded.n_bins - plan.n_bins
    )
    mixed = table.join(
        frame.with_row_index("document").cast({"document": pl.Int64}), on="document"
    ).drop_nulls("bin")
    groups = mixed.group_by("bin").agg(pl.struct(*by, pl.lit(0)).n_unique())
    assert groups.to_series(1).to_list() == [1] * expected


@given(packings(), st.integers(0, 40), st.integers(0, 40))
def test_in_parts_and_lazily(packing, first, second):
    frame, rules, by, seed = packing
    options = options_of(rules, by, seed)
    whole = fastpack.pack(frame, **options)
    assert fastpack.pack(frame.lazy(), **options).collect().equals(whole)
    columns = frame.select(*by, "n_tokens")
    plan = fastpack.plan(columns, **options)
    a, b = sorted(min(cut, frame.height) for cut in (first, second))
    parts = []
    for start, end in ((0, a), (a, b), (b, frame.height)):
        before = fastpack.plan(columns[:start], **options).histogram
        if by and start == 0:
            before = None  # an empty frame knows no groups, and none is the default
        parts.append(plan.assign(columns[start:end], after=before))
    assert pl.concat(parts).equals(whole)


@pytest.mark.parametrize(
    "options",
    [
        {"max_documents": 3},
        {"extra_tokens": 2, "align": 8, "min_chunk": 5},
        {"by": ["source", "language"], "keep": ["source", "doc_id"]},
        {"by": "source", "shuffle_seed": 7, "bins_multiple": 64, "max_documents": 9},
        {"shuffle_seed": 3, "long_documents": "drop"},
    ],
)
def test_shards_give_the_table_of_the_whole(tmp_path, options):
    rng = np.random.default_rng(5)
    n = 6000
    frame = pl.DataFrame(
        {
            "doc_id": [f"d{number}" for number in range(n)],
            "n_tokens": np.clip(rng.lognormal(3, 1.2, n), 0, 4000).astype(np.int32),
            "source": np.array(["web", "code", "books"])[rng.integers(0, 3, n)],
            "language": rng.integers(0, 3, n),
        }
    ).sort("source", descending=True)  # groups that only some shards have
    frame = frame.with_columns(pl.col("source").cast(pl.Categorical))
    whole = fastpack.pack(frame, context_length=128, **options)
    lazy = fastpack.pack(frame.lazy(), context_length=128, **options)
    assert lazy.collect().equals(whole)
    files = []
    for n_shards in (1, 5):
        corpus = tmp_path / f"corpus-{n_shards}"
        corpus.mkdir()
        rows = -(-n // n_shards)
        for number in range(n_shards):
            part = frame[number * rows : (number + 1) * rows]
            part.write_parquet(corpus / f"{number}.parquet")
        target = tmp_path / f"out-{n_shards}"
        with ThreadPoolExecutor(2) as executor:
            plan = fastpack.pack_files(
                corpus, target, context_length=128, executor=executor, **options
            )
        tables = [pl.read_parquet(target / f"{k}.parquet") for k in range(n_shards)]
        assert pl.concat(tables).equals(whole)
        loaded = fastpack.PackingPlan.load(target / "_fastpack/plan.parquet")
        assert loaded.as_dict() == plan.as_dict()
        files.append(plan.runs)
    assert files[0].equals(files[1])


def test_many_documents_in_a_bin_are_refused_a_place():
    table = fastpack.pack(np.full(7, 1), context_length=8, max_documents=3)
    assert table["bin"].value_counts().sort("bin")["count"].to_list() == [3, 3, 1]


def test_the_bin_that_took_a_chunk_last_is_filled_first():
    # 6 and 3 + 3 leave 2 tokens each; the first 1 makes the latter full, of 3 chunks.
    table = fastpack.pack(np.array([1, 1, 3, 3, 6]), context_length=8, max_documents=3)
    assert table["bin"].to_list() == [1, 0, 1, 1, 0]


def test_a_bin_more_than_first_fit_decreasing():
    lengths = np.array([44, 24, 24, 22, 21, 17, 8, 8, 6, 6])
    assert fastpack.plan(lengths, context_length=60).n_bins == 4
    assert lengths.sum() == 3 * 60  # 44 + 8 + 8, 24 + 24 + 6 + 6, 22 + 21 + 17


def test_extra_tokens_shift_what_follows():
    table = fastpack.pack(np.array([3, 2, 1]), context_length=9, extra_tokens=1)
    assert table["bin_offset"].to_list() == [0, 4, 7]
    split = fastpack.pack(np.array([20]), context_length=9, extra_tokens=1)
    assert split["chunk_length"].to_list() == [8, 8, 4]


def test_align():
    table = fastpack.pack(np.array([3, 5, 4]), context_length=16, align=4)
    assert table["bin_offset"].to_list() == [12, 0, 8]
