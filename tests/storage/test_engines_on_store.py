"""Engines on an object store: the same bytes, whatever dies on the way."""

import os
import subprocess
import sys

import polars as pl
import pytest

import fastpack
from clusters import Killing
from corpora import (
    CORPUS,
    TOKENS,
    L,
    files_of,
    name_of_shard,
    pack,
    pack_tokens_of,
    write_shards,
)
from fastpack.storage.access import remove
from fastpack.storage.location import parse_url
from stores import make_bucket, options_for, outputs_below, upload

pytestmark = pytest.mark.slow

N_SHARDS = 32
TOKEN_RULES = {"block_documents": 100, "keep": "doc_id"}


@pytest.fixture(scope="module")
def packed(tmp_path_factory, s3_server):
    """Return the URL of a corpus of 32 shards, and the outputs of threads on disk."""
    folder, options = tmp_path_factory.mktemp("packed"), options_for(s3_server)
    source = f"{make_bucket(s3_server)}/corpus"
    upload(write_shards(folder / "corpus", N_SHARDS), source, options)
    pack(source, folder / "out", keep="doc_id", storage_options=options)
    expected = files_of(folder / "out")
    return source, {name: expected[name] for name in map(name_of, range(N_SHARDS))}


@pytest.fixture(scope="module")
def few_packed(tmp_path_factory, s3_server):
    """Return the same for 6 shards."""
    folder, options = tmp_path_factory.mktemp("few"), options_for(s3_server)
    source = f"{make_bucket(s3_server)}/corpus"
    upload(write_shards(folder / "corpus", 6), source, options)
    pack(source, folder / "out", storage_options=options)
    expected = files_of(folder / "out")
    return source, {name: expected[name] for name in expected if "/" not in name}


@pytest.fixture(scope="module")
def tokens_packed(tmp_path_factory, s3_server):
    """Return the URL of files of tokens, and the sequences of threads on disk."""
    folder, options = tmp_path_factory.mktemp("tokens"), options_for(s3_server)
    source = f"{make_bucket(s3_server)}/corpus"
    upload(write_shards(folder / "corpus", 4, TOKENS), source, options)
    pack_tokens_of(source, folder / "out", storage_options=options, **TOKEN_RULES)
    expected = files_of(folder / "out")
    return source, {name: expected[name] for name in expected if "/" not in name}


def name_of(number):
    return name_of_shard(number, N_SHARDS)


@pytest.fixture(params=["threads", "processes", "ray", "dask"])
def executor(request):
    """Return an executor on each engine; None for threads."""
    name = request.param
    return None if name == "threads" else request.getfixturevalue(f"on_{name}")


def test_the_same_bytes(packed, bucket, options, executor):
    source, expected = packed
    pack(source, bucket, keep="doc_id", executor=executor, storage_options=options)
    assert outputs_below(bucket, options) == expected
    rows = [
        pl.read_parquet(f"{bucket}/{name}", storage_options=options)
        for name in expected
    ]
    whole = fastpack.pack(CORPUS, context_length=L, keep="doc_id")
    assert pl.concat(rows).equals(whole)


def test_tokens(tokens_packed, bucket, options, executor):
    source, expected = tokens_packed
    settings = {"storage_options": options, "executor": executor, **TOKEN_RULES}
    pack_tokens_of(source, bucket, **settings)
    assert outputs_below(bucket, options) == expected


@pytest.mark.parametrize("function", ["count_shard", "assign_shard", "pack_one_block"])
def test_a_worker_that_dies(
    tmp_path, request, bucket, options, on_dask, kills_travel, function
):
    of_tokens = function == "pack_one_block"
    kind = "tokens_packed" if of_tokens else "few_packed"
    source, expected = request.getfixturevalue(kind)
    marker = tmp_path / "died"
    settings = {
        "storage_options": options,
        "executor": Killing(on_dask, function, marker),
    }
    if of_tokens:
        pack_tokens_of(source, bucket, **settings, **TOKEN_RULES)
    else:
        pack(source, bucket, **settings)
    assert marker.exists()
    assert outputs_below(bucket, options) == expected


