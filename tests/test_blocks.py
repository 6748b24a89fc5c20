"""Blocks of documents: packed by themselves, whatever the way through the corpus."""

import json
import pickle
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from command_line import fastpack_in_process
from corpora import files_of, name_of_shard, read_shards, report_of
from fastpack import (
    DataError,
    OptionError,
    OptionTypeError,
    VerificationError,
    threads,
)
from oracle import best_fit_decreasing, check_assignment, chunks_of
from strategies import options_of, packings

L = 128
N = 3000
RNG = np.random.default_rng(31)
CORPUS = pl.DataFrame(
    {
        "doc_id": [f"d{number}" for number in range(N)],
        "n_tokens": np.clip(RNG.lognormal(3, 1.2, N), 0, 900).astype(np.int32),
        "source": np.array(["web", "code", "books"])[RNG.integers(0, 3, N)],
        "language": RNG.integers(0, 3, N),
    }
).sort("source", descending=True, maintain_order=True)
"""Documents whose groups are not in all of their blocks."""

RULES = [
    {},
    {"max_documents": 3, "long_documents": "truncate"},
    {"extra_tokens": 2, "align": 8, "min_chunk": 5},
    {"by": ["source", "language"], "keep": ["source", "doc_id"]},
    {"by": "source", "shuffle_seed": 7, "bins_multiple": 4, "keep": "doc_id"},
    {"shuffle_seed": 2**64 - 1, "long_documents": "drop"},
]

SPLITMIX = 0x9E3779B97F4A7C15


def seed_of_block(seed, number):
    """The seed of a block, as `PackingOptions` states it."""
    return None if seed is None else (seed + number * 6 * SPLITMIX) % 2**64


def pack_one_by_one(frame, size, **options):
    """Pack each block as a corpus of its own; let documents and bins run on."""
    tables = []
    n_bins = 0
    for number, start in enumerate(range(0, max(frame.height, 1), size)):
        seed = seed_of_block(options.get("shuffle_seed"), number)
        rules = {**options, "shuffle_seed": seed}
        table = fastpack.pack(frame[start : start + size], **rules)
        table = table.with_columns(pl.col("bin") + n_bins)
        if "document" in table.columns:
            table = table.with_columns(pl.col("document") + start)
        tables.append(table)
        n_bins += table["bin"].n_unique() - table["bin"].has_nulls()
    return pl.concat(tables)


def lengths_of(frame, rules):
    by = rules.get("by") or []
    return frame.select(*([by] if isinstance(by, str) else by), "n_tokens")


@given(packings(), st.integers(1, 45))
def test_each_block_is_a_corpus_of_its_own(packing, size):
    frame, rules, by, seed = packing
    options = options_of(rules, by, seed)
    table = fastpack.pack(frame, block_documents=size, **options)
    assert table.equals(pack_one_by_one(frame, size, **options))
    lengths = frame["n_tokens"].to_list()
    spaces = check_assignment(table, lengths, rules)
    # Exact: the bins of each block, which follow each other, are best-fit decreasing's.
    first_bin = 0
    for start in range(0, frame.height, size):
        rows = table.filter(pl.col("document").is_between(start, start + size - 1))
        bins = sorted(set(rows["bin"].drop_nulls()))
        assert bins == list(range(first_bin, first_bin + len(bins)))
        first_bin += len(bins)
        if not by:
            chunks = [n for *_, n in chunks_of(lengths[start : start + size], rules)]
            expected = best_fit_decreasing([n for n in chunks if n], rules)
            assert sorted(spaces[bin_] for bin_ in bins) == sorted(expected)
    assert first_bin == len(spaces)


@given(packings(), st.integers(1, 45), st.integers(0, 40), st.integers(0, 40))
def test_lazily_and_in_parts(packing, size, first, second):
    frame, rules, by, seed = packing
    options = options_of(rules, by, seed, block_documents=size)
    whole = fastpack.pack(frame, **options)
    assert fastpack.pack(frame.lazy(), **options).collect().equals(whole)
    columns = lengths_of(frame, options)
    plan = fastpack.plan(columns, **options)
    assert fastpack.plan(columns.lazy(), **options).runs.equals(plan.runs)
    assert plan.assign(columns).equals(whole)
    a, b = sorted(min(cut, frame.height) for cut in (first, second))
    parts = []
    for start, end in ((0, a), (a, b), (b, frame.height)):
        before = fastpack.plan(columns[:start], **options).histogram
        parts.append(plan.assign(columns[start:end], after=before if start else None))
    assert pl.concat(parts).equals(whole)


