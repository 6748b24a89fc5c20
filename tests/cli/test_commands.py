"""The commands: each gives what its function gives."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest

import fastpack
from command_line import FRAME, fastpack_in_process, run
from fastpack.cli import display


def test_pack(source, tmp_path, capsys):
    output = tmp_path / "out.parquet"
    code = fastpack_in_process(
        "pack", source, "--context-length", 8, "--output", output, "--keep", "doc_id"
    )
    assert code == 0
    expected = fastpack.pack(FRAME, context_length=8, keep="doc_id")
    assert pl.read_parquet(output).equals(expected)
    printed = capsys.readouterr()
    assert printed.out == ""
    for text in ("sequences of 8 tokens", "efficiency", "84.375 %", f"wrote {output}"):
        assert text in printed.err


def test_pack_json_is_what_the_file_carries(source, tmp_path, capsys):
    output = tmp_path / "out.parquet"
    code = fastpack_in_process(
        "pack", source, "--length", "n_tokens", "--context-length", 4,
        "--long-documents", "truncate", "--output", output, "--json",
    )  # fmt: skip
    assert code == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    figures = json.loads(printed.out)
    assert figures.pop("output") == str(output)
    assert figures["options"]["context_length"] == 4
    assert figures["options"]["long_documents"] == "truncate"
    assert figures["figures"]["truncated"] == 8
    assert figures == json.loads(pl.read_parquet_metadata(output)["fastpack"])


def test_plan_gives_the_figures_of_pack(source, tmp_path, capsys):
    output = tmp_path / "out.parquet"
    context_length = ["--context-length", 8]
    fastpack_in_process("pack", source, *context_length, "--output", output, "--json")
    packed = json.loads(capsys.readouterr().out)
    assert fastpack_in_process("plan", source, *context_length, "--json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned.pop("quality")["chunks_per_bin_max"] == 2
    assert planned == {key: packed[key] for key in ("version", "options", "figures")}
    assert fastpack_in_process("plan", source, source.parent, *context_length) == 2
    assert fastpack_in_process("plan", source, *context_length) == 0
    assert "84.375 %" in capsys.readouterr().out
    assert fastpack_in_process("plan", source, *context_length, "--length", "n") == 1
    assert "documents.parquet: `length` names" in capsys.readouterr().err
    FRAME.with_columns(n_tokens=None).write_parquet(source)
    assert fastpack_in_process("plan", source, *context_length) == 1
    assert "`n_tokens` has null lengths: 5" in capsys.readouterr().err


def test_plan_of_every_kind_of_source(tmp_path, capsys):
    frame = FRAME.select("n_tokens")
    frame.write_csv(tmp_path / "1.csv")
    frame.clear().write_csv(tmp_path / "2.csv")
    frame.write_ndjson(tmp_path / "3.ndjson")
    frame.write_ipc_stream(tmp_path / "4.arrow")
    assert fastpack_in_process("plan", tmp_path, "--context-length", 8, "--json") == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert (figures["n_documents"], figures["n_tokens"]) == (15, 81)


def test_pack_tokens_from_several_sources(tmp_path):
    for number, ids in enumerate([[[1, 2, 3], []], [[4] * 8]]):
        pl.DataFrame({"ids": ids}).write_ndjson(tmp_path / f"{number}.ndjson")
    output = tmp_path / "out.parquet"
    code = fastpack_in_process(
        "pack", tmp_path / "*.ndjson", "--tokens", "ids", "--context-length", 8,
        "--output", output,
    )  # fmt: skip
    assert code == 0
    table = pl.read_parquet(output)
    assert table["document"].to_list() == [0, 1, 2]
    assert table["bin"].to_list() == [1, None, 0]


def test_pack_into_a_folder(tmp_path, capsys):
    corpus, target = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    FRAME[:3].write_parquet(corpus / "part-10.parquet")
    FRAME[3:].write_csv(corpus / "part-2.csv")
    command = ["pack", corpus, "--context-length", 8, "--output", f"{target}/"]
    assert fastpack_in_process(*command, "--workers", 2) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    for text in (
        "sources: 2 files",
        "count: 2 of 2 sources, 5 documents",
        "assign: 2 of 2 sources, 5 documents",
        "84.375 %",
        f"wrote {target}/",
    ):
        assert text in printed.err
    names = ("part-10", "part-2")
    parts = [pl.read_parquet(target / f"{name}.parquet") for name in names]
    assert pl.concat(parts).equals(fastpack.pack(FRAME, context_length=8))
    assert fastpack_in_process(*command, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert fastpack_in_process(*command, "--no-resume") == 1
    assert "an earlier run packed into" in capsys.readouterr().err
    keep = ["--keep", "doc_id"]
    assert fastpack_in_process(*command, *keep) == 1
    assert "keep was None, is ['doc_id']" in capsys.readouterr().err
    # The folder exists now: it needs no slash.
    command[-1] = target
    assert fastpack_in_process(*command, *keep, "--overwrite", "--json") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out)["figures"]["n_bins"] == 4
    command[-1] = tmp_path / "out.parquet"
    assert fastpack_in_process(*command, "--workers", 2) == 2
    assert "slash at the end" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        fastpack_in_process(*command, "--workers", 0)


def test_verify(tmp_path, capsys):
    corpus, target = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    FRAME[:3].write_parquet(corpus / "part-10.parquet")
    FRAME[3:].cast({"n_tokens": pl.Int16}).write_parquet(corpus / "part-2.parquet")
    pack = ["pack", corpus, "--context-length", 8, "--extra-tokens", 1, "--quiet"]
    one = tmp_path / "one.parquet"
    assert fastpack_in_process(*pack, "--output", f"{target}/", "--by", "doc_id") == 0
    assert fastpack_in_process(*pack, "--output", one) == 0
    assert fastpack_in_process("verify", target, "--source", corpus) == 0
    printed = capsys.readouterr()
    assert "A valid packing into sequences of 8 tokens" in printed.out
    assert re.search(r"groups checked +│ +yes", printed.out)
    assert re.search(r"chunks per sequence max +│ +1 ", printed.out)
    assert printed.err == f"sources: 2 files\nverified {target}\n"
    assert fastpack_in_process("verify", one, "--json") == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert (figures["n_documents"], figures["lengths_checked"]) == (5, False)
    assert fastpack_in_process("verify", one, "--source", corpus, "--length", "x") == 1
    table = pl.read_parquet(one)
    metadata = pl.read_parquet_metadata(one)
    for changed, message in (
        (table.with_columns(bin_offset=pl.lit(0, pl.Int32)), "not filled from its"),
        (table[:-1], "when"),
        (table.drop("bin"), "names a column that is absent: 'bin'"),
    ):
        changed.write_parquet(one, metadata={"fastpack": metadata["fastpack"]})
        assert fastpack_in_process("verify", one) == 1
        assert message in capsys.readouterr().err
    table.write_parquet(one)
    assert fastpack_in_process("verify", one) == 2
    printed = capsys.readouterr().err
    assert "does not say by which rules" in printed
    assert "--context-length" in printed
    part = target / "part-10.parquet"
    part.rename(target / "part-3.parquet")
    assert fastpack_in_process("verify", target) == 1
    assert "part-10.parquet is missing" in capsys.readouterr().err
    (target / "part-2.parquet").rename(part)
    assert fastpack_in_process("verify", target) == 1
    assert "was changed" in capsys.readouterr().err
    assert fastpack_in_process("verify", corpus) == 1
    assert "holds no assignment" in capsys.readouterr().err
    assert fastpack_in_process("verify", tmp_path / "absent") == 1
    assert "no assignment at" in capsys.readouterr().err


def test_compare(source, capsys):
    assert fastpack_in_process("compare", source, "--context-length", 8, 16) == 0
    shown = capsys.readouterr().out
    assert "Sequences of 8 tokens" in shown
    assert "Sequences of 16 tokens" in shown
    lengths = ["--context-length", 8, "--context-length", 4, "--extra-tokens", 1]
    assert fastpack_in_process("compare", source, *lengths, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    expected = fastpack.compare(
        FRAME["n_tokens"], context_length=[8, 4], extra_tokens=1
    )
    assert rows == expected.to_dicts()
    assert fastpack_in_process("compare", source, "--length", "doc_id") == 1


def test_tables_in_a_file_are_whole(tmp_path):
    # Numbers that make the table wider than 80 columns, and names that would fold it.
    source = tmp_path / f"{'name ' * 20}.parquet"
    lengths = [2**50, 2**50 + 1, *[3] * 4, 2**40 + 1]
    pl.DataFrame({"n_tokens": lengths}).write_parquet(source)
    output = tmp_path / f"{'long ' * 20}.parquet"
    small, large = ["--context-length", "1048576"], ["--context-length", "1073741824"]
    assert fastpack_in_process("pack", source, *large, "--output", output) == 0
    plan = fastpack.plan(np.array(lengths), context_length=2**20)
    compared = fastpack.compare(np.array(lengths), context_length=2**20)
    left_out = compared["tokens_left_out"].max()
    for command, number, note in (
        (["plan", source, *small], plan.n_bins, ""),
        (["compare", source, *small], left_out, ""),
        (["verify", output, "--source", source], sum(lengths), f"verified {output}\n"),
    ):
        path = tmp_path / "printed"
        with path.open("w") as file:
            shown = subprocess.run(
                [sys.executable, "-m", "fastpack", *map(str, command)],
                stdout=file,
                stderr=subprocess.PIPE,
                env={**os.environ, "COLUMNS": "40"},
                text=True,
                check=True,
            )
        assert shown.stderr == note
        text = path.read_text("utf-8")
        assert f" {number:,} │" in text
        assert "…" not in text
        table = [line for line in text.splitlines() if line.endswith(("│", "┃"))]
        assert {line.count("│") + line.count("┃") for line in table} <= {3, 5}
        assert "\x1b" not in text


def test_every_figure_has_a_label():
    plan = fastpack.plan(np.array([8, 6]), context_length=8)
    assert list(display._PLAN) == list(plan.figures())
    account = fastpack.TokenAccount(plan, plan.options, n_bins=2, n_blocks=2)
    assert list({**display._PLAN, **display._BLOCKS}) == list(account.figures())
    assert {*display._QUALITY, "n_bins", "lower_bound"} == set(fastpack.quality(plan))
    compared = {"strategy", "context_length", *display._COMPARISON}
    assert compared == set(fastpack.compare(np.array([8, 6])).columns)


def test_an_existing_output_is_refused_without_overwrite(source, tmp_path, capsys):
    output = tmp_path / "out.parquet"
    output.write_text("mine")
    command = ["pack", source, "--context-length", 8, "--output", output]
    assert fastpack_in_process(*command) == 1
    assert "exists already" in capsys.readouterr().err
    assert output.read_text() == "mine"
    assert fastpack_in_process(*command, "--overwrite") == 0
    assert pl.read_parquet(output).height == 5


@pytest.fixture
def large_source(tmp_path):
    # Random ids do not compress: writing them takes a moment, and 8 MB.
    rng = np.random.default_rng(0)
    path = tmp_path / "large.parquet"
    frame = pl.DataFrame(
        {
            "doc_id": rng.integers(0, 2**62, 1_000_000),
            "n_tokens": rng.integers(1, 4000, 1_000_000),
        }
    )
    frame.write_parquet(path)
    return path


@pytest.mark.slow
def test_a_full_disk(large_source, tmp_path):
    output = tmp_path / "out.parquet"
    output.write_text("mine")

    def limit():
        # What a full disk does to a write: it fails midway.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    failed = run(
        "pack", large_source, "--keep", "doc_id", "--context-length", 2048,
        "--output", output, "--overwrite", preexec_fn=limit,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
    )  # fmt: skip
    assert failed.returncode == 1
    assert failed.stderr.startswith("fastpack: error: ")
    assert "Traceback" not in failed.stderr
    assert output.read_text() == "mine"
    assert not list(tmp_path.glob(".fastpack-*"))


@pytest.mark.slow
def test_killed_while_it_writes(large_source, tmp_path):
    output = tmp_path / "out.parquet"
    command = [
        sys.executable, "-m", "fastpack", "pack", large_source, "--keep", "doc_id",
        "--context-length", "2048", "--output", output,
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".fastpack-*.tmp")) and process.poll() is None:
        assert time.monotonic() < deadline
    process.kill()
    process.wait()
    # Either the kill came in time, or the whole file is there: never half of it.
    if process.returncode == -signal.SIGKILL and output.exists():
        assert pl.read_parquet(output).height > 1_000_000
    if process.returncode == -signal.SIGKILL and not output.exists():
        assert list(tmp_path.glob(".fastpack-*.tmp"))
    assert run(*command[3:], "--overwrite").returncode == 0
    assert pl.read_parquet(output)["bin"].null_count() == 0


def test_numpy_files_are_lengths(tmp_path, capsys):
    np.save(tmp_path / "lengths.npy", np.array([5, 3, 9]))
    plan = ["plan", tmp_path / "lengths.npy", "--context-length", 8]
    assert fastpack_in_process(*plan) == 0
    assert "lengths: the numbers in .npy files" in capsys.readouterr().err
    assert fastpack_in_process(*plan, "--source-format", "npy-lengths") == 0
    assert "lengths: the numbers" not in capsys.readouterr().err
