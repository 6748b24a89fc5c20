"""pack_files(): one result for any number of shards and workers, and after any kill."""

import json
import multiprocessing
import random
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import (
    DataError,
    DataTypeError,
    OptionError,
    OptionTypeError,
    OutputExistsError,
    SourceNotFoundError,
)
from fastpack.files.shard import assign_shard, count_shard
from oracle import RULES

L = 128
N = 20_000
RNG = np.random.default_rng(3)
CORPUS = pl.DataFrame(
    {
        "doc_id": [f"d{number}" for number in range(N)],
        "n_tokens": np.clip(RNG.lognormal(3, 1.25, N), 0, 5000).astype(np.int32),
    }
)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr("fastpack.documents.streaming._BATCH_ROWS", 700)


def write_shards(folder, n_shards, corpus=CORPUS):
    folder.mkdir(parents=True, exist_ok=True)
    rows = -(-corpus.height // n_shards)
    for number in range(n_shards):
        part = corpus[number * rows : (number + 1) * rows]
        part.write_parquet(folder / f"part-{number}.parquet")
    return folder


def files_of(folder):
    """Return the bytes of all files but the lock, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def read_shards(target, n_shards):
    return pl.concat(
        pl.read_parquet(target / f"part-{number}.parquet") for number in range(n_shards)
    )


def pack(sources, target, **options):
    return fastpack.pack_files(sources, target, context_length=L, **options)


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


@pytest.mark.parametrize("long_documents", RULES)
def test_rules(tmp_path, long_documents):
    corpus = write_shards(tmp_path / "corpus", 3)
    pack(corpus, tmp_path / "out", long_documents=long_documents)
    whole = fastpack.pack(CORPUS, context_length=L, long_documents=long_documents)
    assert read_shards(tmp_path / "out", 3).equals(whole)


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


# Resume


class StopError(Exception):
    pass


def stop_after(n_reports):
    left = n_reports

    def report(progress):
        nonlocal left
        left -= 1
        if left == 0:
            raise StopError

    return report


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


RUN = """
import sys
import numpy as np
import fastpack
fastpack.pack(np.array([8, 6, 6, 4, 3, 20]), context_length=8)
corpus, target = sys.argv[1:]
print("ready", flush=True)
fastpack.pack_files(corpus, target, context_length=128, keep="doc_id")
print("done", flush=True)
"""


def start_run(corpus, target, code=RUN):
    process = subprocess.Popen(
        [sys.executable, "-c", code, corpus, target], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_killed_at_twenty_moments(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 8, pl.concat([CORPUS] * 8))
    start = time.monotonic()
    with start_run(corpus, tmp_path / "whole") as process:
        assert process.stdout.readline() == "done\n"
    duration = time.monotonic() - start
    expected = files_of(tmp_path / "whole")
    rng = random.Random(20)
    stages = set()

    def kill_and_resume(number):
        target = tmp_path / str(number)
        with start_run(corpus, target) as process:
            time.sleep(duration * (number + rng.random()) / 20 / 2)
            process.kill()
        complete = len(list(target.glob("*.parquet")))
        stages.add((target / "_fastpack/plan.parquet").exists() + (complete > 0))
        pack(corpus, target, keep="doc_id")
        assert files_of(target) == expected
        shutil.rmtree(target)

    with ThreadPoolExecutor(2) as executor:
        list(executor.map(kill_and_resume, range(20)))
    assert len(stages) > 1


def test_a_manifest_whose_last_line_was_cut(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 3)
    target = tmp_path / "out"
    pack(corpus, target)
    expected = files_of(target)
    manifest = target / "_fastpack/manifest.jsonl"
    for cut in (10, 400):  # two lines at least
        manifest.write_bytes(manifest.read_bytes()[:-cut])
        (target / "_fastpack/counts").mkdir()
        (target / ".fastpack-0123456789abcdef.tmp").touch()
        pack(corpus, target)
        assert files_of(target) == expected


def test_what_changed_is_named(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 3)
    target = tmp_path / "out"
    pack(corpus, target)
    before = files_of(target)

    def refused(match, sources=corpus, **options):
        options = {"context_length": L, **options}
        with pytest.raises(OutputExistsError, match=match) as error:
            fastpack.pack_files(sources, target, **options)
        assert "--overwrite" in str(error.value)
        assert files_of(target) == before

    refused("context_length was 128, is 64", context_length=64)
    refused("long_documents was 'split', is 'drop'", long_documents="drop")
    refused(r"keep was None, is \['doc_id'\]", keep="doc_id")
    refused("an earlier run packed into", resume=False)
    parts = sorted(corpus.iterdir())
    refused("the order of the sources", sources=parts[::-1])
    refused(r"source .*part-2.parquet is missing", sources=parts[:2])
    CORPUS[:5].write_parquet(corpus / "part-9.parquet")
    refused(r"part-9.parquet was not among the sources")
    (corpus / "part-9.parquet").unlink()
    manifest = target / "_fastpack/manifest.jsonl"
    text = manifest.read_text()
    manifest.write_text(text.replace(fastpack.__version__, "0.0.1"))
    before = files_of(target)
    refused("the version was '0.0.1', is")
    manifest.write_text(text)
    before = files_of(target)
    parts[1].touch()
    refused(r"source .*part-1.parquet was changed")
    for number in range(20):
        CORPUS[:1].write_parquet(corpus / f"more-{number}.parquet")
    refused("and 16 more")


def test_overwrite_starts_anew(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 3)
    target = tmp_path / "out"
    pack(corpus, target)
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


def test_files_of_others_are_not_replaced(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2)
    target = tmp_path / "out"
    target.mkdir()
    for content in (b"mine", (corpus / "part-1.parquet").read_bytes()):
        (target / "part-1.parquet").write_bytes(content)
        with pytest.raises(OutputExistsError, match="is no file of this job"):
            pack(corpus, target)
        assert (target / "part-1.parquet").read_bytes() == content
    pack(corpus, target, overwrite=True)
    (target / "part-1.parquet").write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match="is no file of this job"):
        pack(corpus, target)
    (target / "part-1.parquet").unlink()
    pack(corpus, target)
    assert (
        read_shards(target, 2).height == fastpack.pack(CORPUS, context_length=L).height
    )


def test_two_runs_at_once(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2)
    target = tmp_path / "out"
    errors = []

    def run_another(progress):
        if progress.step == "assign" and not errors:
            with pytest.raises(OutputExistsError, match="another run is packing"):
                pack(corpus, target)
            code = RUN.replace('print("done"', 'print("packed"')
            process = subprocess.run(
                [sys.executable, "-c", code, corpus, target],
                capture_output=True,
                text=True,
                check=False,
            )
            errors.append(process.stderr)

    pack(corpus, target, progress=run_another)
    assert "another run is packing into" in errors[0]
    pack(corpus, target)  # and the lock is free again


# Faults


def no_output(target):
    return not list(target.glob("*.parquet"))


def test_shards_that_cannot_be_packed(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 3)
    target = tmp_path / "out"
    bad = corpus / "part-1.parquet"
    good = bad.read_bytes()
    frame = pl.read_parquet(bad)
    null = pl.when(pl.int_range(pl.len()) != 2345).then("n_tokens")
    negative = pl.when(pl.int_range(pl.len()) != 4321).then("n_tokens").otherwise(-1)
    cases = [
        (good[:-50], "cannot be read as .parquet"),
        (b"not Parquet", "cannot be read as .parquet"),
        (frame.drop("n_tokens"), "`length` names a column that is absent"),
        (frame.cast({"n_tokens": pl.Float64}), "must hold integers, got Float64"),
        (frame.with_columns(null), "null lengths: 1, the first in row 2,345"),
        (frame.with_columns(n_tokens=negative), "negative length: -1 in row 4,321"),
    ]
    for damaged, message in cases:
        if isinstance(damaged, bytes):
            bad.write_bytes(damaged)
        else:
            damaged.write_parquet(bad)
        with pytest.raises(
            (DataError, DataTypeError), match=r"part-1.parquet"
        ) as error:
            pack(corpus, target)
        assert message in str(error.value)
        assert no_output(target)
    frame.cast({"doc_id": pl.Categorical}).write_parquet(bad)
    with pytest.raises(DataTypeError, match=r"part-1.parquet: `keep` column 'doc_id'"):
        pack(corpus, target, keep="doc_id")
    frame.drop("doc_id").write_parquet(bad)
    with pytest.raises(DataError, match=r"part-1.parquet: `keep` names"):
        pack(corpus, target, keep="doc_id")
    assert no_output(target)
    bad.write_bytes(good)
    pack(corpus, target)  # what was counted before is of use


def test_a_source_that_changes_between_the_passes(tmp_path, monkeypatch):
    corpus = write_shards(tmp_path / "corpus", 3)
    changed = corpus / "part-1.parquet"
    good = pl.read_parquet(changed)

    def change_to(frame):
        def report(progress):
            if progress.step == "assign" and progress.shards == 0:
                frame.write_parquet(changed)

        return report

    with pytest.raises(DataError, match=r"part-1.parquet: the file changed"):
        pack(corpus, tmp_path / "a", progress=change_to(good[::-1]))
    # Even if the file looks the same, with a place in the plan for each document.
    good.write_parquet(changed)
    monkeypatch.setattr("fastpack.files.manifest.Fingerprint.check", lambda self: None)
    length = good["n_tokens"]
    swapped = good.with_columns(
        n_tokens=pl.when(length == 5)
        .then(6)
        .when(length == 6)
        .then(5)
        .otherwise(length)
    )
    with pytest.raises(DataError, match=r"part-1.parquet: the data changed"):
        pack(corpus, tmp_path / "b", progress=change_to(swapped))
    for name in "ab":
        assert not (tmp_path / name / "part-1.parquet").exists()


FULL_DISK = """
import resource, sys
import fastpack
from fastpack.outputs import write_parquet
corpus, target = sys.argv[1:]
def limit(progress):
    if progress.step == "assign" and progress.shards == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(1) as executor:
    fastpack.pack_files(
        corpus, target, context_length=128, executor=executor, progress=limit
    )
"""


def test_a_disk_that_is_full(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 5)
    target = tmp_path / "out"
    process = subprocess.run(
        [sys.executable, "-c", FULL_DISK, corpus, target],
        capture_output=True,
        text=True,
        check=False,
    )
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


def test_targets_that_cannot_be_used(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2)
    (tmp_path / "file").touch()
    for target in (tmp_path / "file", tmp_path / "file/out", Path("/proc/fastpack")):
        with pytest.raises(OSError, match=r"file|fastpack"):
            pack(corpus, target)
    with pytest.raises(OptionError, match="would lie beside their sources"):
        pack(corpus, corpus)
    assert sorted(path.name for path in corpus.iterdir()) == [
        "part-0.parquet",
        "part-1.parquet",
    ]
    within = corpus / "packed"
    pack(corpus, within)
    pack(corpus, within)  # outputs of the first run are no sources
    assert read_shards(within, 2).height > N


def test_parameters_that_cannot_be_right(tmp_path):
    write_shards(tmp_path / "a", 1)
    write_shards(tmp_path / "b", 1)
    target = tmp_path / "out"
    with pytest.raises(OptionTypeError, match="`sources` must be files"):
        pack([1], target)
    with pytest.raises(OptionError, match="`sources` is empty"):
        pack([], target)
    with pytest.raises(SourceNotFoundError, match="no file that can be read"):
        pack(tmp_path / "absent", target)
    CORPUS.write_csv(tmp_path / "a/part-0.csv")
    with pytest.raises(OptionError, match="two sources have one output"):
        pack([tmp_path / "a", tmp_path / "b"], target)
    with pytest.raises(OptionError, match="`context_length` must be at least 1"):
        fastpack.pack_files(tmp_path / "b", target, context_length=0)
    assert not target.exists()


# What a tester found


def test_expressions_that_print_alike_are_told_apart(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2, CORPUS.with_columns(x=pl.lit(0.55)))
    pack(corpus, tmp_path / "out", keep=pl.col("x").round(0))
    with pytest.raises(OutputExistsError, match=r"keep was .*round.*, is .*round"):
        pack(corpus, tmp_path / "out", keep=pl.col("x").round(1))
    length = pl.col("n_tokens").map_batches(lambda s: s + 1, return_dtype=pl.Int32)
    with pytest.raises(OptionError, match="Python functions have no lasting identity"):
        fastpack.pack_files(corpus, tmp_path / "b", length, context_length=L)


def test_workers_in_another_folder(tmp_path, processes, monkeypatch):
    write_shards(tmp_path / "a/corpus", 2, CORPUS[:100])
    write_shards(tmp_path / "b/corpus", 2)
    for folder in "ab":  # the workers are in neither
        monkeypatch.chdir(tmp_path / folder)
        plan = pack("corpus", "out", executor=processes)
        assert plan.n_documents == (100 if folder == "a" else N)
        assert (tmp_path / folder / "out/part-1.parquet").exists()


def test_a_worker_that_outlives_its_run_writes_nothing(tmp_path, monkeypatch):
    corpus = write_shards(tmp_path / "corpus", 1)
    target = tmp_path / "out"
    pack(corpus, target)
    calls = []
    monkeypatch.setattr(
        "fastpack.files.passes.assign_shard", lambda *call: calls.append(call) or {}
    )
    with pytest.raises(KeyError):
        pack(corpus, target, overwrite=True)
    monkeypatch.undo()
    fastpack.pack_files(corpus, target, context_length=64, overwrite=True)
    before = files_of(target)
    (late,) = calls
    late[0].counts.parent.mkdir()
    count_shard(late[0])
    with pytest.raises(OutputExistsError, match="the run has ended"):
        assign_shard(*late)
    shutil.rmtree(late[0].counts.parent)
    assert files_of(target) == before


def test_overwrite_leaves_no_output_of_an_earlier_run(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 4)
    target = tmp_path / "out"
    pack(corpus, target)
    # As if it was killed between the last file and its line.
    manifest = target / "_fastpack/manifest.jsonl"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    (corpus / "part-3.parquet").unlink()
    pack(corpus, target, overwrite=True)
    assert sorted(path.name for path in target.glob("*.parquet")) == [
        f"part-{number}.parquet" for number in range(3)
    ]


def test_overwrite_removes_no_file_of_others(tmp_path):
    raw, target = tmp_path / "raw", tmp_path / "data"
    raw.mkdir()
    CORPUS.write_ndjson(raw / "a.jsonl")
    CORPUS.write_ndjson(raw / "b.jsonl")
    pack(raw, target)
    CORPUS[:7].write_parquet(target / "a.parquet")  # the user's own
    pack(raw / "b.jsonl", target, overwrite=True)
    assert pl.read_parquet(target / "a.parquet").equals(CORPUS[:7])


@pytest.mark.parametrize(
    "damage", [b"\xff\xff", b"{}", b"3", b"[]", b'{"sources": 1}', b""]
)
def test_a_manifest_that_is_damaged(tmp_path, damage):
    corpus = write_shards(tmp_path / "corpus", 2)
    target = tmp_path / "out"
    pack(corpus, target)
    expected = files_of(target)
    manifest = target / "_fastpack/manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    for content in (damage, lines[0] + damage, lines[0] + lines[1] + damage + b"\n"):
        for overwrite in (False, True):
            manifest.write_bytes(content)
            pack(corpus, target, overwrite=overwrite)
            assert files_of(target) == expected


def test_a_plan_file_that_is_missing_or_of_another_job(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2)
    target = tmp_path / "out"
    pack(corpus, target)
    expected = files_of(target)
    plan = target / "_fastpack/plan.parquet"
    fastpack.plan(CORPUS["n_tokens"], context_length=64).save(plan, overwrite=True)
    assert pack(corpus, target).options.context_length == L
    assert files_of(target) == expected
    for damage in (plan.unlink, lambda: plan.write_text("no")):
        damage()
        pack(corpus, target)
        assert files_of(target) == expected


def test_links_to_sources_give_their_own_names(tmp_path):
    blobs = write_shards(tmp_path / "blobs", 2)
    links = tmp_path / "links"
    links.mkdir()
    (links / "train-0.parquet").symlink_to(blobs / "part-0.parquet")
    (links / "train-1.parquet").symlink_to(blobs / "part-1.parquet")
    pack(links, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").glob("*.parquet")} == {
        "train-0.parquet",
        "train-1.parquet",
    }


def test_outputs_that_could_not_be(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 1)
    (corpus / "a.parquet").mkdir()
    CORPUS[:5].write_csv(corpus / "a.csv")
    CORPUS[:5].write_csv(corpus / "a.parquet/p.csv")
    with pytest.raises(OptionError, match="is a folder of others"):
        pack(corpus, tmp_path / "out")
    (tmp_path / "out2/part-0.parquet").mkdir(parents=True)
    with pytest.raises(OutputExistsError, match="an output is a folder"):
        pack(corpus / "part-0.parquet", tmp_path / "out2", overwrite=True)
    for target in ("", "s3://bucket/out"):
        with pytest.raises(OptionError, match="`target` must be a folder on this"):
            pack(corpus / "part-0.parquet", target)
    with pytest.raises(OptionError, match="not UTF-8"):
        pack(corpus / "part-0.parquet", tmp_path / "\udcff")


def test_an_own_file_that_looks_like_a_temporary_one(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 1)
    own = tmp_path / "out/.fastpack-notes.tmp"
    own.parent.mkdir()
    own.touch()
    pack(corpus, tmp_path / "out")
    assert own.exists()


def test_threads_race_for_a_target(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 1, CORPUS[:50])
    barrier = threading.Barrier(4)

    def run(_):
        barrier.wait()
        try:
            pack(corpus, tmp_path / "out", overwrite=True)
        except OutputExistsError as error:
            return "another run" in str(error)
        return None

    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            results = list(threads.map(run, range(4)))
            assert None in results
            assert False not in results
