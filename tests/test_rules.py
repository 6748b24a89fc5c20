"""The rules of training stacks: valid, exact and accounted for, in any combination."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import DataError, DataTypeError, GroupedHistogram, LengthHistogram
from oracle import RULES, Rules, best_fit_decreasing, check_assignment, chunks_of


@st.composite
def packings(draw):
    """Draw documents and a combination of rules that do not contradict each other."""
    align = draw(st.sampled_from([1, 1, 2, 3, 8]))
    capacity = align * draw(st.integers(1, 12))
    extra = draw(st.integers(0, min(4, capacity - 1)))
    rules = Rules(
        context_length=capacity,
        long_documents=draw(st.sampled_from(RULES)),
        max_documents=draw(st.sampled_from([None, None, 1, 2, 3, 50])),
        extra_tokens=extra,
        align=align,
        min_chunk=draw(st.integers(1, min(5, capacity - extra))),
    )
    lengths = draw(st.lists(st.integers(0, 3 * capacity), max_size=40))
    by = draw(st.sampled_from([[], ["source"], ["source", "language"]]))
    sources = draw(st.sampled_from([["a"], ["b", "a", "web"]]))
    frame = pl.DataFrame(
        {
            "n_tokens": pl.Series(lengths, dtype=pl.Int32),
            "source": [draw(st.sampled_from(sources)) for _ in lengths],
            "language": [draw(st.integers(0, 2)) for _ in lengths],
        },
        schema_overrides={"source": pl.String, "language": pl.Int8},
    )
    seed = draw(st.sampled_from([None, 0, 1, 2**64 - 1]))
    return frame, rules, by, seed


def options_of(rules, by, seed, **more):
    return {
        **rules._asdict(),
        "by": by or None,
        "shuffle_seed": seed,
        **more,
    }


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
        ties_matter = rules.max_documents is not None and any(
            rules.max_documents * rules.footprint(length) < rules.context_length
            for length in chunks
        )
        if not ties_matter:
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
        with pytest.raises(DataError, match=f"chunks for so many bins: {expected}"):
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


# One rule at a time


def test_many_documents_in_a_bin_are_refused_a_place():
    table = fastpack.pack(np.full(7, 1), context_length=8, max_documents=3)
    assert table["bin"].value_counts().sort("bin")["count"].to_list() == [3, 3, 1]


def test_extra_tokens_shift_what_follows():
    table = fastpack.pack(np.array([3, 2, 1]), context_length=9, extra_tokens=1)
    assert table["bin_offset"].to_list() == [0, 4, 7]
    split = fastpack.pack(np.array([20]), context_length=9, extra_tokens=1)
    assert split["chunk_length"].to_list() == [8, 8, 4]


def test_align():
    table = fastpack.pack(np.array([3, 5, 4]), context_length=16, align=4)
    assert table["bin_offset"].to_list() == [12, 0, 8]


def test_min_chunk_drops_and_counts():
    plan = fastpack.plan(np.array([17, 19, 2]), context_length=8, min_chunk=3)
    assert (plan.packed, plan.dropped, plan.documents_cut) == (16 + 19 + 2, 1, 2)


def test_groups_come_in_the_order_of_their_values():
    frame = pl.DataFrame({"lang": ["py", "c", "py", "c"], "n_tokens": [8, 4, 2, 4]})
    table = fastpack.pack(frame, context_length=8, by="lang", keep="lang")
    assert table["bin"].to_list() == [1, 0, 2, 0]
    plan = fastpack.plan(frame, context_length=8, by="lang")
    assert plan.groups["first_bin"].to_list() == [0, 1]
    assert plan.runs["lang"].to_list() == ["c", "py", "py"]
    assert plan.as_dict()["groups"][1]["lang"] == "py"


@pytest.mark.parametrize(
    "dtype",
    [
        pl.String,
        pl.Categorical,
        pl.Enum(["0", "1", "2"]),
        pl.Int8,
        pl.UInt64,
        pl.Boolean,
    ],
)
def test_groups_of_any_dtype(dtype):
    frame = pl.DataFrame({"by": [2, 0, 2, 1, 0], "n_tokens": [3, 3, 3, 3, 3]})
    values = pl.col("by") > 0 if dtype == pl.Boolean else pl.col("by")
    is_text = dtype in (pl.Categorical, pl.Enum)
    typed = frame.with_columns(values.cast(pl.String) if is_text else values)
    table = fastpack.pack(typed.cast({"by": dtype}), context_length=8, by="by")
    expected = [1, 0, 1, 2, 0] if dtype == pl.Boolean else [2, 0, 2, 1, 0]
    assert table["bin"].to_list() == expected


def test_many_groups():
    n = 3000
    frame = pl.DataFrame({"g": np.arange(n) % 1000, "n_tokens": np.full(n, 5)})
    for context_length, bins in ((8, n), (10, 2000), (2**21, 1000)):
        plan = fastpack.plan(frame, context_length=context_length, by="g")
        assert plan.n_bins == bins
        table = fastpack.pack(frame, context_length=context_length, by="g")
        assert table["bin"].n_unique() == bins


def test_no_documents_in_groups(tmp_path):
    empty = pl.DataFrame(schema={"g": pl.String, "n_tokens": pl.Int32})
    options = {"context_length": 8, "by": "g"}
    assert fastpack.pack(empty, **options).height == 0
    assert fastpack.pack(empty.lazy(), **options).collect().height == 0
    plan = fastpack.plan(empty, **options)
    assert plan.n_bins == plan.groups.height == 0
    plan.save(tmp_path / "plan.parquet")
    assert fastpack.PackingPlan.load(tmp_path / "plan.parquet").n_bins == 0


def web_lengths(n):
    rng = np.random.default_rng(9)
    lengths = rng.lognormal(np.log(600) - 1.25**2 / 2, 1.25, n)
    return np.clip(lengths, 1, 2**31 - 1).astype(np.int32)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_shuffled_bins_are_not_sorted_by_length(seed):
    lengths = web_lengths(1_000_000)
    plain = fastpack.pack(lengths, context_length=2048)
    shuffled = fastpack.pack(lengths, context_length=2048, shuffle_seed=seed)

    def correlation(table):
        means = table.group_by("bin").agg(pl.col("chunk_length").mean())
        return means.select(pl.corr("bin", "chunk_length")).item()

    assert correlation(plain) < -0.85
    assert abs(correlation(shuffled)) < 0.01
    # The same bins under other numbers.
    both = pl.DataFrame({"plain": plain["bin"], "shuffled": shuffled["bin"]}).unique()
    assert both.height == both["plain"].n_unique() == both["shuffled"].n_unique()
    assert both["shuffled"].max() == both.height - 1
    assert shuffled.drop("bin").equals(plain.drop("bin"))


@given(st.integers(1, 5000), st.integers(0, 2**64 - 1))
def test_the_shuffle_is_a_bijection(n, seed):
    from fastpack.kernels.shuffling import round_keys, shuffle_bins

    bins = np.arange(n)
    shuffle_bins(bins, n, round_keys(seed))
    assert sorted(bins) == list(range(n))


def plain_shuffle(x, n, keys):
    """The same construction in Python's integers."""
    bits = next(bits for bits in range(64) if 4**bits >= n)
    low_size = 2**bits
    high_size = -(-n // low_size)

    def keyed(value, key, size):
        z = (value + key) % 2**32 * 0xBF58476D
        z = (z ^ z >> 32) % 2**32 * 0x94D049BB % 2**32
        return z * size >> 32

    while True:
        high, low = divmod(x, low_size)
        for even, odd in zip(keys[::2], keys[1::2], strict=True):
            high = (high + keyed(low, even, high_size)) % high_size
            low = (low + keyed(high, odd, low_size)) % low_size
        x = high * low_size + low
        if x < n:
            return x


@given(st.integers(1, 2**62), st.data())
def test_the_shuffle_is_the_construction_that_is_stated(n, data):
    from fastpack.kernels.shuffling import round_keys, shuffle_bins

    bins = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=5))
    keys = round_keys(data.draw(st.integers(0, 2**64 - 1)))
    shuffled = np.array([-1, *bins, -1])
    shuffle_bins(shuffled, n, keys)
    expected = [plain_shuffle(x, n, keys.tolist()) for x in bins]
    assert shuffled.tolist() == [-1, *expected, -1]


