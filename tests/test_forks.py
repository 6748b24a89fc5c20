"""Forks after Polars has run are refused at once, not left to hang."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest

from command_line import run_code
from corpora import pack, write_shards
from fastpack import OptionError

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="forks are watched on Linux"
)

FORKED = """
import os, signal, sys
folder, moment = sys.argv[1:]
if moment == "after, on one core":  # threads have not run yet, and have no names
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import fastpack
import polars as pl
if moment.startswith("after"):
    pl.Series([3, 1]).sort()
elif moment == "streaming":
    pl.scan_parquet(folder + "/part-0.parquet").collect()
def attempt(name, function):
    signal.alarm(20)  # a hang
    try:
        function()
        print(name, "done", flush=True)
    except fastpack.ForkedProcessError as error:
        print(name, error, flush=True)
child = os.fork()
if child == 0:
    source = folder + "/part-0.parquet"
    attempt("lazy", lambda: fastpack.pack(pl.LazyFrame({"n_tokens": [3, 2]}),
                                          context_length=8).collect())
    attempt("pack", lambda: fastpack.pack([8, 6], context_length=8))
    attempt("plan", lambda: fastpack.plan([8, 6], context_length=8))
    attempt("files", lambda: fastpack.pack_files(source, folder + "/out/" + moment,
                                                 context_length=8))
    os._exit(0)
print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize(
    "moment", ["before", "after", "after, on one core", "streaming"]
)
def test_a_forked_child(tmp_path, moment):
    corpus = write_shards(tmp_path / "corpus", 1)
    process = run_code(FORKED, corpus, moment)
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert lines[-1] == "ended 0"
    if moment == "before":
        expected = [f"{name} done" for name in ("lazy", "pack", "plan", "files")]
        assert lines[:-1] == expected
    else:
        assert process.stdout.count("forked after Polars had run") == 4
        assert process.stdout.count("Hint: spawn processes") == 4


def test_an_executor_that_forks(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 1)
    fork = multiprocessing.get_context("fork")
    with (
        ProcessPoolExecutor(1, mp_context=fork) as executor,
        pytest.raises(OptionError, match=r"forks its processes.*\n.*spawn them"),
    ):
        pack(corpus, tmp_path / "out", executor=executor)
    assert not (tmp_path / "out").exists()
