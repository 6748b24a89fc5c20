"""Training sequences from tokens in a store, into a store: the same bytes."""

import numpy as np
import polars as pl
import pytest

import fastpack
from corpora import StopError, files_of, write
from fastpack import DataError
from fastpack.storage.location import parse_url
from fastpack.storage.objects import list_objects, put_object
from stores import outputs_below, upload

pytestmark = pytest.mark.slow

RULES = {"context_length": 64, "block_documents": 300}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Return a folder of token files, of two formats."""
    folder = tmp_path_factory.mktemp("tokens")
    rng = np.random.default_rng(5)
    for number, suffix in enumerate([".parquet", ".jsonl", ".parquet"]):
        lengths = rng.integers(0, 150, 400)
        tokens = [rng.integers(0, 1000, n).tolist() for n in lengths]
        write(pl.DataFrame({"input_ids": tokens}), folder / f"part-{number}{suffix}")
    return folder


@pytest.fixture
def source(corpus, bucket, options):
    return upload(corpus, f"{bucket}/corpus", options)


@pytest.mark.parametrize("rules", [RULES, {"context_length": 64}])
def test_the_same_bytes(tmp_path, corpus, source, bucket, options, rules):
    # Sources of another path make another job, so each corpus is packed to both.
    for name, sources in {"here": corpus, "there": source}.items():
        settings = {"storage_options": options, **rules}
        here, there = tmp_path / name, f"{bucket}/{name}"
        account = fastpack.pack_token_files(sources, here, **settings)
        other = fastpack.pack_token_files(sources, there, **settings)
        assert other.as_dict() == account.as_dict()
        written = outputs_below(there, options)
        on_disk = files_of(here)
        assert {each: on_disk[each] for each in written} == written
        assert f"{name}/_fastpack/lock" in {
            found.key for found, _ in list_objects(parse_url(there, options))
        }
    whole = pl.read_parquet(tmp_path / "here/*.parquet")
    assert whole.equals(pl.read_parquet(tmp_path / "there/*.parquet"))


def test_a_run_that_goes_on(source, bucket, options):
    settings = {"storage_options": options, "context_length": 64, "workers": 1}
    expected = fastpack.pack_token_files(source, f"{bucket}/whole", **settings)
    target = f"{bucket}/out"

    def stop(progress):
        if progress.step == "pack" and progress.shards == 1:
            raise StopError

    with pytest.raises(StopError):
        fastpack.pack_token_files(source, target, progress=stop, **settings)
    reports = []
    account = fastpack.pack_token_files(
        source, target, progress=reports.append, **settings
    )
    assert account.as_dict() == expected.as_dict()
    assert next(each for each in reports if each.step == "pack").shards == 1
    assert outputs_below(target, options) == outputs_below(f"{bucket}/whole", options)


def test_a_file_that_is_damaged(source, bucket, options):
    url = parse_url(f"{source}/part-1.parquet", options)
    put_object(url, b"PAR1" + bytes(100))
    with pytest.raises(DataError, match=r"part-1\.parquet"):
        fastpack.pack_token_files(
            f"{source}/*.parquet", f"{bucket}/out", storage_options=options, **RULES
        )
