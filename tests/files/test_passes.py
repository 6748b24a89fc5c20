"""One result for any number of workers."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import fastpack
from corpora import CORPUS, L, N, files_of, pack, read_shards, write_shards


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