def test_the_shuffle_never_changes():
    table = fastpack.pack(np.full(9, 8), context_length=8, shuffle_seed=42)
    assert table["bin"].to_list() == [1, 3, 7, 8, 5, 4, 0, 6, 2]


# What cannot be right


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"max_documents": 0},
            "`max_documents` must be at least 1, got 0\nHint: a bin",
        ),
        (
            {"extra_tokens": 8},
            "`extra_tokens` must be at most 7, got 8\nHint: `context",
        ),
        ({"extra_tokens": -1}, "`extra_tokens` must be at least 0, got -1"),
        (
            {"align": 16},
            "`align` must be at most 8, got 16\nHint: `context_length` is 8",
        ),
        ({"align": 3}, "`align` must divide `context_length`, got 3 and 8\nHint: such"),
        ({"min_chunk": 9}, "`min_chunk` must be at most 8, got 9\nHint: a chunk has"),
        ({"extra_tokens": 2, "min_chunk": 7}, "`min_chunk` must be at most 6, got 7"),
        ({"bins_multiple": 0}, "`bins_multiple` must be at least 1, got 0"),
        ({"shuffle_seed": -1}, "`shuffle_seed` must be at least 0, got -1"),
        ({"shuffle_seed": 2**64}, r"`shuffle_seed` must be at most 2\*\*64 - 1"),
        ({"by": []}, "`by` must name columns, each once"),
        ({"by": ["a", "a"]}, "`by` must name columns, each once"),
    ],
)
def test_options_that_cannot_be_right(options, message):
    for data in (pl.DataFrame({"n_tokens": [1], "a": [1]}), pl.LazyFrame({"a": [1]})):
        with pytest.raises(fastpack.OptionError, match=message):
            fastpack.pack(data, context_length=8, **options)


