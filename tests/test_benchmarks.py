"""Every benchmark runs, with all its parameters, on few documents."""

import importlib
import inspect
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oracle import Rules, best_fit_decreasing

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.stem for path in ROOT.glob("benchmarks/bench_*.py"))


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.setenv("FASTPACK_BENCHMARK_DOCUMENTS", "300")
    monkeypatch.syspath_prepend(str(ROOT))
    yield lambda name: importlib.import_module(f"benchmarks.{name}")
    for name in [name for name in sys.modules if name.startswith("benchmarks")]:
        del sys.modules[name]


def benchmarks_in(module):
    for _, suite in inspect.getmembers(module, inspect.isclass):
        if suite.__module__ != module.__name__:
            continue
        for name, method in inspect.getmembers(suite, inspect.isfunction):
            if name.startswith(("time_", "timeraw_", "peakmem_", "track_")):
                yield suite, method


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_every_benchmark(benchmarks, module):
    n_runs = 0
    for suite, method in benchmarks_in(benchmarks(module)):
        for values in itertools.product(*getattr(suite, "params", ())):
            instance = suite()
            getattr(instance, "setup", lambda *_: None)(*values)
            result = method(instance, *values)
            if method.__name__.startswith("timeraw_"):
                compile(inspect.cleandoc(result), method.__name__, "exec")
            getattr(instance, "teardown", lambda *_: None)(*values)
            n_runs += 1
    assert n_runs > 0


@pytest.mark.slow
def test_peers(benchmarks, monkeypatch, capsys):
    peers = benchmarks("peers")
    arguments = ["peers.py", "--documents", "2000", "--workload", "hard"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--json"])
    peers.main()
    rows = json.loads(capsys.readouterr().out)
    for row in rows:
        assert row["valid"]
        assert row["seconds"] > 0
        assert (row["workload"], row["documents"]) == ("hard", 2000)
        assert {"bins", "exact", "peak_mb"} <= set(row)
    ours = {"fastpack.pack", "fastpack kernels", "per chunk, Numba"}
    exact = [row["exact"] for row in rows if row["peer"] in ours]
    assert exact == [True] * 3
    table = "\n".join(peers.markdown(rows, [2000]))
    assert "| hard | 2,000 | exact |" in table
    assert "| fastpack.pack |" in table


def test_what_peers_are_checked_for(benchmarks):
    lengths = np.array([3048, 1000, 1000, 48])
    chunks = np.array([2048, 1000, 1000, 1000, 48])

    def check(bins, offsets=None, chunks=chunks):
        arrays = [None if each is None else np.array(each) for each in (bins, offsets)]
        return benchmarks("peers").check(chunks, *arrays, lengths=lengths)

    bins, offsets = [0, 1, 1, 2, 1], [0, 0, 1000, 0, 2000]
    assert check(bins) == check(bins, offsets) == (True, True, 3, 3)
    assert check([0, 1, 2, 3, 1]) == (True, False, 4, 3)
    assert check([0, 1, 1, 1, 2]) == (False, False, 3, 3)  # too full
    assert check([0, 1, 1, 2], chunks=chunks[:4])[0] is False  # one is lost
    assert check(bins, [0, 0, 1000, 0, 2001])[0] is False  # a hole
    assert check(bins, [0, 0, 900, 0, 1900])[0] is False  # an overlap
    assert check(bins, offsets, chunks=chunks[[1, 0, 2, 3, 4]])[0] is False


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(0, 40), max_size=60), capacity=st.integers(1, 17))
def test_one_chunk_at_a_time(benchmarks, lengths, capacity):
    pack_one_by_one = benchmarks("per_chunk").pack_one_by_one
    chunks, bins, offsets = pack_one_by_one(np.array(lengths, np.int32), capacity)
    table = pl.DataFrame({"chunk": chunks, "bin": bins, "offset": offsets})
    held = table.sort("bin", "offset").group_by("bin", maintain_order=True)
    for _, part in held:  # one behind the other, none beyond the end
        ends = part["offset"] + part["chunk"]
        assert part["offset"].to_list() == [0, *ends[:-1]]
        assert ends[-1] <= capacity
    spaces = sorted(capacity - held.agg(pl.col("chunk").sum())["chunk"].to_numpy())
    assert spaces == sorted(best_fit_decreasing(chunks.tolist(), Rules(capacity)))


def test_undefined_names(benchmarks):
    source = benchmarks("undefined_names").Source(
        "import os\nLIMIT = 3\n\x0c\ndef f():\n    'é'; return os, LIMIT, len\nf()\n"
    )
    # import os LIMIT = 3 def f ( ) : ' é ' ; return os , LIMIT , len f ( )
    assert source.bound == {"os": [0], "LIMIT": [2], "f": [5]}
    assert sorted(source.uses) == [("LIMIT", 17), ("f", 20), ("os", 15)]
    assert source.undefined([]) == 0
    assert source.undefined([3]) == 2  # f is bound where it is used
    assert source.undefined([16]) == 2  # LIMIT and f
    assert source.undefined([3, 16]) == 3
    assert source.undefined([22]) == 0
