"""pack_files(): the table of the whole, also after any kill."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from damaged_runs import kill_and_resume

import fastpack
from command_line import run_code
from corpora import (
    CORPUS,
    RUN,
    L,
    N,
    StopError,
    files_of,
    pack,
    packed_shards,
    read_shards,
    stop_after,
    write_shards,
)
from fastpack import (
    DataError,
    OptionError,
    OptionTypeError,
    SourceNotFoundError,
)
from oracle import RULES


@pytest.mark.parametrize("long_documents", RULES)
def test_rules(tmp_path, long_documents):
    corpus = write_shards(tmp_path / "corpus", 3)
    pack(corpus, tmp_path / "out", long_documents=long_documents)
    whole = fastpack.pack(CORPUS, context_length=L, long_documents=long_documents)
    assert read_shards(tmp_path / "out", 3).equals(whole)


def test_workers_are_threads(tmp_path, monkeypatch):
    made = []

    class Threads(ThreadPoolExecutor):
        def __init__(self, n_threads):
            made.append(n_threads)
            super().__init__(n_threads)

    monkeypatch.setattr("fastpack.files.run.ThreadPoolExecutor", Threads)
    corpus = write_shards(tmp_path / "corpus", 3)
    pack(corpus, tmp_path / "out", workers=2)
    assert made == [2]
    assert read_shards(tmp_path / "out", 3).equals(
        fastpack.pack(CORPUS, context_length=L)
    )
    for workers, error in (
        (0, OptionError),
        (1.0, OptionTypeError),
        (True, OptionTypeError),
    ):
        with pytest.raises(error, match=f"`workers` must be .*, got {workers}"):
            pack(corpus, tmp_path / "other", workers=workers)
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(OptionError, match="exclude each other"),
    ):
        pack(corpus, tmp_path / "other", workers=1, executor=executor)
    assert not (tmp_path / "other").exists()


def test_folders_kinds_and_expressions(tmp_path):
    parts = [
        pl.DataFrame({"ids": [[1] * n for n in lengths]})
        for lengths in ([8, 6, 0], [6], [4, 3])
    ]
    for name in ("a/sub", "b"):
        (tmp_path / name).mkdir(parents=True)
    parts[0].write_parquet(tmp_path / "a/part-2.parquet")
    parts[1].write_ipc(tmp_path / "a/sub/part.arrow")
    parts[2].write_ndjson(tmp_path / "b/part.jsonl")
    plan = fastpack.pack_files(
        [tmp_path / "b", tmp_path / "a"],
        tmp_path / "out",
        pl.col("ids").list.len(),
        context_length=8,
    )
    assert plan.n_bins == 4
    tables = {
        str(path.relative_to(tmp_path / "out")): pl.read_parquet(path)["document"]
        for path in (tmp_path / "out").rglob("*.parquet")
        if path.name != "plan.parquet"
    }
    assert {name: rows.to_list() for name, rows in tables.items()} == {
        "b/part.parquet": [0, 1],
        "a/part-2.parquet": [2, 3, 4],
        "a/sub/part.parquet": [5],
    }


def test_nothing_to_pack(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2, CORPUS.clear())
    plan = pack(corpus, tmp_path / "out", keep="doc_id")
    assert plan.n_bins == plan.n_documents == 0
    assert read_shards(tmp_path / "out", 2).columns[0] == "doc_id"


def test_what_is_beside_the_assignments(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 3)
    target = tmp_path / "out"
    plan = pack(corpus, target, keep="doc_id")
    loaded = fastpack.PackingPlan.load(target / "_fastpack/plan.parquet")
    assert loaded.figures() == plan.figures()
    assert loaded.runs.equals(plan.runs)
    lines = (target / "_fastpack/manifest.jsonl").read_text().splitlines()
    job, *shards = map(json.loads, lines)
    assert job["columns"]["keep"] == ["doc_id"]
    sources = [Path(source["path"]) for source in job["sources"]]
    assert [path.name for path in sources] == [f"part-{n}.parquet" for n in range(3)]
    assert [source["size"] for source in job["sources"]] == [
        path.stat().st_size for path in sources
    ]
    assert [shard["output"] for shard in shards] == [path.name for path in sources]
    assert sum(shard["documents"] for shard in shards) == N
    assert sum(shard["rows"] for shard in shards) == plan.n_rows
    metadata = pl.read_parquet_metadata(target / "part-1.parquet")["fastpack"]
    assert json.loads(metadata)["figures"] == plan.figures()


def test_parameters_that_cannot_be_right(tmp_path):
    write_shards(tmp_path / "a", 1)
    write_shards(tmp_path / "b", 1)
    target = tmp_path / "out"
    with pytest.raises(OptionTypeError, match="`sources` must be files"):
        pack([1], target)
    with pytest.raises(OptionError, match="`sources` is empty"):
        pack([], target)
    with pytest.raises(SourceNotFoundError, match="no such file or folder"):
        pack(tmp_path / "absent", target)
    CORPUS.write_csv(tmp_path / "a/part-0.csv")
    with pytest.raises(OptionError, match="two sources have one output"):
        pack([tmp_path / "a", tmp_path / "b"], target)
    with pytest.raises(OptionError, match="`context_length` must be at least 1"):
        fastpack.pack_files(tmp_path / "b", target, context_length=0)
    assert not target.exists()


@pytest.mark.parametrize("n_reports", [1, 3, 6, 7, 9])
def test_a_stopped_run_goes_on(tmp_path, n_reports):
    corpus = write_shards(tmp_path / "corpus", 4)
    pack(corpus, tmp_path / "whole")
    target = tmp_path / "out"
    with ThreadPoolExecutor(1) as executor, pytest.raises(StopError):
        pack(corpus, target, executor=executor, progress=stop_after(n_reports))
    kept = {path: path.stat().st_mtime_ns for path in target.glob("*.parquet")}
    assert len(kept) >= n_reports - 6
    reports = []
    pack(corpus, target, progress=reports.append)
    assert files_of(target) == files_of(tmp_path / "whole")
    if n_reports > 6:
        assert next(r.shards for r in reports if r.step == "assign") >= n_reports - 6
    before = files_of(target)
    reports.clear()
    pack(corpus, target, progress=reports.append)  # complete: nothing is done
    assert reports == []
    assert files_of(target) == before


@pytest.mark.slow
def test_killed_at_twenty_moments(tmp_path, one_of_every):
    corpus = write_shards(tmp_path / "corpus", 8, pl.concat([CORPUS] * 8))
    resume = partial(pack, keep="doc_id")
    reached = kill_and_resume(RUN, corpus, tmp_path, one_of_every(20), resume)
    assert len({has_plan + (n_outputs > 0) for has_plan, n_outputs in reached}) > 1


def test_overwrite_starts_anew(tmp_path):
    corpus, target = packed_shards(tmp_path, 3)
    parts = sorted(corpus.iterdir())
    (tmp_path / "bad").mkdir()
    bad = tmp_path / "bad/part-0.parquet"
    CORPUS.with_columns(n_tokens=None).write_parquet(bad)
    before = files_of(target)
    with pytest.raises(DataError, match="null lengths"):
        pack(bad, target, overwrite=True)
    assert {**files_of(target), **before} == files_of(target)  # nothing was lost
    pack(parts[:2], target, overwrite=True, long_documents="drop")
    pack(parts[:2], tmp_path / "fresh", long_documents="drop")
    assert files_of(target) == files_of(tmp_path / "fresh")


FULL_DISK = """
import resource, sys
import fastpack
from fastpack.outputs import write_parquet
corpus, target = sys.argv[1:]
def limit(progress):
    if progress.step == "assign" and progress.shards == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from concurrent.futures import ThreadPoolExecutor