@pytest.mark.parametrize("value", [1.5, True, "2"])
def test_options_of_the_wrong_type(value):
    for name in ("max_documents", "extra_tokens", "align", "shuffle_seed"):
        with pytest.raises(fastpack.OptionTypeError, match=f"`{name}` must be an int"):
            fastpack.PackingOptions(context_length=8, **{name: value})
    with pytest.raises(fastpack.OptionTypeError, match="`by` must be columns' names"):
        fastpack.PackingOptions(context_length=8, by=[1])
    with pytest.raises(TypeError, match="max_document"):
        fastpack.pack(np.array([1]), context_length=8, max_document=3)


def test_groups_that_cannot_be():
    frame = pl.DataFrame({"g": ["a", None], "f": [0.5, 1], "n_tokens": [1, 2]})
    for data in (frame, frame.lazy()):

        def pack(by, data=data):
            table = fastpack.pack(data, context_length=8, by=by)
            return table.lazy().collect()

        with pytest.raises(DataError, match=r"`by` names a column that is absent: 'h'"):
            pack("h")
        with pytest.raises(DataError, match="'g' has nulls: 1, the first in row 1"):
            pack("g")
        with pytest.raises(
            DataTypeError, match="'f' cannot tell groups apart: it is F"
        ):
            pack("f")
    with pytest.raises(fastpack.OptionError, match="names that plans use themselves"):
        fastpack.pack(frame.rename({"g": "n_bins"}), context_length=8, by="n_bins")
    with pytest.raises(DataError, match="one column beside `by`, got"):
        fastpack.plan(frame.drop_nulls(), context_length=8, by="g")
    with pytest.raises(DataError, match="absent: 'source'"):
        fastpack.pack(np.array([1, 2]), context_length=8, by="source")


def test_histograms_of_groups():
    frame = pl.DataFrame({"g": [1, 0, 1], "n_tokens": [3, 4, 5]})
    options = {"context_length": 8, "by": "g"}
    plan = fastpack.plan(frame, **options)
    histogram = plan.histogram
    both = histogram + fastpack.plan(frame.with_columns(g=2), **options).histogram
    assert (both.n_documents, both.n_tokens) == (6, 24)
    assert both.groups["g"].to_list() == [0, 1, 2]
    assert fastpack.plan(both, **options).n_bins == 4
    assert "GroupedHistogram(n_documents=3, n_tokens=12, groups 2" in repr(histogram)
    with pytest.raises(fastpack.OptionTypeError, match="must be a LengthHistogram"):
        fastpack.plan(histogram, context_length=8)
    with pytest.raises(fastpack.OptionTypeError, match="must be a GroupedHistogram"):
        fastpack.plan(LengthHistogram([3], [1]), **options)
    with pytest.raises(fastpack.OptionError, match="has the groups of"):
        fastpack.plan(histogram, context_length=8, by="h")
    with pytest.raises(DataError, match="distinct and ascending"):
        GroupedHistogram(histogram.groups[::-1], histogram.histograms)
    with pytest.raises(DataError, match="a group that was not planned"):
        plan.assign(pl.DataFrame({"g": [7], "n_tokens": [3]}))
    large = pl.DataFrame({"g": [1, 1], "n_tokens": [3, 2**62]})
    with pytest.raises(DataError, match=r"a length too large to count: .* in row 1"):
        fastpack.plan(large, **options)
    negative = pl.DataFrame({"g": [1, 1], "n_tokens": [3, -2]})
    with pytest.raises(DataError, match="a negative length: -2 in row 1"):
        fastpack.plan(negative, **options)


