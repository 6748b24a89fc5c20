"""The same table by any number of threads."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest
from test_golden import CASES, digest, documents_of, golden, plan_of  # noqa: F401

import fastpack
from fastpack import DataError, threads


def use_cores(monkeypatch, number):
    """As many threads as cores that need not be there, from 40 documents on."""
    monkeypatch.setattr(threads, "ROWS_A_THREAD", 40)
    monkeypatch.setattr(threads, "n_cores", lambda: number)


@pytest.fixture(params=[1, 2, 7])
def several(request, monkeypatch):
    use_cores(monkeypatch, request.param)


EVERY_FIFTH = list(CASES)[::5]


@pytest.mark.parametrize(
    ("number", "name"),
    [
        *((number, name) for number in (1, 2) for name in EVERY_FIFTH),
        *((7, name) for name in CASES),
    ],
)
def test_results_are_those_of_the_file(number, name, golden, monkeypatch):  # noqa: F811
    use_cores(monkeypatch, number)
    seed_and_bits, rules = CASES[name]
    documents = documents_of(seed_and_bits)
    assert digest(fastpack.pack(documents, **rules)) == golden[name]["rows"]
    plan = plan_of(documents, rules)
    assert [plan.n_chunks, plan.n_bins] == golden[name]["figures"][:2]


def test_columns_of_any_chunks(several):
    lengths = pl.Series("n_tokens", np.arange(700) % 97, dtype=pl.Int16)
    chunked = pl.concat([lengths[:3], lengths[3:500], lengths[500:]], rechunk=False)
    names = pl.Series("name", np.arange(700).astype(str))
    frame = pl.DataFrame([chunked, names])
    table = fastpack.pack(frame, context_length=64, keep="name")
    expected = fastpack.pack(lengths[:1000], context_length=64)
    assert table["bin"].equals(expected["bin"])
    assert table["name"].cast(pl.Int64).equals(expected["document"], check_names=False)
    histogram = fastpack.LengthHistogram.from_lengths(chunked)
    assert histogram.n_documents == 700
    assert histogram == fastpack.plan(lengths, context_length=64).histogram


@pytest.mark.parametrize("row", [0, 39, 350, 699])
def test_a_wrong_length_is_named_by_its_row(row, several):
    lengths = np.full(700, 5)
    lengths[row] = -3
    for call in (fastpack.pack, fastpack.plan):
        with pytest.raises(DataError, match=f"negative length: -3 in row {row} "):
            call(lengths, context_length=8)
    with pytest.raises(DataError, match=f"negative length: -3 in row {row} "):
        fastpack.LengthHistogram.from_lengths(lengths)


def test_compare(several):
    lengths = documents_of((1, 12))["n_tokens"]
    swept = fastpack.compare(lengths, context_length=[64, 100, 512, 4096])
    one_by_one = [
        fastpack.compare(lengths, context_length=each) for each in (64, 100, 512, 4096)
    ]
    assert swept.equals(pl.concat(one_by_one))


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"by": "source", "shuffle_seed": 7},
        {"long_documents": "drop"},
        {"shuffle_seed": 0, "bins_multiple": 8, "extra_tokens": 2},
    ],
)
@pytest.mark.parametrize("bins", [11, 1000])  # summed up at a time
def test_verify(rules, bins, several, small_batches):
    small_batches(batch=50, bins=bins)
    documents = documents_of((1, 12))
    table = fastpack.pack(documents, context_length=512, **rules)
    found = fastpack.verify(table, documents, context_length=512, **rules)
    figures = fastpack.plan(documents, context_length=512, **rules).figures()
    both = figures.keys() & found.keys()
    assert len(both) >= 8
    assert {name: found[name] for name in both} == {
        name: figures[name] for name in both
    }
    counts = table["bin"].drop_nulls().value_counts()["count"]
    assert found["chunks_per_bin_max"] == counts.max()


def test_the_first_error_is_raised_when_all_have_ended():
    ended = []

    def call(number):
        ended.append(number)
        if number:
            msg = f"{number}"
            raise ValueError(msg)
        return number

    with pytest.raises(ValueError, match="1"):
        threads.map_in_threads(call, range(3))
    assert sorted(ended) == [0, 1, 2]
    assert threads.map_in_threads(call, [0]) == [0]


def test_many_callers_at_once(several):
    documents = documents_of((1, 12))
    expected = fastpack.pack(documents, context_length=512, by="source")
    with ThreadPoolExecutor(16) as executor:
        tables = executor.map(
            lambda _: fastpack.pack(documents, context_length=512, by="source"),
            range(64),
        )
        assert all(table.equals(expected) for table in tables)


ONE_CORE = """
import threading
import numpy as np
import fastpack
table = fastpack.pack(np.arange(2_000_000) % 3000, context_length=2048)
print(table["bin"].max(), threading.active_count())
"""


@pytest.mark.slow
def test_one_core_starts_no_thread():
    counted = []
    for cores in ("1", "3"):
        environment = {**os.environ, "POLARS_MAX_THREADS": cores}
        run = subprocess.run(
            [sys.executable, "-c", ONE_CORE],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        counted.append(run.stdout.split())
    (bins, alone), (same_bins, several) = counted
    assert bins == same_bins
    assert (int(alone), int(several)) == (1, 3)


AFTER_FORK = """
import os
import sys
from fastpack import threads
threads.n_cores = lambda: 3
assert threads.map_in_threads(abs, [-1, -2, -3]) == [1, 2, 3]
child = os.fork()
if child == 0:
    os._exit(0 if threads.map_in_threads(abs, [-1, -2, -3]) == [1, 2, 3] else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_the_pool_of_a_parent_is_not_waited_for():
    # The threads of a parent are not in its child: a pool would wait for ever.
    command = [sys.executable, "-c", AFTER_FORK]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
