"""Engines: the same bytes on each, whatever dies on the way."""

import operator
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import wait

import polars as pl
import pytest

import fastpack
from clusters import Killing, die
from corpora import (
    CORPUS,
    TOKENS,
    L,
    N,
    files_of,
    pack,
    pack_tokens_of,
    read_shards,
    write_shards,
)
from fastpack import DataError, EngineError, OptionError

pytestmark = pytest.mark.slow

TOKEN_RULES = {"block_documents": 100, "keep": "doc_id"}


@pytest.fixture(scope="module")
def by_threads(tmp_path_factory):
    """Return a corpus of 32 shards, and the files of its assignment."""
    folder = tmp_path_factory.mktemp("by_threads")
    corpus = write_shards(folder / "corpus", 32)
    pack(corpus, folder / "out")
    return corpus, files_of(folder / "out")


@pytest.fixture(scope="module")
def tokens_by_threads(tmp_path_factory):
    """Return a corpus of 4 files of tokens, and the files of its sequences."""
    folder = tmp_path_factory.mktemp("tokens_by_threads")
    corpus = write_shards(folder / "corpus", 4, TOKENS)
    pack_tokens_of(corpus, folder / "out", **TOKEN_RULES)
    return corpus, files_of(folder / "out")


def test_the_same_bytes(tmp_path, by_threads, on_engine):
    corpus, expected = by_threads
    pack(corpus, tmp_path / "out", executor=on_engine)
    assert files_of(tmp_path / "out") == expected
    whole = fastpack.pack(CORPUS, context_length=L)
    assert read_shards(tmp_path / "out", 32).equals(whole)


def test_tokens(tmp_path, tokens_by_threads, on_engine):
    corpus, expected = tokens_by_threads
    pack_tokens_of(corpus, tmp_path / "out", executor=on_engine, **TOKEN_RULES)
    assert files_of(tmp_path / "out") == expected


RULES = {
    "groups": {"by": "g", "keep": "doc_id"},
    "blocks": {"block_documents": 3000, "shuffle_seed": 1},
}


@pytest.mark.parametrize("rules", RULES)
def test_rules(tmp_path, on_engine, rules):
    documents = CORPUS.with_columns(g=pl.int_range(pl.len()) % 50)
    corpus = write_shards(tmp_path / "corpus", 5, documents)
    for name, executor in {"threads": None, "engine": on_engine}.items():
        pack(corpus, tmp_path / name, executor=executor, **RULES[rules])
    assert files_of(tmp_path / "engine") == files_of(tmp_path / "threads")
    if rules == "blocks":  # which depend on the number of documents in other shards
        whole = fastpack.pack(CORPUS, context_length=L, **RULES[rules])
        assert read_shards(tmp_path / "engine", 5).equals(whole)


def test_searches(tmp_path, on_engine):
    number = pl.int_range(N)
    frame = CORPUS.with_columns(n_tokens=number % 17 + 7 * number % 19 + 21)
    corpus = write_shards(tmp_path / "corpus", 5, frame)
    rules = {"block_documents": 7000, "strategy": "optimal"}
    plan = pack(corpus, tmp_path / "engine", executor=on_engine, **rules)
    whole = fastpack.pack(frame, context_length=L, **rules)
    assert read_shards(tmp_path / "engine", 5).equals(whole)
    assert plan.certificate.iterations > 0


@pytest.mark.parametrize("function", ["count_shard", "assign_shard"])
def test_a_worker_that_dies(tmp_path, by_threads, on_cluster, kills_travel, function):
    corpus, expected = by_threads
    marker = tmp_path / "died"
    pack(corpus, tmp_path / "out", executor=Killing(on_cluster, function, marker))
    assert marker.exists()
    assert files_of(tmp_path / "out") == expected


@pytest.mark.parametrize("function", ["count_shard", "assign_shard"])
def test_a_process_that_dies(tmp_path, by_threads, function):
    corpus, expected = by_threads
    marker = tmp_path / "died"
    with fastpack.engines.process_executor(workers=2) as processes:
        executor = Killing(processes, function, marker)
        with pytest.raises(EngineError, match=r"lost a worker: .*\nHint: is there"):
            pack(corpus, tmp_path / "out", executor=executor)
    assert marker.exists()
    pack(corpus, tmp_path / "out")
    assert files_of(tmp_path / "out") == expected


