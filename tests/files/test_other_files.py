"""Parquet files of others in a target: refused before anything is written."""

import polars as pl
import pytest

import fastpack
from fastpack import OutputExistsError

CORPUS = pl.DataFrame({"input_ids": [[1, 2], [3]], "n_tokens": [2, 1]})


def pack(sources, target, **settings):
    return fastpack.pack_files(sources, target, context_length=8, **settings)


def pack_tokens(sources, target, **settings):
    return fastpack.pack_token_files(sources, target, context_length=8, **settings)


@pytest.fixture(params=[pack, pack_tokens])
def run(request):
    return request.param


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.parquet"
    CORPUS.write_parquet(path)
    return path


@pytest.mark.parametrize("name", ["other.parquet", "lang=de/other.PQ"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_new_run(tmp_path, source, run, name, overwrite):
    other = tmp_path / "target" / name
    other.parent.mkdir(parents=True)
    CORPUS.write_parquet(other)
    with pytest.raises(OutputExistsError, match=r"`target` holds other Parquet files"):
        run(source, tmp_path / "target", overwrite=overwrite)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(files) == sorted([source, other])
    assert not (tmp_path / "target/_fastpack").exists()


def test_a_run_that_is_done(tmp_path, source, run):
    target = tmp_path / "target"
    run(source, target)
    (target / "notes.txt").touch()
    (target / ".fastpack-0123456789abcdef.tmp").touch()
    run(source, target)
    run(source, target, overwrite=True)
    CORPUS.write_parquet(target / "extra.parquet")
    with pytest.raises(OutputExistsError, match=r"1 of them: .*extra\.parquet\nHint"):
        run(source, target)


def test_a_block_of_no_run(tmp_path, source):
    target = tmp_path / "target"
    target.mkdir()
    CORPUS.write_parquet(target / "sequences-000099.parquet")
    with pytest.raises(OutputExistsError, match=r"holds other Parquet files.*000099"):
        pack_tokens(source, target)
