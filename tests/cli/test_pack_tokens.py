"""The command pack-tokens: what `pack_token_files` gives."""

import json
import signal
import subprocess
import sys
import time

import polars as pl
import pytest

import fastpack
from command_line import fastpack_in_process, run
from corpora import TOKENS, files_of, write_shards


@pytest.fixture
def corpus(tmp_path):
    return write_shards(tmp_path / "corpus", 3, TOKENS)


def exit_code(*command):
    try:
        return fastpack_in_process(*command)
    except SystemExit as error:  # of argparse
        return error.code


def test_the_arguments_are_those_of_the_function(corpus, tmp_path, capsys):
    arguments = [
        "pack-tokens", corpus, "--context-length", 64, "--output", tmp_path / "out",
        "--tokens", "input_ids", "--columns", "labels=-1", "loss_mask",
        "--boundaries", "cu_seqlens", "segment_ids", "--keep", "doc_id",
        "--pad-id", 0, "--bos-id", 7, "--eos-id", 8, "--compression", "zstd",
        "--compression-level", 1, "--by", "lang", "--block-documents", 200,
    ]  # fmt: skip
    assert fastpack_in_process(*arguments, "--json") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    account = fastpack.pack_token_files(
        corpus,
        tmp_path / "expected",
        context_length=64,
        columns={"labels": -1, "loss_mask": 0},
        boundaries=["cu_seqlens", "segment_ids"],
        keep="doc_id",
        pad_id=0,
        bos_id=7,
        eos_id=8,
        compression="zstd",
        compression_level=1,
        by="lang",
        block_documents=200,
    )
    expected = {"output": str(tmp_path / "out"), **account.as_dict()}
    assert json.loads(printed.out) == expected
    assert files_of(tmp_path / "out") == files_of(tmp_path / "expected")
    assert fastpack_in_process(*arguments) == 0
    assert "out is complete already: nothing was written" in capsys.readouterr().err
    assert fastpack_in_process(*arguments, "--no-resume") == 1
    assert "an earlier run packed into" in capsys.readouterr().err
    assert fastpack_in_process(*arguments, "--overwrite", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_the_defaults(corpus, tmp_path, capsys):
    output = f"{tmp_path}/out/"
    arguments = ["pack-tokens", corpus, "--context-length", 64, "--output", output]
    assert fastpack_in_process(*arguments, "--workers", 1) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    for text in (
        "sources: 3 files",
        "count: 3 of 3 sources, 600 documents",
        "pack: 1 of 1 blocks, 600 documents",
        "Packed into sequences of 64 tokens",
        "blocks",
        "sequences added by them",
        f"wrote {output}",
    ):
        assert text in printed.err
    sequences = pl.read_parquet(f"{output}*.parquet")
    assert sequences.equals(fastpack.pack_tokens(TOKENS, context_length=64))


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--context-length", 0], 2, "must be an integer from 1"),
        (["--context-length", 64, "--columns", "labels=x"], 2, "or NAME=PAD, got"),
        (["--context-length", 64, "--boundaries", "ends"], 2, "has an unknown name"),
        (["--context-length", 64, "--pad-id", 2**40], 2, "does not fit"),
        (["--context-length", 64, "--compression", "lzo"], 2, "is refused by Polars"),
        (["--context-length", 64, "--tokens", "ids"], 1, "a column that is absent"),
        (["--context-length", 64, "--tokens", "lang"], 1, "must hold lists"),
        (["--context-length", 64, "--length", "x"], 2, "unrecognized arguments"),
        (["--context-length", 64, "--columns", "a", "a=1"], 2, "each once, got ['a', "),
    ],
)
def test_wrong_usage_and_bad_data(corpus, tmp_path, capsys, arguments, code, text):
    command = ["pack-tokens", corpus, "--output", tmp_path / "out", *arguments]
    assert exit_code(*command) == code
    assert text in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_an_assignment_is_asked_of_sequences(corpus, tmp_path, capsys):
    arguments = [corpus, "--context-length", 64, "--output", tmp_path / "out"]
    assert fastpack_in_process("pack-tokens", *arguments, "--quiet") == 0
    for path in (tmp_path / "out", tmp_path / "out/sequences-000000.parquet"):
        assert fastpack_in_process("verify", path) == 1
        assert "holds training sequences, no assignment" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_that_is_ended(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 4, pl.concat([TOKENS] * 30))
    arguments = ["pack-tokens", corpus, "--context-length", 64, "--output"]
    options = ["--block-documents", 500, "--quiet"]
    command = [*arguments, tmp_path / "out", *options]
    process = subprocess.Popen([sys.executable, "-m", "fastpack", *map(str, command)])
    while not list(tmp_path.glob("out/*.parquet")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait() in (143, 0)
    assert not list(tmp_path.glob("out/.fastpack-*"))
    assert run(*arguments, tmp_path / "out", *options).returncode == 0
    assert run(*arguments, tmp_path / "whole", *options).returncode == 0
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


def test_names_of_files_are_no_folders(corpus, tmp_path, capsys):
    output = tmp_path / "sequences.parquet"
    command = ["pack-tokens", corpus, "--context-length", 64, "--output"]
    assert exit_code(*command, output) == 2
    assert "is a folder, got the name of a file" in capsys.readouterr().err
    assert not output.exists()
