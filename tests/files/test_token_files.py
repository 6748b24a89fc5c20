"""pack_token_files(): every token once, the same bytes however it is run."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import polars as pl
import pytest

import fastpack
from corpora import (
    TOKENS,
    documents_of,
    files_of,
    pack_tokens_of,
    read_sequences,
    write,
    write_shards,
)
from fastpack import DataError, OptionError

L = 64


@pytest.fixture
def small_blocks(small_batches):
    """Blocks of some 3,000 tokens, of parts that are smaller."""
    small_batches(block=4000, part=8000, finest=1000)


def expected(columns=("input_ids",), documents=TOKENS):
    """Return the columns of each document that is not empty."""
    rows = documents.select(columns).rows()
    return {number: list(row) for number, row in enumerate(rows) if row[0]}


@pytest.mark.parametrize("n_shards", [1, 3])
def test_every_token_once(tmp_path, small_blocks, n_shards):
    columns = ("input_ids", "labels", "loss_mask")
    corpus = write_shards(tmp_path / "corpus", n_shards, TOKENS, row_group_size=70)
    account = pack_tokens_of(corpus, tmp_path / "out", columns=columns[1:])
    sequences = read_sequences(tmp_path / "out")
    assert documents_of(sequences, columns) == expected(columns)
    assert sequences.schema["labels"] == TOKENS.schema["labels"]
    assert account.n_blocks > 3
    assert account.n_documents == TOKENS.height
    assert account.n_tokens == account.packed == len(TOKENS["input_ids"].explode())
    assert account.n_bins == sequences.height
    assert account.padding == account.n_bins * L - account.packed


def test_what_blocks_leave_is_packed_last(tmp_path, small_blocks):
    corpus = write_shards(tmp_path / "corpus", 3, TOKENS, row_group_size=20)
    account = pack_tokens_of(corpus, tmp_path / "out")
    plan = fastpack.plan(TOKENS["input_ids"].list.len(), context_length=L)
    assert account.bins_added_by_blocks == account.n_bins - plan.n_bins
    lines = (tmp_path / "out/_fastpack/manifest.jsonl").read_text().splitlines()
    job, *blocks, last = map(json.loads, lines)
    assert job["blocks"] == [block["documents"] for block in blocks]
    assert sum(block["leftovers"]["tokens"] for block in blocks) == last["tokens"] > 0
    assert last["rows"] == read_sequences(tmp_path / "out", last["output"]).height
    # By themselves, blocks of the same documents have most of a sequence more each.
    ends = pl.Series(job["blocks"]).cum_sum()
    alone = sum(
        fastpack.plan(part["input_ids"].list.len(), context_length=L).n_bins
        for part in (
            TOKENS[end - size : end]
            for end, size in zip(ends, job["blocks"], strict=True)
        )
    )
    assert plan.n_bins <= account.n_bins < alone - len(blocks) / 3


def test_one_block_is_that_of_pack_tokens(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 3, TOKENS)
    account = pack_tokens_of(corpus, tmp_path / "out")
    assert (account.n_blocks, account.bins_added_by_blocks) == (1, 0)
    whole = fastpack.pack_tokens(
        TOKENS, context_length=L, boundaries=["seq_lengths", "chunk_starts"]
    )
    assert read_sequences(tmp_path / "out").equals(whole)
    assert [path.name for path in (tmp_path / "out").glob("*.parquet")] == [
        "sequences-000000.parquet"
    ]


RULES = [
    {},
    {"by": "lang", "keep": "doc_id"},
    {"by": ["lang"], "keep": ["lang", "doc_id"], "shuffle_seed": 3},
    {"pad_id": 0, "eos_id": 1001, "columns": {"labels": -1, "loss_mask": 0}},
    {"pad_id": -1, "bos_id": 7, "eos_id": 8, "align": 8, "columns": "labels"},
    {"bins_multiple": 4, "max_documents": 3},
    {"long_documents": "truncate", "min_chunk": 5},
    {"long_documents": "drop"},
    {"boundaries": ["cu_seqlens", "position_ids", "segment_ids", "seq_start_id"]},
]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("block_documents", [150, 601])
def test_blocks_of_documents_are_those_of_pack_tokens(tmp_path, rules, block_documents):
    corpus = write_shards(tmp_path / "corpus", 4, TOKENS, row_group_size=40)
    rules = {"block_documents": block_documents, **rules}
    account = pack_tokens_of(corpus, tmp_path / "out", **rules)
    rules = {"boundaries": ["seq_lengths", "chunk_starts"], **rules}
    whole = fastpack.pack_tokens(TOKENS, context_length=L, **rules)
    assert read_sequences(tmp_path / "out").equals(whole)
    assert account.n_bins == whole.height
    assert account.n_blocks == -(-TOKENS.height // block_documents)
    plan = fastpack.plan(
        TOKENS.select("lang", pl.col("input_ids").list.len().alias("n_tokens")),
        "n_tokens",
        context_length=L,
        **{
            name: value
            for name, value in {
                **rules,
                "extra_tokens": sum(name in rules for name in ("bos_id", "eos_id")),
            }.items()
            if name in fastpack.options.PackingRules.__annotations__
        },
    )
    for name, value in plan.figures().items():
        if name != "lower_bound":
            assert getattr(account, name) == value, name


@pytest.mark.parametrize("rules", RULES[1:3] + RULES[5:6])
def test_rules_of_default_blocks(tmp_path, small_blocks, rules):
    corpus = write_shards(tmp_path / "corpus", 4, TOKENS, row_group_size=40)
    rules = {**rules, "keep": None}
    account = pack_tokens_of(corpus, tmp_path / "out", **rules)
    sequences = read_sequences(tmp_path / "out")
    assert documents_of(sequences) == expected()
    assert sequences.height == account.n_bins
    assert account.n_bins % rules.get("bins_multiple", 1) == 0
    if "max_documents" in rules:
        assert sequences["seq_lengths"].list.len().max() == rules["max_documents"]
    if "by" in rules:
        langs = TOKENS["lang"].to_list()
        for documents in sequences["documents"]:
            assert len({langs[document] for document in documents}) == 1
    if "shuffle_seed" in rules:
        other = tmp_path / "other"
        pack_tokens_of(corpus, other, **{**rules, "shuffle_seed": 4})
        assert not read_sequences(other).equals(sequences)
        assert documents_of(read_sequences(other)) == expected()


@pytest.mark.slow
@pytest.mark.parametrize("rules", [{}, {"block_documents": 130}])
def test_the_same_bytes_for_any_workers(tmp_path, small_blocks, rules):
    corpus = write_shards(tmp_path / "corpus", 3, TOKENS, row_group_size=50)
    results = []
    for number, workers in enumerate((1, 2, 3)):
        target = tmp_path / str(number)
        pack_tokens_of(corpus, target, workers=workers, keep="doc_id", **rules)
        results.append(files_of(target))
    spawn = multiprocessing.get_context("spawn")
    with (
        fastpack.engines.process_executor(workers=2)
        if rules
        else ProcessPoolExecutor(2, mp_context=spawn)
    ) as processes:
        target = tmp_path / "processes"
        pack_tokens_of(corpus, target, executor=processes, keep="doc_id", **rules)
        results.append(files_of(target))
    assert all(result == results[0] for result in results[1:])


def test_leftovers_that_one_worker_cannot_hold(tmp_path, small_blocks, small_batches):
    corpus = write_shards(tmp_path / "corpus", 3, TOKENS, row_group_size=20)
    one = pack_tokens_of(corpus, tmp_path / "one")
    small_batches(last=1)
    several = pack_tokens_of(corpus, tmp_path / "several")
    assert documents_of(read_sequences(tmp_path / "several")) == expected()
    assert several.n_bins > one.n_bins
    assert read_sequences(tmp_path / "several").height == several.n_bins


def test_sources_of_other_formats(tmp_path, small_blocks):
    frame = TOKENS.select("doc_id", "input_ids", "labels")
    options = {"keep": "doc_id", "columns": "labels", "block_documents": 100}
    casts = pl.col("input_ids", "labels").cast(pl.List(pl.Int64))
    write(frame.with_columns(casts), tmp_path / "parquet/1.parquet")
    pack_tokens_of(tmp_path / "parquet", tmp_path / "out", **options)
    whole = read_sequences(tmp_path / "out")
    (tmp_path / "stream").mkdir()
    frame.with_columns(casts).write_ipc_stream(tmp_path / "stream/1.arrow")
    for suffix in ("arrow", "jsonl", "jsonl.zst"):
        write(frame.with_columns(casts), tmp_path / suffix / f"1.{suffix}")
    for folder in ("arrow", "stream", "jsonl", "jsonl.zst"):
        pack_tokens_of(tmp_path / folder, tmp_path / f"out-{folder}", **options)
        assert read_sequences(tmp_path / f"out-{folder}").equals(whole), folder
        target = tmp_path / f"by-tokens-{folder}"
        account = pack_tokens_of(tmp_path / folder, target)
        assert account.n_blocks > 2
        assert documents_of(read_sequences(target)) == expected()


def test_columns_in_the_names_of_folders(tmp_path, small_blocks):
    for lang, part in TOKENS.partition_by("lang", as_dict=True).items():
        write(part.drop("lang"), tmp_path / f"corpus/lang={lang[0]}/1.parquet")
    corpus = tmp_path / "corpus/**/*.parquet"
    keep = ["lang", pl.col("doc_id").str.slice(1).cast(pl.Int64)]
    account = pack_tokens_of(
        corpus, tmp_path / "out", by="lang", keep=keep, block_documents=70
    )
    assert account.n_blocks == 9
    sequences = read_sequences(tmp_path / "out")
    assert set(sequences["lang"].list.n_unique()) == {1}
    chunks = sequences.select(pl.col("doc_id", "lang", "chunk_starts").explode())
    assert chunks.height == account.n_chunks
    documents = chunks.unique("doc_id").sort("doc_id")
    not_empty = TOKENS.with_row_index("row").filter(pl.col("input_ids").list.len() > 0)
    assert documents["doc_id"].to_list() == not_empty["row"].to_list()
    assert documents["lang"].to_list() == not_empty["lang"].to_list()


@pytest.mark.parametrize("rules", [{}, {"block_documents": 3}])
@pytest.mark.parametrize("rows", [0, 2])
def test_nothing_to_pack(tmp_path, rules, rows):
    empty = pl.DataFrame({"input_ids": [[]] * rows}, {"input_ids": pl.List(pl.Int32)})
    corpus = write_shards(tmp_path / "corpus", 1, empty)
    account = pack_tokens_of(corpus, tmp_path / "out", **rules)
    assert (account.n_bins, account.n_documents) == (0, rows)
    sequences = read_sequences(tmp_path / "out")
    assert sequences.height == 0
    assert sequences.schema["input_ids"] == pl.List(pl.Int32)


def test_files_without_documents(tmp_path, small_blocks):
    corpus = write_shards(tmp_path / "corpus", 3, TOKENS)
    for number in (0, 3):
        TOKENS.clear().write_parquet(corpus / f"part-{number}0.parquet")
    for target, rules in (("out", {}), ("documents", {"block_documents": 100})):
        pack_tokens_of(corpus, tmp_path / target, **rules)
        assert documents_of(read_sequences(tmp_path / target)) == expected()


def test_the_account(tmp_path, small_blocks):
    corpus = write_shards(tmp_path / "corpus", 3, TOKENS, row_group_size=50)
    target = tmp_path / "out"
    account = pack_tokens_of(corpus, target, shuffle_seed=1)
    written = json.loads((target / "_fastpack/account.json").read_text())
    assert written == account.as_dict()
    assert written["figures"]["n_bins"] == account.n_bins
    assert written["options"]["shuffle_seed"] == 1
    plan = fastpack.PackingPlan.load(target / "_fastpack/plan.parquet")
    assert account.lower_bound == plan.lower_bound
    assert account.bins_added_by_blocks == account.n_bins - plan.n_bins
    text = repr(account)
    assert text.startswith("TokenAccount: 600 documents in ")
    added = f"({account.bins_added_by_blocks:+,} sequences by them)"
    lines = text.splitlines()[1:]
    assert lines[-1].startswith("  blocks ")
    assert lines[-1].endswith(f" {account.n_blocks:,}   {added}")
    assert len({len(line.partition("   (")[0]) for line in lines}) == 1
    metadata = pl.read_parquet_metadata(target / "sequences-000001.parquet")
    described = json.loads(metadata["fastpack"])
    assert described["options"] == account.options.as_dict()
    assert described["shard"]["first_document"] > 0


def test_progress(tmp_path, small_blocks):
    corpus = write_shards(tmp_path / "corpus", 3, TOKENS, row_group_size=50)
    reports = []
    account = pack_tokens_of(corpus, tmp_path / "out", progress=reports.append)
    counted = [report for report in reports if report.step == "count"]
    packed = [report for report in reports if report.step == "pack"]
    assert reports == counted + packed
    assert [report.shards for report in counted] == [0, 1, 2, 3]
    numbers = range(account.n_blocks + 2)
    assert sorted({report.shards for report in packed}) == list(numbers)
    assert counted[-1].documents == packed[-1].documents == TOKENS.height
    assert packed[-1].n_bytes == packed[-1].all_bytes > 0


def test_compression(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 1, TOKENS)
    sizes = {}
    for name, level in (("uncompressed", None), ("zstd", 1), ("zstd", 19)):
        target = tmp_path / f"{name}-{level}"
        pack_tokens_of(corpus, target, compression=name, compression_level=level)
        sizes[name, level] = sum(path.stat().st_size for path in target.glob("*.p*"))
    assert sizes["uncompressed", None] > sizes["zstd", 1] > sizes["zstd", 19]
    for name, level in (("lzo", None), ("zstd", 99), (3, None), ("zstd", "high")):
        with pytest.raises(OptionError, match=r"`compression` .* is refused by Pol"):
            pack_tokens_of(
                corpus, tmp_path / "other", compression=name, compression_level=level
            )
    assert not (tmp_path / "other").exists()


def test_a_corpus_by_threads_that_are_the_users(tmp_path, small_blocks):
    corpus = write_shards(tmp_path / "corpus", 2, TOKENS)
    with ThreadPoolExecutor(2) as executor:
        pack_tokens_of(corpus, tmp_path / "out", executor=executor)
        with pytest.raises(OptionError, match="exclude each other"):
            pack_tokens_of(corpus, tmp_path / "a", executor=executor, workers=2)
    with pytest.raises(DataError, match="absent"):
        pack_tokens_of(corpus, tmp_path / "b", tokens="tokens")