@given(packings(), st.integers(1, 45), st.integers(1, 3))
def test_the_account_is_that_of_all_blocks(packing, size, multiple):
    frame, rules, by, seed = packing
    options = options_of(rules, by, seed, bins_multiple=multiple)
    columns = lengths_of(frame, options)
    blocks = [columns[start : start + size] for start in range(0, frame.height, size)]
    try:
        plans = [fastpack.plan(block, **options) for block in blocks]
    except DataError:
        for call, data in ((fastpack.pack, frame), (fastpack.plan, columns)):
            message = r"block \d+, documents \d+ to \d+: `bins_multiple` is"
            with pytest.raises(DataError, match=message):
                call(data, block_documents=size, **options)
        return
    plan = fastpack.plan(columns, block_documents=size, **options)
    for name, figure in plan.figures().items():
        if name != "efficiency":
            assert figure == sum(getattr(each, name) for each in plans), name
    table = fastpack.pack(frame, block_documents=size, **options)
    assert (plan.n_rows, plan.n_chunks) == (table.height, table["bin"].count())
    groups = plan.groups
    assert groups.columns[: 1 + len(by)] == ["block", *by]
    assert groups["n_bins"].sum() == plan.n_bins
    if not by:
        assert groups["block"].to_list() == list(range(len(plans)))
        figures = [each.figures() for each in plans]
        assert groups.select(plan.figures().keys()).to_dicts() == figures
    is_shuffled = by and seed is not None
    firsts = [None] * groups.height
    if not is_shuffled:
        firsts = (groups["n_bins"].cum_sum() - groups["n_bins"]).to_list()
    assert groups["first_bin"].to_list() == firsts
    assert fastpack.quality(plan)["bins_not_full"] == sum(
        fastpack.quality(each)["bins_not_full"] for each in plans
    )


def test_nothing_to_pack():
    for rules in ({}, {"by": "source"}):
        options = {"context_length": 8, "block_documents": 5, **rules}
        table = fastpack.pack(CORPUS.clear(), **options)
        assert table.equals(fastpack.pack(CORPUS.clear(), context_length=8))
        assert fastpack.pack(CORPUS.clear().lazy(), **options).collect().equals(table)
        plan = fastpack.plan(lengths_of(CORPUS.clear(), rules), **options)
        assert (plan.n_documents, plan.n_bins, plan.lower_bound) == (0, 0, 0)
        assert plan.runs.columns[0] == "block"
        assert plan.groups.height == 0
        assert fastpack.quality(plan)["n_bins"] == 0


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("size", [7, 100, 128, 300, 10**12])
def test_lazy_frames_in_small_batches(small_batches, size, rules):
    options = {"context_length": L, "block_documents": size, **rules}
    if size == 7:
        options["bins_multiple"] = 1
    expected = fastpack.pack(CORPUS[:500], **options)
    small_batches(batch=100, array=30, table=70)
    lazy = fastpack.pack(CORPUS[:500].lazy(), **options)
    assert lazy.collect().equals(expected)
    assert lazy.collect_schema() == expected.schema
    assert lazy.select("bin").collect().equals(expected.select("bin"))
    assert lazy.head(333).collect().equals(expected[:333])


def test_a_lazy_frame_is_read_once():
    batches = []

    def see(frame):
        batches.append(frame.height)
        return frame

    lazy = CORPUS.lazy().map_batches(see, streamable=True)
    fastpack.pack(lazy, context_length=L, block_documents=100).collect()
    assert sum(batches) == N