from functools import partial
with ThreadPoolExecutor(1) as executor:
    fastpack.pack_files(
        corpus, target, context_length=128, executor=executor, progress=limit
    )
"""


def test_a_disk_that_is_full(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 5)
    target = tmp_path / "out"
    process = run_code(FULL_DISK, corpus, target)
    assert process.returncode == 1
    assert "OSError" in process.stderr
    assert "cannot be written" in process.stderr
    names = {path.name for path in target.iterdir()}
    assert {"part-0.parquet", "part-1.parquet"} <= names
    assert "part-4.parquet" not in names
    assert not [name for name in names if name.endswith(".tmp")]
    pack(corpus, target)
    pack(corpus, tmp_path / "whole")
    assert files_of(target) == files_of(tmp_path / "whole")


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


def test_executors_and_progress_that_cannot_be_used(tmp_path):
    source, target = tmp_path / "a.parquet", tmp_path / "out"
    pl.DataFrame({"n_tokens": [8], "input_ids": [[1] * 8]}).write_parquet(source)
    for function in (fastpack.pack_files, fastpack.pack_token_files):
        for settings, message in (
            (
                {"executor": 4},
                "`executor` must be a concurrent.futures.Executor, got 4",
            ),
            ({"progress": True}, "`progress` must be a function, got True"),
        ):
            with pytest.raises(fastpack.OptionTypeError, match=message):
                function(source, target, context_length=8, **settings)
        assert not target.exists()
    with pytest.raises(NotADirectoryError, match="a file lies where a folder is"):
        fastpack.pack_files(source, source, context_length=8)
