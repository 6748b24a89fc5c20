"""Engines on an object store: the same bytes, whatever dies on the way."""

import os
import subprocess
import sys

import polars as pl
import pytest

import fastpack
from corpora import CORPUS, L, files_of, name_of_shard, pack, write_shards
from fastpack.storage.location import parse_url
from fastpack.storage.objects import list_objects, read_object

pytestmark = pytest.mark.slow

N_SHARDS = 32


def outputs_below(url, options):
    """Return the bytes of the outputs below a URL, by name."""
    folder = parse_url(url, options)
    return {
        found.name: read_object(found)
        for found, _ in list_objects(folder)
        if "_fastpack" not in found.path
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_shards(tmp_path_factory.mktemp("shards"), N_SHARDS)


@pytest.fixture
def source(corpus, bucket, options):
    for path in corpus.iterdir():
        url = f"{bucket}/corpus/{path.name}"
        pl.read_parquet(path).write_parquet(url, storage_options=options)
    return f"{bucket}/corpus"


def test_the_same_bytes(tmp_path, source, bucket, options, on_engine):
    settings = {"storage_options": options, "keep": "doc_id"}
    pack(source, f"{bucket}/threads", **settings)
    pack(source, f"{bucket}/engine", executor=on_engine, **settings)
    pack(source, tmp_path / "disk", executor=on_engine, **settings)
    written = outputs_below(f"{bucket}/engine", options)
    assert written == outputs_below(f"{bucket}/threads", options)
    on_disk = files_of(tmp_path / "disk")
    assert {name: on_disk[name] for name in written} == written
    tables = [
        pl.read_parquet(tmp_path / "disk" / name_of_shard(number, N_SHARDS))
        for number in range(N_SHARDS)
    ]
    whole = fastpack.pack(CORPUS, context_length=L, keep="doc_id")
    assert pl.concat(tables).equals(whole)


DRIVER = """
import sys
import fastpack, fastpack.files.object_home
fastpack.files.object_home.LEASE_SECONDS = 2
source, target = sys.argv[1:]
fastpack.pack_files(
    source,
    target,
    context_length=128,
    progress=lambda progress: print(progress.step, progress.shards, flush=True),
)
"""
"""Packs what the environment says how to reach."""


@pytest.mark.parametrize("moment", ["count 5", "assign 12"])
def test_a_driver_that_dies(
    tmp_path, source, bucket, options, in_environment, monkeypatch, moment
):
    monkeypatch.setattr("fastpack.files.object_home.LEASE_SECONDS", 2)
    target = f"{bucket}/out"
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, source, target],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    with driver:
        assert any(line.strip() == moment for line in driver.stdout)
        driver.kill()
    reports = []
    pack(source, target, progress=reports.append)
    assert reports[0].step == "count"
    pack(source, tmp_path / "out")
    written = outputs_below(target, options)
    on_disk = files_of(tmp_path / "out")
    assert {name: on_disk[name] for name in written} == written
    assert len(written) == N_SHARDS
    pack(source, target)  # nothing is left to do
    assert outputs_below(target, options) == written


def test_the_commands(bucket, source, in_environment, capsys):
    from fastpack.cli.main import main

    target = f"{bucket}/out"
    rules = ["--context-length", "128"]
    assert main(["pack", f"{source}/*.parquet", "--output", target, *rules]) == 0
    assert main(["verify", target, "--source", source]) == 0
    assert f"verified {target}" in capsys.readouterr().err
    assert main(["verify", f"{target}/part-00.parquet"]) == 2
    assert "has the rows of one source among several" in capsys.readouterr().err
    pl.DataFrame({"a": [1]}).write_parquet(f"{target}/more.parquet")
    assert main(["verify", target]) == 1
    assert "has Parquet files that are none of its run" in capsys.readouterr().err
    CORPUS[:1].write_parquet(f"{target}/part-03.parquet")
    assert main(["verify", target]) == 1
    assert "part-03.parquet was changed" in capsys.readouterr().err
    assert main(["pack", source, "--output", f"{bucket}/a.parquet/", *rules]) == 0
    assert main(["pack", source, "--output", f"{bucket}/a.parquet", *rules]) == 2
    assert "must be one of this machine" in capsys.readouterr().err
    assert main(["plan", source, *rules]) == 0