@pytest.mark.parametrize("function", ["count_source_rows", "pack_one_block"])
def test_a_worker_that_dies_with_tokens(
    tmp_path, tokens_by_threads, on_dask, kills_travel, function
):
    corpus, expected = tokens_by_threads
    marker = tmp_path / "died"
    executor = Killing(on_dask, function, marker)
    pack_tokens_of(corpus, tmp_path / "out", executor=executor, **TOKEN_RULES)
    assert marker.exists()
    assert files_of(tmp_path / "out") == expected


def loses_its_workers(executor):
    with pytest.raises(EngineError, match="lost the workers of a task, time and again"):
        executor.submit(die).result()
    return executor.submit(abs, -1).result() == 1


def test_a_worker_of_ray_that_dies_each_time(on_ray, kills_travel, monkeypatch):
    # By default it may die three times.
    monkeypatch.setattr(on_ray, "_task", on_ray._task.options(max_retries=0))
    assert loses_its_workers(on_ray)


def test_a_worker_of_dask_that_dies_each_time(kills_travel, monkeypatch):
    distributed = pytest.importorskip("distributed")
    # A cluster of its own: a worker that dies while it starts is lost to Dask for good.
    local = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
    )
    with local as cluster:
        monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
        address = cluster.scheduler_address
        with fastpack.engines.dask_executor(address) as executor:
            assert loses_its_workers(executor)


def test_a_shard_with_bad_data(tmp_path, on_engine):
    corpus = write_shards(tmp_path / "corpus", 8)
    bad = corpus / "part-5.parquet"
    pl.DataFrame({"n_tokens": [3, -1]}).write_parquet(bad)
    messages = []
    for name, executor in {"threads": None, "engine": on_engine}.items():
        with pytest.raises(DataError) as raised:
            pack(corpus, tmp_path / name, executor=executor)
        assert type(raised.value) is DataError
        messages.append(str(raised.value))
    assert messages[0] == messages[1]
    assert str(bad) in messages[0]
    # Nothing runs any longer, and all workers are free.
    calls = [on_engine.submit(time.sleep, 0) for _ in range(8)]
    assert not wait(calls, timeout=30).not_done
    CORPUS[:10].write_parquet(bad)
    for name, executor in {"threads": None, "engine": on_engine}.items():
        pack(corpus, tmp_path / name, executor=executor, overwrite=True)
    assert files_of(tmp_path / "engine") == files_of(tmp_path / "threads")


def test_tokens_with_bad_data(tmp_path, on_cluster):
    corpus = write_shards(tmp_path / "corpus", 4, TOKENS)
    bad = corpus / "part-2.parquet"
    bad.write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(DataError, match=f"{bad} cannot be read") as raised:
        pack_tokens_of(corpus, tmp_path / "out", executor=on_cluster, **TOKEN_RULES)
    assert type(raised.value) is DataError


DRIVER = """
import sys
import fastpack
engine, address, corpus, target = sys.argv[1:]
with getattr(fastpack.engines, f"{engine}_executor")(address) as executor:
    fastpack.pack_files(
        corpus,
        target,
        context_length=128,
        executor=executor,
        progress=lambda progress: print(progress.step, progress.shards, flush=True),
    )
"""
"""Packs the files of one folder into another, on a cluster of other processes."""


def address_of(executor):
    if executor.engine == "Dask":
        from distributed import Client

        return Client.current().scheduler.address
    import ray

    return ray.get_runtime_context().gcs_address


@pytest.mark.parametrize(
    ("engine", "moment"),
    [("dask", "count 5"), ("ray", "assign 5")],
)
def test_a_driver_that_dies(tmp_path, request, by_threads, engine, moment):
    executor = request.getfixturevalue(f"on_{engine}")
    corpus, expected = by_threads
    target = tmp_path / "out"
    command = [sys.executable, "-c", DRIVER, engine, address_of(executor)]
    driver = subprocess.Popen(
        [*command, corpus, target], stdout=subprocess.PIPE, text=True
    )
    with driver:
        assert any(line.strip() == moment for line in driver.stdout)
        driver.kill()
    reports = []
    pack(corpus, target, executor=executor, progress=reports.append)
    if moment == "assign 5":
        started = next(report for report in reports if report.step == "assign")
        assert 5 <= started.shards <= 32
    assert files_of(target) == expected