@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("size", [10, 90, 700])  # several a thread, one, one by several
@pytest.mark.parametrize("rules", RULES[3:])
def test_any_number_of_threads(monkeypatch, cores, size, rules):
    options = {"context_length": L, "block_documents": size, **rules}
    corpus = CORPUS[:1500]
    if size == 10:
        options["bins_multiple"] = 1
        corpus = CORPUS[:400]  # each block takes its time, in plain Python
    expected = pack_one_by_one(
        corpus, **{**options, "block_documents": None}, size=size
    )
    monkeypatch.setattr(threads, "ROWS_A_THREAD", 50)
    monkeypatch.setattr(threads, "n_cores", lambda: cores)
    assert fastpack.pack(corpus, **options).equals(expected)
    assert fastpack.pack(corpus.lazy(), **options).collect().equals(expected)
    columns = lengths_of(corpus, rules)
    by_count = {key: each for key, each in options.items() if key != "keep"}
    plan = fastpack.plan(columns, **by_count)
    assert plan.assign(columns)["bin"].equals(expected["bin"])


@pytest.mark.parametrize("rules", RULES)
def test_files(tmp_path, rules):
    options = {"context_length": L, "block_documents": 400, **rules}
    whole = fastpack.pack(CORPUS, **options)
    written = []
    for n_shards, workers in ((1, 1), (3, 2), (40, 3)):  # a block in several files, too
        corpus = tmp_path / f"corpus-{n_shards}"
        write_unequal_shards(corpus, n_shards)
        target = tmp_path / f"out-{n_shards}"
        plan = fastpack.pack_files(corpus, target, workers=workers, **options)
        assert read_shards(target, n_shards).equals(whole)
        loaded = fastpack.PackingPlan.load(target / "_fastpack/plan.parquet")
        assert loaded.as_dict() == plan.as_dict()
        assert loaded.options.block_documents == 400
        written.append((plan.runs, plan.histogram))
        lines = (target / "_fastpack/manifest.jsonl").read_text().splitlines()
        firsts = [json.loads(line)["first_document"] for line in lines[1:]]
        documents = [json.loads(line)["documents"] for line in lines[1:]]
        assert firsts == [sum(documents[:k]) for k in range(n_shards)]
    for runs, histogram in written[1:]:
        assert runs.equals(written[0][0])
        assert histogram == written[0][1]


def write_unequal_shards(folder, n_shards):
    folder.mkdir()
    cuts = np.sort(np.random.default_rng(n_shards).integers(0, N, n_shards - 1))
    for number, (start, end) in enumerate(pairwise([0, *cuts.tolist(), N])):
        CORPUS[start:end].write_parquet(folder / name_of_shard(number, n_shards))


