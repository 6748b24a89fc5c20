"""~ in the names of files: the home folder, as in a shell."""

import numpy as np
import polars as pl
import pytest

import fastpack
from command_line import fastpack_in_process
from fastpack.storage.location import as_path, expand_home, locate, path_here

FRAME = pl.DataFrame({"input_ids": [[1, 2], [3, 4]], "n_tokens": [2, 2]})


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    yield tmp_path / "home"
    assert not list((tmp_path / "elsewhere").iterdir())


def test_names(home):
    assert expand_home("~") == str(home)
    assert expand_home("~/a/*.parquet/") == f"{home}/a/*.parquet/"
    assert as_path("~/a") == locate("~/a") == path_here("~/a", "path") == home / "a"
    for name in ("a/~", "./~/a", "~no-such-user-here/a", "a~"):
        assert expand_home(name) == name


def test_packing(home):
    FRAME.write_parquet(home / "corpus.parquet")
    fastpack.pack_files("~/*.parquet", "~/assignment", context_length=4)
    assert (home / "assignment/corpus.parquet").exists()
    fastpack.pack_token_files("~/corpus.parquet", "~/sequences", context_length=4)
    figures = fastpack.verify_tokens(
        "~/sequences", "~/corpus.parquet", context_length=4
    )
    assert figures["n_bins"] == 1
    plan = fastpack.plan(FRAME, context_length=4)
    plan.save("~/plan.parquet")
    assert fastpack.PackingPlan.load("~/plan.parquet").n_bins == 1
    fastpack.write_sequences(FRAME.select("input_ids"), "~/a.npy")
    assert np.load(home / "a.npy").tolist() == [[1, 2], [3, 4]]
    (home / "corpus.arrow").unlink(missing_ok=True)
    FRAME.write_ipc(home / "corpus.arrow", compression="uncompressed")
    dataset = fastpack.PackedSequences(
        "~/assignment/corpus.parquet", "~/corpus.arrow", context_length=4
    )
    assert len(dataset) == 1


def test_commands(home):
    FRAME.write_parquet(home / "corpus.parquet")
    rules = ("--context-length", 4)
    for arguments in (
        ("pack", "~/corpus.parquet", *rules, "--output", "~/a.parquet"),
        ("pack-tokens", "~/corpus.parquet", *rules, "--output", "~/sequences/"),
        ("verify-tokens", "~/sequences"),
        ("convert", "~/sequences", "--output", "~/a.idx"),
        ("report", "~/corpus.parquet", *rules, "--output", "~/report.html"),
    ):
        assert fastpack_in_process(*arguments) == 0
    for name in ("a.parquet", "sequences", "a.idx", "report.html"):
        assert (home / name).exists()
