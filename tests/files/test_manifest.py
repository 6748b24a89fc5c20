"""The manifest of a target: what changed is named, what is damaged is done again."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import fastpack
from corpora import CORPUS, RUN, L, files_of, pack, write_shards
from fastpack import (
    OutputExistsError,
)


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


DAMAGED = [b"\xff\xff", b"{}", b"3", b"[]", b'{"sources": 1}', b""]
DAMAGED += [
    b'{"version": "", "columns": {}, "options": {}, "sources": %s}' % sources
    for sources in (b"3", b"[3]", b'[{"path": "a"}]')
]


@pytest.mark.parametrize("damage", DAMAGED)
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
