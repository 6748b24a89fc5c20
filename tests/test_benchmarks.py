"""Every benchmark runs, with all its parameters, on few documents."""

import importlib
import inspect
import itertools
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = ["checks", "frame", "kernels", "startup"]


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