def test_files_of_all_formats(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    CORPUS[:700].write_ndjson(corpus / "1.jsonl")
    CORPUS[700:1500].write_csv(corpus / "2.csv")
    CORPUS[1500:1600].write_ipc(corpus / "3.arrow")
    CORPUS[1600:].lazy().sink_csv(corpus / "4.csv.gz", compression="gzip")
    options = {"context_length": L, "block_documents": 1000}
    fastpack.pack_files(corpus, tmp_path / "out", **options)
    table = pl.read_parquet(tmp_path / "out/*.parquet")
    assert table.equals(fastpack.pack(CORPUS, **options))


def test_a_run_goes_on_from_what_it_counted(tmp_path):
    write_unequal_shards(tmp_path / "corpus", 4)
    options = {"context_length": L, "block_documents": 400, "workers": 1}
    fastpack.pack_files(tmp_path / "corpus", tmp_path / "whole", **options)

    def stop(progress):
        if (progress.step, progress.shards) == ("assign", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fastpack.pack_files(
            tmp_path / "corpus", tmp_path / "out", progress=stop, **options
        )
    fastpack.pack_files(tmp_path / "corpus", tmp_path / "out", **options)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")
    with pytest.raises(fastpack.OutputExistsError, match="block_documents was 400, is"):
        fastpack.pack_files(
            tmp_path / "corpus", tmp_path / "out", context_length=L, block_documents=300
        )
    # The counts of an interrupted run with other blocks are not taken for its own.
    for size in (500, 600):
        with pytest.raises(KeyboardInterrupt):
            fastpack.pack_files(
                tmp_path / "corpus",
                tmp_path / "other",
                context_length=L,
                block_documents=size,
                overwrite=True,
                progress=stop,
            )
    options["block_documents"] = 600
    fastpack.pack_files(tmp_path / "corpus", tmp_path / "other", **options)
    table = read_shards(tmp_path / "other", 4)
    assert table.equals(fastpack.pack(CORPUS, context_length=L, block_documents=600))


def test_a_source_that_grows_while_it_is_counted(tmp_path, monkeypatch):
    write_unequal_shards(tmp_path / "corpus", 2)
    monkeypatch.setattr("fastpack.files.passes.count_rows", lambda _: 5)
    message = r"part-0.parquet: the file has [\d,]+ documents, and had 5 before\nHint"
    with pytest.raises(DataError, match=message):
        fastpack.pack_files(
            tmp_path / "corpus", tmp_path / "out", context_length=L, block_documents=400
        )


def test_a_process_gets_the_plans_of_its_blocks(tmp_path):
    plan = fastpack.plan(CORPUS["n_tokens"], context_length=L, block_documents=400)
    copy = pickle.loads(pickle.dumps(plan))
    assert copy.as_dict() == plan.as_dict()
    assert copy.assign(CORPUS["n_tokens"]).equals(plan.assign(CORPUS["n_tokens"]))
    plan.save(tmp_path / "plan.parquet")
    loaded = fastpack.PackingPlan.load(tmp_path / "plan.parquet")
    assert loaded.runs.equals(plan.runs)
    assert loaded.histogram == plan.histogram
    block = plan.blocks[3]
    light = pickle.loads(pickle.dumps(block))
    assert len(pickle.dumps(block)) < 20_000
    assert light.runs().equals(block.runs())
    assert pickle.loads(pickle.dumps(block)).runs().equals(block.runs())


def test_what_is_no_histogram_of_blocks():
    options = {"context_length": L, "block_documents": 400}
    plan = fastpack.plan(CORPUS["n_tokens"], **options)
    frame = plan.histogram.to_frame()
    assert frame.columns == ["block", "length", "documents"]
    assert fastpack.plan(plan.histogram, **options).as_dict() == plan.as_dict()
    assert fastpack.compare(CORPUS["n_tokens"], **options)["n_bins"][2] == plan.n_bins
    without = fastpack.plan(CORPUS["n_tokens"], context_length=L)
    with pytest.raises(OptionTypeError, match="`block_documents` 400, got Length"):
        fastpack.plan(without.histogram, **options)
    with pytest.raises(OptionTypeError, match="`after` must be a GroupedHistogram"):
        plan.assign(CORPUS["n_tokens"], after=without.histogram)
    with pytest.raises(OptionTypeError, match="must be a LengthHistogram"):
        fastpack.plan(plan.histogram, context_length=L)
    for other in (300, 500):
        with pytest.raises(
            DataError, match=f"blocks of `block_documents` {other}: the"
        ):
            fastpack.plan(plan.histogram, context_length=L, block_documents=other)
    histogram = fastpack.GroupedHistogram(
        pl.DataFrame({"block": [1]}), [fastpack.LengthHistogram([3], [4])]
    )
    with pytest.raises(
        DataError, match="there are 4 documents in block 1\nHint: count"
    ):
        fastpack.plan(histogram, **options)
    with pytest.raises(DataError, match="no place for"):
        plan.assign(np.full(2 * N, 5))
    with pytest.raises(OptionError, match="`by` names the column 'block', and"):
        fastpack.plan(CORPUS, context_length=L, by="block", block_documents=5)
    assert fastpack.PackingOptions(context_length=L, by="block").by == ("block",)


@pytest.mark.parametrize("row", [0, 99, 100, 2750])
def test_a_wrong_length_is_named_by_its_row(row, small_batches):
    lengths = CORPUS["n_tokens"].to_numpy().copy()
    lengths[row] = -3
    options = {"context_length": L, "block_documents": 100}
    small_batches(batch=70)
    frame = pl.DataFrame({"n_tokens": lengths})
    for call in (
        lambda: fastpack.pack(frame, **options),
        lambda: fastpack.plan(frame, **options),
        lambda: fastpack.pack(frame.lazy(), **options).collect(),
        lambda: fastpack.plan(frame.lazy(), **options),
    ):
        with pytest.raises(
            (DataError, pl.exceptions.ComputeError), match=f"row {row:,} "
        ):
            call()


def test_documents_that_are_too_long():
    options = {"context_length": L, "block_documents": 100, "long_documents": "error"}
    for data in (CORPUS, CORPUS["n_tokens"]):
        with pytest.raises(DataError, match="documents are longer than"):
            fastpack.pack(data, **options)
    with pytest.raises(DataError, match="documents are longer than"):
        fastpack.plan(CORPUS["n_tokens"], **options)
    with pytest.raises(DataError, match="more than this machine's memory"):
        fastpack.pack(np.array([5, 2**62]), context_length=L, block_documents=1)


@pytest.mark.parametrize("value", [0, -1, 2**63])
def test_sizes_out_of_range(value):
    with pytest.raises(OptionError, match="`block_documents` must be at") as caught:
        fastpack.pack(CORPUS, context_length=L, block_documents=value)
    assert "Hint: the number of documents in a block" in str(caught.value)
    with pytest.raises(OptionTypeError, match="`block_documents` must be an integer"):
        fastpack.pack(CORPUS, context_length=L, block_documents=str(value))


def test_blocks_do_not_share_a_permutation():
    lengths = np.full(400, L)
    table = fastpack.pack(
        lengths, context_length=L, block_documents=100, shuffle_seed=1
    )
    bins = table["bin"].to_numpy().reshape(4, 100) - 100 * np.arange(4)[:, None]
    assert (np.sort(bins, axis=1) == np.arange(100)).all()
    for a, b in ((0, 1), (1, 2), (0, 3)):
        assert (bins[a] == bins[b]).sum() < 10
    whole = fastpack.pack(lengths[:100], context_length=L, shuffle_seed=1)
    assert bins[0].tolist() == whole["bin"].to_list()


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("sizes", [{}, {"batch": 170, "bins": 250}])
def test_what_is_packed_is_verified(small_batches, rules, sizes):
    options = {"context_length": L, "block_documents": 400, **rules}
    table = fastpack.pack(CORPUS, **options)
    small_batches(**sizes)
    options.pop("keep", None)
    by = rules.get("by")
    figures = fastpack.verify(table, lengths_of(CORPUS, rules), **options)
    assert figures["n_bins"] == table["bin"].max() + 1
    if by is None or by == ["source", "language"]:
        fastpack.verify(table, CORPUS["n_tokens"], **{**options, "by": None})
    if by is None:
        fastpack.verify(table, **options)
        fastpack.verify(table.lazy(), **options)


@pytest.mark.parametrize("sizes", [{}, {"batch": 170, "bins": 250}])
def test_other_packings_are_refused(small_batches, sizes):
    lengths = CORPUS["n_tokens"]
    options = {"context_length": L, "block_documents": 400}
    small_batches(**sizes)

    def refuse(message, table, **rules):
        for known in (lengths, None):
            with pytest.raises(VerificationError, match=message):
                fastpack.verify(table, known, **{**options, **rules})

    whole = fastpack.pack(lengths, context_length=L)
    message = r"bin \d+ has documents of block 1, and the blocks before, of 400 docum"
    refuse(message, whole)
    fastpack.verify(whole, lengths, context_length=L, block_documents=N)
    # The bins of the last block come first.
    right = fastpack.pack(lengths, **options)
    n_bins = right["bin"].max() + 1
    first = fastpack.plan(lengths, **options).groups["first_bin"][-1]
    rolled = right.with_columns(bin=(pl.col("bin") + n_bins - first) % n_bins)
    refuse("has documents of block 7, and the blocks before", rolled)
    fastpack.verify(rolled, lengths, context_length=L)
    # The number of all bins is a multiple, not that of each block.
    multiple = fastpack.plan(lengths, **options).groups["n_bins"]
    assert len(set(multiple)) > 1
    refuse(
        r"the number of bins of block \d, [\d,]+, is no multiple of `bins_multiple`",
        right,
        bins_multiple=n_bins,
    )
    # Each block is shuffled by its own seed.
    same = [
        fastpack.pack(lengths[start : start + 400], context_length=L, shuffle_seed=5)
        for start in range(0, N, 400)
    ]
    bins = np.cumsum([0, *(table["bin"].max() + 1 for table in same)])
    same = pl.concat(
        table.with_columns(pl.col("bin") + bins[k], pl.col("document") + 400 * k)
        for k, table in enumerate(same)
    )
    fastpack.verify(same, lengths, **options)
    refuse("does not have the number that the rules give", same, shuffle_seed=5)
    own = fastpack.pack(lengths, shuffle_seed=5, **options)
    fastpack.verify(own, lengths, shuffle_seed=5, **options)
    refuse("does not have the number", own, shuffle_seed=5, block_documents=None)


def test_rows_that_are_wrong_are_told_first():
    lengths = CORPUS["n_tokens"]
    options = {"context_length": L, "block_documents": 400}
    table = fastpack.pack(lengths, **options)
    for damaged, message in (
        (table[1:], "`document` does not count"),
        (table.with_columns(bin=pl.lit(None, pl.Int64)), "has no bin"),
        (
            table.with_columns(bin_offset=pl.col("bin_offset") * 0),
            "is not filled from its start on|holds",
        ),
        (table.with_columns(pl.col("bin").replace(7, 10**18)), "is empty"),
        (table.with_columns(pl.col("bin").cast(pl.Float64) + 0.5), "no integer"),
    ):
        with pytest.raises(VerificationError, match=message):
            fastpack.verify(damaged, **options)
    assert fastpack.verify(table.clear(), **options)["n_bins"] == 0


def test_files_are_verified_by_their_rules(tmp_path):
    from fastpack.files.verify_files import read_assignment, verify_files

    write_unequal_shards(tmp_path / "corpus", 3)
    options = {"context_length": L, "block_documents": 400, "by": "source"}
    plan = fastpack.pack_files(tmp_path / "corpus", tmp_path / "out", **options)
    written = read_assignment(tmp_path / "out", {"block_documents": 400})
    assert verify_files(written)["n_bins"] == plan.n_bins
    with pytest.raises(OptionError, match="`block_documents` was given as 300"):
        read_assignment(tmp_path / "out", {"block_documents": 300})


def test_command_line(tmp_path, capsys):
    write_unequal_shards(tmp_path / "corpus", 3)
    rules = ("--context-length", L, "--block-documents", 400)
    whole = fastpack.pack(CORPUS, context_length=L, block_documents=400)

    def call(*arguments):
        assert fastpack_in_process(*arguments) == 0
        return capsys.readouterr()

    for output in ("one.parquet", "folder/"):
        target = f"{tmp_path}/{output}"
        told = call("pack", tmp_path / "corpus", "--output", target, "--json", *rules)
        described = json.loads(told.out)
        assert described["options"]["block_documents"] == 400
        assert [each["block"] for each in described["groups"]] == list(range(8))
        assert described["figures"]["n_bins"] == whole["bin"].max() + 1
        call("verify", target, "--source", tmp_path / "corpus")
        call("verify", target, "--block-documents", 400)
    assert pl.read_parquet(tmp_path / "one.parquet").equals(whole)
    assert read_shards(tmp_path / "folder", 3).equals(whole)
    told = call("plan", tmp_path / "corpus", *rules)
    assert "blocks: 8" in told.err
    told = call("compare", tmp_path / "corpus", "--json", *rules)
    assert json.loads(told.out)[2]["n_bins"] == whole["bin"].max() + 1
    assert fastpack_in_process("plan", tmp_path / "corpus", *rules[:3], 0) != 0
    assert "`block_documents` must be at least 1, got 0" in capsys.readouterr().err


def test_a_report_names_the_rule():
    report = report_of(CORPUS["n_tokens"], [L], block_documents=400)
    assert "block_documents = 400" in report.sentences[-1]
    plan = fastpack.plan(CORPUS["n_tokens"], context_length=L, block_documents=400)
    row = report.comparison.filter(strategy="best-fit")
    assert row["sequences"].item() == plan.n_bins
