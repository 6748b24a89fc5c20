"""The command verify-tokens: what pack-tokens wrote, beside its documents."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

import fastpack
from command_line import fastpack_in_process
from corpora import TOKENS, write_shards

PACK = ["--context-length", 64, "--columns", "labels", "--eos-id", 7, "--quiet"]
RULES = {
    "blocks by tokens": [],
    "names": ["--keep", "doc_id", "lang", "--by", "lang", "--pad-id", 0],
    "blocks": ["--block-documents", 200, "--boundaries", "cu_seqlens", "chunk_starts"],
}


@pytest.fixture
def packed(tmp_path, capsys):
    """Pack a corpus; return a function that packs it by rules, and its folder."""
    corpus = write_shards(tmp_path / "corpus", 3, TOKENS)

    def pack(*rules):
        output = tmp_path / "out"
        command = ["pack-tokens", corpus, *PACK, *rules, "--output", output]
        assert fastpack_in_process(*command) == 0
        capsys.readouterr()
        return corpus, output

    return pack


@pytest.fixture
def small_blocks(monkeypatch):
    """Cut blocks of few tokens, so that they leave some to a last one."""
    monkeypatch.setattr("fastpack.files.token_blocks._WEIGHT", 2000)


@pytest.mark.parametrize("rules", RULES)
def test_what_pack_tokens_wrote(rules, packed, small_blocks, capsys):
    corpus, output = packed(*RULES[rules])
    assert len(list(output.glob("*.parquet"))) > 2
    assert fastpack_in_process("verify-tokens", output) == 0
    printed = capsys.readouterr()
    assert "A valid packing into sequences of 64 tokens" in printed.out
    assert f"verified {output}" in printed.err
    assert ("Not checked" in printed.out) == (rules == "names")
    assert fastpack_in_process("verify-tokens", output, "--json") == 0
    described = json.loads(capsys.readouterr().out)
    figures, options = described["figures"], described["options"]
    assert options["context_length"] == 64
    account = json.loads((output / "_fastpack/account.json").read_text())["figures"]
    for name in ("n_documents", "n_tokens", "n_bins", "packed", "padding"):
        assert figures[name] == account[name]
    # The same from Python, and of documents that lie elsewhere.
    corpus.rename(corpus.with_name("moved"))
    assert fastpack_in_process("verify-tokens", output) == 1
    assert "no such file or folder: " in capsys.readouterr().err
    moved = corpus.with_name("moved")
    assert fastpack_in_process("verify-tokens", output, "--source", moved) == 0


def test_other_documents(packed, capsys):
    corpus, output = packed()
    path = sorted(corpus.glob("*.parquet"))[1]
    documents = pl.read_parquet(path)
    documents.reverse().write_parquet(path)
    assert fastpack_in_process("verify-tokens", output) == 1
    message = capsys.readouterr().err
    assert f"{path} was changed since it was packed; document 200 is not in" in message
    documents[1:].write_parquet(path)
    assert fastpack_in_process("verify-tokens", output) == 1
    assert "names a document that is none of the 599" in capsys.readouterr().err


def test_sequences_of_other_bytes(packed, capsys):
    _, output = packed()
    path = output / "sequences-000000.parquet"
    sequences = pl.read_parquet(path)
    sequences.reverse().write_parquet(path)
    assert fastpack_in_process("verify-tokens", output) == 1
    assert "was changed" in capsys.readouterr().err


def test_folders_that_are_not_complete(packed, capsys):
    _, output = packed()
    (output / "_fastpack/account.json").unlink()
    assert fastpack_in_process("verify-tokens", output) == 1
    assert "is not complete: run the same command again" in capsys.readouterr().err
    shutil.copy(output / "sequences-000000.parquet", output / "other.parquet")
    assert fastpack_in_process("verify-tokens", output) == 1
    assert "none of its run" in capsys.readouterr().err


def test_folders_of_other_commands(packed, tmp_path, capsys):
    corpus, _ = packed()
    fastpack.pack_files(
        corpus, tmp_path / "rows", pl.col("input_ids").list.len(), context_length=64
    )
    for folder in (tmp_path / "rows", corpus, tmp_path / "nowhere"):
        assert fastpack_in_process("verify-tokens", folder) == 1
        assert "holds no training sequences" in capsys.readouterr().err


def test_sources_of_a_format_that_no_suffix_says(tmp_path, capsys):
    # Three documents, by their end-of-document id 9, in a file of tokens alone.
    tokens = np.array([1, 2, 9, 3, 9, 4, 5, 6, 9], np.uint16)
    source, output = tmp_path / "train.bin", tmp_path / "out"
    tokens.tofile(source)
    command = ["pack-tokens", source, "--source-format", "flat:dtype=uint16,end=9"]
    command += ["--context-length", 4, "--output", output, "--quiet"]
    assert fastpack_in_process(*command) == 0
    assert fastpack_in_process("verify-tokens", output) == 0
    assert fastpack_in_process("verify-tokens", output, "--source", source) == 0
    tokens[0] = 8
    tokens.tofile(source)
    capsys.readouterr()
    assert fastpack_in_process("verify-tokens", output) == 1
    assert (
        "was changed since it was packed; document 0 is not" in capsys.readouterr().err
    )