def test_an_interrupt_by_the_terminal(tmp_path, by_threads):
    pytest.importorskip("distributed")
    corpus, expected = by_threads
    target = tmp_path / "out"
    command = [sys.executable, "-m", "fastpack", "pack", corpus, "--context-length", L]
    command += ["--engine", "dask", "--workers", 2, "--output", f"{target}/"]
    with subprocess.Popen(
        list(map(str, command)),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        while run.poll() is None and not (target / "_fastpack/counts").exists():
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGINT)  # the workers get it, too
        _, told = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "fastpack: error: interrupted\n" in told
    pack(corpus, target)
    assert files_of(target) == expected


def test_a_process_reads_a_value_once():
    with fastpack.engines.process_executor(workers=1) as executor:
        lists = executor.put([1]), executor.put([2])
        calls = [executor.submit(operator.iadd, *lists) for _ in range(2)]
        assert [call.result() for call in calls] == [[1, 2], [1, 2, 2]]


def test_calls_that_wait_are_cancelled(on_engine):
    running = [on_engine.submit(time.sleep, 0.2) for _ in range(4)]
    waiting = [on_engine.submit(time.sleep, 60) for _ in range(4)]
    assert all(call.cancel() for call in waiting[-1:])
    for call in waiting:
        call.cancel()
    assert not wait(running, timeout=30).not_done


def test_keywords_and_values(on_engine):
    assert on_engine.n_workers == 2
    assert on_engine.submit(int, "11", base=2).result() == 3
    value = on_engine.put([3, 1, 2])
    assert on_engine.submit(sorted, value).result() == [1, 2, 3]
    assert on_engine.submit(sorted, value, reverse=True).result() == [3, 2, 1]
    with pytest.raises(ZeroDivisionError):
        on_engine.submit(divmod, 1, 0).result()


def test_the_executor_of_a_dask_client(tmp_path, by_threads, on_dask):
    from distributed import Client

    corpus, expected = by_threads
    pack(corpus, tmp_path / "out", executor=Client.current().get_executor())
    assert files_of(tmp_path / "out") == expected


def test_clusters_that_are_not_there(on_dask, on_ray):
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}),
        pytest.raises(EngineError, match=r"no Dask cluster is at .tcp:"),
    ):
        fastpack.engines.dask_executor("tcp://127.0.0.1:9")
    with pytest.raises(OptionError, match="connected to a Ray cluster already"):
        fastpack.engines.ray_executor("auto")
    for make in (fastpack.engines.dask_executor, fastpack.engines.ray_executor):
        with pytest.raises(OptionError, match="`workers` must be at least 1, got 0"):
            make(workers=0)


def test_clusters_that_are_used_stay_open(on_cluster):
    make = getattr(fastpack.engines, f"{on_cluster.engine.lower()}_executor")
    with make() as executor:
        assert executor.n_workers in (1, 2)  # Dask may have lost one for good
        assert executor.submit(abs, -1).result() == 1
    assert on_cluster.submit(abs, -1).result() == 1


def test_the_commands(tmp_path, by_threads, tokens_by_threads, on_cluster):
    from fastpack.cli.main import main

    engine = ["--engine", on_cluster.engine.lower()]  # the one that is connected
    corpus, expected = by_threads
    target = f"{tmp_path}/out/"
    command = ["pack", str(corpus), "--output", target, "--context-length", str(L)]
    assert main([*command, *engine]) == 0
    assert files_of(tmp_path / "out") == expected
    corpus, expected = tokens_by_threads
    rules = ["--context-length", "64", "--block-documents", "100", "--keep", "doc_id"]
    rules += ["--boundaries", "seq_lengths", "chunk_starts"]
    target = f"{tmp_path}/tokens/"
    assert main(["pack-tokens", str(corpus), "--output", target, *rules, *engine]) == 0
    assert files_of(tmp_path / "tokens") == expected
