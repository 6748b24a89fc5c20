"""Engines: the same bytes on each, whatever dies on the way."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, wait

import polars as pl
import pytest

import fastpack
from corpora import CORPUS, L, files_of, pack, read_shards, write_shards
from fastpack import DataError, EngineError, OptionError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def by_threads(tmp_path_factory):
    """Return a corpus of 32 shards, and the files of its assignment."""
    folder = tmp_path_factory.mktemp("by_threads")
    corpus = write_shards(folder / "corpus", 32)
    pack(corpus, folder / "out")
    return corpus, files_of(folder / "out")


@pytest.mark.parametrize("keep", [None, "doc_id"])
def test_the_same_bytes(tmp_path, on_engine, keep):
    corpus = write_shards(tmp_path / "corpus", 32)
    pack(corpus, tmp_path / "threads", keep=keep)
    pack(corpus, tmp_path / "engine", keep=keep, executor=on_engine)
    assert files_of(tmp_path / "engine") == files_of(tmp_path / "threads")
    whole = fastpack.pack(CORPUS, context_length=L, keep=keep)
    assert read_shards(tmp_path / "engine", 32).equals(whole)


def test_groups(tmp_path, on_engine):
    corpus = write_shards(
        tmp_path / "corpus", 5, CORPUS.with_columns(g=pl.int_range(pl.len()) % 50)
    )
    for name, executor in {"threads": None, "engine": on_engine}.items():
        pack(corpus, tmp_path / name, by="g", executor=executor)
    assert files_of(tmp_path / "engine") == files_of(tmp_path / "threads")


def test_blocks(tmp_path, on_engine):
    corpus = write_shards(tmp_path / "corpus", 5)
    for name, executor in {"threads": None, "engine": on_engine}.items():
        rules = {"block_documents": 3000, "shuffle_seed": 1}
        pack(corpus, tmp_path / name, executor=executor, **rules)
    assert files_of(tmp_path / "engine") == files_of(tmp_path / "threads")
    whole = fastpack.pack(CORPUS, context_length=L, **rules)
    assert read_shards(tmp_path / "engine", 5).equals(whole)


def die_once(marker, function, *arguments):
    """Call a function, and kill the worker before it can give the result back, once."""
    result = function(*arguments)
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return result


class Killing(Executor):
    """An executor that kills the worker of the fourth call of one pass, once."""

    def __init__(self, executor, function, marker):
        self.inner, self.function, self.marker = executor, function, marker
        self.n_workers, self.put = executor.n_workers, executor.put
        self.calls = 0

    def submit(self, function, *arguments):
        self.calls += function.__name__ == self.function
        if self.calls == 4:
            return self.inner.submit(die_once, self.marker, function, *arguments)
        return self.inner.submit(function, *arguments)


@pytest.fixture
def tests_travel():
    """Have functions of this module pickled by value: workers cannot import it."""
    cloudpickle = pytest.importorskip("cloudpickle")
    modules = [cloudpickle]
    if "ray" in sys.modules:  # it has its own
        from ray import cloudpickle as of_ray

        modules.append(of_ray)
    for module in modules:
        module.register_pickle_by_value(sys.modules[__name__])
    yield
    for module in modules:
        module.unregister_pickle_by_value(sys.modules[__name__])


@pytest.mark.parametrize("function", ["count_shard", "assign_shard"])
def test_a_worker_that_dies(tmp_path, by_threads, on_cluster, tests_travel, function):
    corpus, expected = by_threads
    marker = tmp_path / "died"
    pack(corpus, tmp_path / "out", executor=Killing(on_cluster, function, marker))
    assert marker.exists()
    assert files_of(tmp_path / "out") == expected


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_each_time(on_cluster, tests_travel):
    with pytest.raises(EngineError, match="lost the workers of a task, time and again"):
        on_cluster.submit(die).result()
    assert on_cluster.submit(abs, -1).result() == 1


def test_a_shard_with_bad_data(tmp_path, on_engine):
    corpus = write_shards(tmp_path / "corpus", 32)
    bad = corpus / "part-07.parquet"
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


@pytest.mark.parametrize("moment", ["count 5", "assign 0", "assign 5"])
def test_a_driver_that_dies(tmp_path, by_threads, on_cluster, moment):
    corpus, expected = by_threads
    target = tmp_path / "out"
    engine = on_cluster.engine.lower()
    command = [sys.executable, "-c", DRIVER, engine, address_of(on_cluster)]
    driver = subprocess.Popen(
        [*command, corpus, target], stdout=subprocess.PIPE, text=True
    )
    with driver:
        assert any(line.strip() == moment for line in driver.stdout)
        driver.kill()
    reports = []
    pack(corpus, target, executor=on_cluster, progress=reports.append)
    if moment == "assign 5":
        started = next(report for report in reports if report.step == "assign")
        assert 5 <= started.shards <= 32
    assert files_of(target) == expected


def test_calls_that_wait_are_cancelled(on_engine):
    running = [on_engine.submit(time.sleep, 0.5) for _ in range(4)]
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


def test_clusters_that_are_not_there(on_dask, on_ray, monkeypatch):
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
        assert executor.n_workers == 2
        assert executor.submit(abs, -1).result() == 1
    assert on_cluster.submit(abs, -1).result() == 1
