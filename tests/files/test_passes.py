"""One result for any number of workers."""

import json
import multiprocessing
import signal
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import polars as pl
import pytest

import fastpack
from command_line import run_code
from corpora import CORPUS, L, N, files_of, pack, read_shards, write_shards
from fastpack import DataError, LengthHistogram, PackingPlan
from fastpack.packing import block_plan


@pytest.fixture(scope="module")
def processes():
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as executor:
        yield executor


@pytest.mark.slow
@pytest.mark.parametrize("n_shards", [1, 2, 7, 64])
def test_the_same_bytes_for_any_workers(tmp_path, processes, n_shards):
    corpus = write_shards(tmp_path / "corpus", n_shards)
    for keep in ["doc_id"] if n_shards == 64 else [None, "doc_id"]:
        whole = fastpack.pack(CORPUS, context_length=L, keep=keep)
        files = []
        with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
            for number, executor in enumerate([one, two, processes, None]):
                target = tmp_path / f"{keep}-{number}"
                plan = pack(corpus, target, executor=executor, keep=keep)
                assert read_shards(target, n_shards).equals(whole)
                assert (
                    plan.figures()
                    == fastpack.plan(CORPUS["n_tokens"], context_length=L).figures()
                )
                files.append(files_of(target))
        assert all(other == files[0] for other in files)
        assert len(files[0]) == n_shards + 2  # the plan and the manifest


def test_workers_in_another_folder(tmp_path, processes, monkeypatch):
    write_shards(tmp_path / "a/corpus", 2, CORPUS[:100])
    write_shards(tmp_path / "b/corpus", 2)
    for folder in "ab":  # the workers are in neither
        monkeypatch.chdir(tmp_path / folder)
        plan = pack("corpus", "out", executor=processes)
        assert plan.n_documents == (100 if folder == "a" else N)
        assert (tmp_path / folder / "out/part-1.parquet").exists()


def test_progress(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 3)
    reports = []
    pack(corpus, tmp_path / "out", progress=reports.append)
    assert [(report.step, report.shards) for report in reports] == [
        (step, number) for step in ("count", "assign") for number in range(4)
    ]
    assert {report.n_shards for report in reports} == {3}
    assert reports[-1].documents == N
    assert reports[-1].n_bytes == reports[-1].all_bytes > 0


KILLED = """
import os, signal, sys, time
from concurrent.futures import ThreadPoolExecutor
import fastpack
from fastpack.files import passes
corpus, target = sys.argv[1:]
count, assign = passes.read_counts, passes.assign_shard
def slow(shard):
    time.sleep(0.05)
    return count(shard)
def killing(shard, *others):
    entry = assign(shard, *others)
    if shard.name == "part-20.parquet":
        os.kill(os.getpid(), signal.SIGKILL)
    return entry
passes.read_counts, passes.assign_shard = slow, killing
with ThreadPoolExecutor(1) as executor:
    fastpack.pack_files(
        corpus,
        target,
        context_length=128,
        executor=executor,
        progress=lambda progress: print(progress.step, progress.shards, flush=True),
    )
"""
"""Packs files, and kills itself after 21 of them. To prepare a call takes longer than
to run it, as if there were many groups."""


def test_each_shard_is_recorded_as_it_ends(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 60)
    target = tmp_path / "out"
    killed = run_code(KILLED, corpus, target)
    assert killed.returncode == -signal.SIGKILL
    outputs = {path.name for path in target.glob("*.parquet")}
    assert len(outputs) == 21
    _, *lines = (target / "_fastpack/manifest.jsonl").read_text().splitlines()
    recorded = {json.loads(line)["output"] for line in lines}
    assert recorded < outputs
    # One or two had ended while a call was prepared; more on a busy machine.
    assert len(recorded) >= 5
    assert f"assign {len(recorded)}" in killed.stdout.splitlines()
    reports = []
    pack(corpus, target, progress=reports.append)
    assert next(r.shards for r in reports if r.step == "assign") == len(recorded)
    pack(corpus, tmp_path / "whole")
    assert files_of(target) == files_of(tmp_path / "whole")


def test_a_failure_while_calls_are_prepared(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 600, CORPUS[:600])
    for number in (7, 100, 599):
        (corpus / f"part-{number:03}.parquet").write_bytes(b"damaged")
    with ThreadPoolExecutor(2) as executor, pytest.raises(DataError, match="part-007"):
        pack(corpus, tmp_path / "out", executor=executor)
    n_counted = len(list((tmp_path / "out/_fastpack/counts").iterdir()))
    assert n_counted < 599


def test_groups_are_not_gone_through_for_each_shard(tmp_path, monkeypatch):
    n_groups = 40
    frame = CORPUS.with_columns(g=pl.int_range(N) % n_groups)
    corpus = write_shards(tmp_path / "corpus", 8, frame)
    calls = Counter()

    def count(module, name):
        function = getattr(module, name)

        def counted(*arguments):
            calls[name] += 1
            return function(*arguments)

        monkeypatch.setattr(module, name, counted)

    count(block_plan, "cut_into_chunks")
    count(PackingPlan, "tabulate")
    count(LengthHistogram, "of_arrays")
    pack(corpus, tmp_path / "out", by="g")
    assert calls["cut_into_chunks"] == n_groups
    assert calls["tabulate"] == 1
    assert calls["of_arrays"] <= 2 * n_groups
    whole = fastpack.pack(frame, context_length=L, by="g")
    assert read_shards(tmp_path / "out", 8).equals(whole)
