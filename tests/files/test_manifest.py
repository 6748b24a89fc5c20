"""The manifest of a target: what changed is named, what is damaged is done again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from damaged_runs import change_bits

import fastpack
from command_line import run_code
from corpora import (
    CORPUS,
    RUN,
    L,
    files_of,
    pack,
    packed_shards,
    write_shards,
)
from fastpack import (
    OutputExistsError,
    SourceNotFoundError,
)
from fastpack.files.verify_files import read_assignment


def test_a_manifest_whose_last_line_was_cut(tmp_path):
    corpus, target = packed_shards(tmp_path, 3)
    expected = files_of(target)
    manifest = target / "_fastpack/manifest.jsonl"
    for cut in (10, 400):  # two lines at least
        manifest.write_bytes(manifest.read_bytes()[:-cut])
        (target / "_fastpack/counts").mkdir()
        (target / ".fastpack-0123456789abcdef.tmp").touch()
        pack(corpus, target)
        assert files_of(target) == expected


DAMAGED = [b"\xff\xff", b"{}", b"3", b"[]", b'{"sources": 1}', b""]
DAMAGED += [
    b'{"version": "", "columns": {}, "options": {}, "sources": %s}' % sources
    for sources in (b"3", b"[3]", b'[{"path": "a"}]', b"[]")
]


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_manifest_that_is_damaged(tmp_path, damage):
    corpus, target = packed_shards(tmp_path, 2)
    expected = files_of(target)
    manifest = target / "_fastpack/manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(damage)
    with pytest.raises(SourceNotFoundError, match="holds no assignment"):
        read_assignment(target, {})
    for content in (damage, lines[0] + damage, lines[0] + lines[1] + damage + b"\n"):
        for overwrite in (False, True):
            manifest.write_bytes(content)
            pack(corpus, target, overwrite=overwrite)
            assert files_of(target) == expected


def test_what_changed_is_named(tmp_path):
    corpus, target = packed_shards(tmp_path, 3)
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


def test_a_plan_file_that_is_missing_or_of_another_job(tmp_path):
    corpus, target = packed_shards(tmp_path, 2)
    expected = files_of(target)
    plan = target / "_fastpack/plan.parquet"
    fastpack.plan(CORPUS["n_tokens"], context_length=64).save(plan, overwrite=True)
    assert pack(corpus, target).options.context_length == L
    assert files_of(target) == expected
    for damage in (plan.unlink, lambda: plan.write_text("no")):
        damage()
        pack(corpus, target)
        assert files_of(target) == expected


def test_two_runs_at_once(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2)
    target = tmp_path / "out"
    errors = []

    def run_another(progress):
        # After a shard: its worker has read the files of the manifest.
        if progress.step == "assign" and progress.shards == 1:
            with pytest.raises(OutputExistsError, match="another run is packing"):
                pack(corpus, target)
            code = RUN.replace('print("done"', 'print("packed"')
            errors.append(run_code(code, corpus, target).stderr)

    pack(corpus, target, progress=run_another)
    assert len(errors) == 1
    assert "another run is packing into" in errors[0]
    pack(corpus, target)  # and the lock is free again


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


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_byte_that_was_changed(tmp_path, is_complete):
    corpus = write_shards(tmp_path / "corpus", 3, CORPUS[:3000])
    whole, run, target = (tmp_path / name for name in ("whole", "run", "out"))
    pack(corpus, whole)
    expected = files_of(whole)

    def stop(progress):
        if progress.step == "assign" and progress.shards == 2:
            raise InterruptedError

    if is_complete:
        run = whole
    else:
        with ThreadPoolExecutor(1) as one, pytest.raises(InterruptedError):
            pack(corpus, run, executor=one, progress=stop)
        assert (run / "_fastpack/counts/2.parquet").exists()
    for name, place in change_bits(run, target, 6):
        try:
            pack(corpus, target)
        except OutputExistsError:
            # The job, and the output that was written last and is in no manifest.
            is_last = not is_complete and name == "part-2.parquet"
            assert name == "manifest.jsonl" or is_last
        else:
            assert files_of(target) == expected, (name, place)


def test_a_damaged_count_is_counted_again(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2)
    target = tmp_path / "out"

    def stop(progress):
        if progress.step == "assign":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        pack(corpus, target, progress=stop)
    counts = target / "_fastpack/counts/1.parquet"
    metadata = pl.read_parquet_metadata(counts)["fastpack"]
    other = pl.read_parquet(counts).with_columns(pl.col("documents") + 1)
    other.write_parquet(counts, metadata={"fastpack": metadata})
    pack(corpus, target)
    pack(corpus, tmp_path / "whole")
    assert files_of(target) == files_of(tmp_path / "whole")
