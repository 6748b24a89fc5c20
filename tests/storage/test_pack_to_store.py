"""Packing from an object store, and into one: the same rows and bytes."""

import polars as pl
import pytest

import fastpack
from corpora import CORPUS, L, files_of, name_of_shard, pack, read_shards, write_shards
from fastpack.storage.location import parse_url
from fastpack.storage.objects import put_object
from stores import objects_below, outputs_below, upload

pytestmark = pytest.mark.slow


def test_into_a_store(tmp_path, bucket, options):
    corpus = write_shards(tmp_path / "corpus", 7)
    pack(corpus, tmp_path / "out")
    plan = pack(corpus, f"{bucket}/a/out/", storage_options=options)
    written = objects_below(f"{bucket}/a/out", options)
    expected = files_of(tmp_path / "out")
    assert written.keys() == expected.keys()
    for name, data in expected.items():
        if name != "_fastpack/manifest.jsonl":
            assert written[name] == data
    loaded = fastpack.PackingPlan.load(f"{bucket}/a/out/", storage_options=options)
    assert loaded.figures() == plan.figures()


def test_from_a_store(tmp_path, bucket, options):
    corpus = write_shards(tmp_path / "corpus", 20)
    source = upload(corpus, f"{bucket}/corpus", options)
    for sources in (source, f"{source}/", f"{source}/part-*.parquet"):
        target = tmp_path / f"out-{len(sources)}"
        pack(sources, target, storage_options=options, keep="doc_id")
        whole = fastpack.pack(CORPUS, context_length=L, keep="doc_id")
        assert read_shards(target, 20).equals(whole)


def test_from_one_store_into_another(tmp_path, bucket, options):
    corpus = write_shards(tmp_path / "corpus", 5)
    upload(corpus, f"{bucket}/in/corpus", options)
    target = f"{bucket}/in/out"
    for _ in range(2):  # the outputs of an earlier run are no sources
        pack(f"{bucket}/in/", target, storage_options=options)
        rows = [
            pl.read_parquet(f"{target}/{name_of_shard(n, 5)}", storage_options=options)
            for n in range(5)
        ]
        assert pl.concat(rows).equals(fastpack.pack(CORPUS, context_length=L))


@pytest.mark.parametrize("damage", [b"", b"PAR1"])
def test_an_output_that_is_cut_off_is_written_again(tmp_path, bucket, options, damage):
    corpus = write_shards(tmp_path / "corpus", 2)
    target = f"{bucket}/out"
    pack(corpus, target, storage_options=options)
    expected = outputs_below(target, options)
    put_object(parse_url(f"{target}/part-1.parquet", options), damage)
    pack(corpus, target, storage_options=options)
    assert outputs_below(target, options) == expected