# What a tester found


def test_another_by_after_a_run_that_failed(tmp_path):
    frame = pl.DataFrame({"a": ["x", None], "b": ["y", "z"], "n_tokens": [3, 4]})
    (tmp_path / "c").mkdir()
    frame[:1].write_parquet(tmp_path / "c/1.parquet")
    frame[1:].write_parquet(tmp_path / "c/2.parquet")

    def pack(**options):
        return fastpack.pack_files(
            tmp_path / "c", tmp_path / "o", context_length=8, **options
        )

    with pytest.raises(DataError, match=r"2.parquet: `by` column 'a' has nulls"):
        pack(by="a")
    assert pack(by="b").n_bins == 2
    assert pack(overwrite=True).n_bins == 1


def test_lengths_of_many_bits_and_groups_that_come_later(monkeypatch):
    monkeypatch.setattr("fastpack.documents.streaming._BATCH_ROWS", 8)
    for n_bits, refused in ((41, False), (43, True), (54, True)):
        frame = pl.DataFrame(
            {
                "g": [0] * 8 + list(range(1024)),
                "n_tokens": [5] * 7 + [2**n_bits] + [5] * 1024,
            }
        )
        rules = {"context_length": 8, "by": "g", "long_documents": "drop"}
        if refused:
            for data in (frame, frame.lazy()):
                with pytest.raises(DataError, match="too large to count"):
                    fastpack.pack(data, **rules).lazy().collect()
        else:
            whole = fastpack.pack(frame, **rules)
            assert fastpack.pack(frame.lazy(), **rules).collect().equals(whole)
            assert fastpack.plan(frame, **rules).dropped == 2**n_bits


def test_odd_values_and_names_of_groups(tmp_path):
    least = pl.DataFrame({"g": [-(2**63), -(2**63) + 1], "n_tokens": [1, 1]})
    assert fastpack.pack(least, by="g", context_length=8)["bin"].to_list() == [0, 1]
    binary = pl.DataFrame({"g": [b"\xff"], "n_tokens": [1]})
    with pytest.raises(DataTypeError, match="cannot tell groups apart: it is Binary"):
        fastpack.plan(binary, by="g", context_length=8)
    names = ["0", "number", "\0group"]
    frame = pl.DataFrame({name: [1, 2] for name in names}).with_columns(n_tokens=3)
    for data in (frame, frame.lazy()):
        table = fastpack.pack(data, by=names, keep=names, context_length=8)
        assert table.lazy().collect()["bin"].to_list() == [0, 1]
    dates = pl.DataFrame({"g": pl.Series([1, 2]).cast(pl.Date), "n_tokens": [1, 1]})
    plan = fastpack.plan(dates, by="g", context_length=8)
    plan.save(tmp_path / "plan.parquet")
    loaded = fastpack.PackingPlan.load(tmp_path / "plan.parquet")
    assert loaded.groups.equals(plan.groups)
    assert plan.as_dict()["groups"][0]["g"] == "1970-01-02"


def test_totals_over_groups():
    groups = pl.DataFrame({"g": [0, 1, 2]})
    with pytest.raises(DataError, match=r"more than 2\*\*63 - 1 documents"):
        GroupedHistogram(groups, [LengthHistogram([1], [2**62])] * 3)
    with pytest.raises(DataError, match="a histogram of documents for each"):
        GroupedHistogram(groups[:1], [LengthHistogram([], [])])
    with pytest.raises(DataTypeError, match="cannot tell groups apart"):
        GroupedHistogram(groups[:1].cast(pl.Float64), [LengthHistogram([1], [1])])
    small = GroupedHistogram(groups[:1].cast(pl.Int8), [LengthHistogram([1], [2**44])])
    options = {"context_length": 2**20, "max_documents": 1, "by": "g"}
    plan = fastpack.plan(small, **options)
    assert plan.groups["padding"].sum() == plan.padding > 2**63
    assert plan.as_dict()["groups"][0]["padding"] == plan.padding
    frame = pl.DataFrame({"g": ["a", "b", "b"], "n_tokens": [9, 99, 100]})
    with pytest.raises(
        DataError, match=r"3 documents are longer .* longest 100 tokens"
    ):
        fastpack.plan(frame, context_length=8, by="g", long_documents="error")


def test_more_bins_than_two_to_the_62():
    histogram = LengthHistogram([1], [2**62 + 1])
    plan = fastpack.plan(histogram, context_length=1, shuffle_seed=0)
    assert plan.assign(np.array([1, 1]))["bin"].n_unique() == 2