DRIVER = """
import sys
import fastpack, fastpack.files.object_home
fastpack.files.object_home.LEASE_SECONDS = 1.5
source, target, kind = sys.argv[1:]
settings = {"progress": lambda each: print(each.step, each.shards, flush=True)}
if kind == "tokens":
    settings |= {"block_documents": 100, "keep": "doc_id", "context_length": 64}
    settings["boundaries"] = ["seq_lengths", "chunk_starts"]
    fastpack.pack_token_files(source, target, workers=1, **settings)
else:
    fastpack.pack_files(source, target, context_length=128, workers=1, **settings)
"""
"""Packs what the environment says how to reach."""


@pytest.mark.parametrize("moment", ["assign 3", "pack 3"])
def test_a_driver_that_dies(
    request, bucket, options, in_environment, monkeypatch, moment
):
    monkeypatch.setattr("fastpack.files.object_home.LEASE_SECONDS", 1.5)
    kind = "tokens" if moment.startswith("pack") else "few"
    source, expected = request.getfixturevalue(f"{kind}_packed")
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, source, bucket, kind],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    with driver:
        assert any(line.strip() == moment for line in driver.stdout)
        driver.kill()
    for n_times in (1, 2):  # the second time, nothing is left to do
        reports = []
        if kind == "tokens":
            pack_tokens_of(source, bucket, progress=reports.append, **TOKEN_RULES)
        else:
            pack(source, bucket, progress=reports.append)
        assert outputs_below(bucket, options) == expected
        steps = [each.step for each in reports if each.shards < each.n_shards]
        assert bool(steps) == (n_times == 1)


def test_the_commands(few_packed, bucket, options, in_environment, capsys):
    from fastpack.cli.main import main

    source, expected = few_packed
    target = f"{bucket}/out"
    rules = ["--context-length", "128"]
    assert main(["pack", f"{source}/*.parquet", "--output", target, *rules]) == 0
    assert outputs_below(target, options) == expected
    assert main(["verify", target, "--source", source]) == 0
    assert f"verified {target}" in capsys.readouterr().err
    assert main(["verify", f"{target}/part-0.parquet"]) == 2
    assert "has the rows of one source among several" in capsys.readouterr().err
    pl.DataFrame({"a": [1]}).write_parquet(f"{target}/more.parquet")
    assert main(["verify", target]) == 1
    assert "has Parquet files that are none of its run" in capsys.readouterr().err
    CORPUS[:1].write_parquet(f"{target}/part-3.parquet")
    assert main(["verify", target]) == 1
    assert "part-3.parquet was changed" in capsys.readouterr().err
    assert main(["pack", source, "--output", f"{bucket}/a.parquet/", *rules]) == 0
    assert main(["pack", source, "--output", f"{bucket}/a.parquet", *rules]) == 2
    assert "must be one of this machine" in capsys.readouterr().err
    other = ["pack", source, "--output", target, "--context-length", "64"]
    assert main(other) == 1
    assert "holds other Parquet files, 1 of them" in capsys.readouterr().err
    remove([parse_url(f"{target}/more.parquet", options)])
    assert main(other) == 1
    assert "context_length was 128, is 64\nHint: start anew" in capsys.readouterr().err
    assert main(["plan", source, *rules]) == 0


def test_the_commands_of_tokens(tokens_packed, bucket, options, in_environment, capsys):
    from fastpack.cli.main import main

    source, expected = tokens_packed
    target = f"{bucket}/out/"
    rules = ["--context-length", "64", "--block-documents", "100", "--keep", "doc_id"]
    rules += ["--boundaries", "seq_lengths", "chunk_starts"]
    assert main(["pack-tokens", source, "--output", target, *rules]) == 0
    assert outputs_below(target.rstrip("/"), options) == expected
    assert main(["verify-tokens", target]) == 0
    assert f"verified {target}" in capsys.readouterr().err
    assert main(["verify-tokens", target, "--source", f"{source}/*.parquet"]) == 0
    assert main(["verify-tokens", source]) == 1
    assert "holds no training sequences" in capsys.readouterr().err
    TOKENS[:1].write_parquet(f"{target}sequences-000001.parquet")
    assert main(["verify-tokens", target]) == 1
    assert "sequences-000001.parquet was changed" in capsys.readouterr().err
