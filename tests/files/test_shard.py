"""The work on one shard: what is wrong with it is named, and nothing written."""

import shutil

import polars as pl
import pytest

import fastpack
from corpora import files_of, pack, packed_shards, write_shards
from fastpack import (
    DataError,
    DataTypeError,
    OutputExistsError,
)
from fastpack.files.shard import assign_shard, count_shard


def no_output(target):
    return not list(target.glob("*.parquet"))


def test_shards_that_cannot_be_packed(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 3)
    target = tmp_path / "out"
    bad = corpus / "part-1.parquet"
    good = bad.read_bytes()
    frame = pl.read_parquet(bad)
    null = pl.when(pl.int_range(pl.len()) != 2345).then("n_tokens")
    negative = pl.when(pl.int_range(pl.len()) != 4321).then("n_tokens").otherwise(-1)
    cases = [
        (good[:-50], "cannot be read as .parquet"),
        (good[:-50], "suffix; is the file damaged, or of another format?"),
        (b"not Parquet", "cannot be read as .parquet"),
        (frame.drop("n_tokens"), "`length` names a column that is absent"),
        (frame.cast({"n_tokens": pl.Float64}), "must hold integers, got Float64"),
        (frame.with_columns(null), "null lengths: 1, the first in row 2,345"),
        (frame.with_columns(n_tokens=negative), "negative length: -1 in row 4,321"),
    ]
    for damaged, message in cases:
        if isinstance(damaged, bytes):
            bad.write_bytes(damaged)
        else:
            damaged.write_parquet(bad)
        with pytest.raises(
            (DataError, DataTypeError), match=r"part-1.parquet"
        ) as error:
            pack(corpus, target)
        assert message in str(error.value)
        assert no_output(target)
    frame.cast({"doc_id": pl.Categorical}).write_parquet(bad)
    with pytest.raises(DataTypeError, match=r"part-1.parquet: `keep` column 'doc_id'"):
        pack(corpus, target, keep="doc_id")
    frame.drop("doc_id").write_parquet(bad)
    with pytest.raises(DataError, match=r"part-1.parquet: `keep` names"):
        pack(corpus, target, keep="doc_id")
    assert no_output(target)
    bad.write_bytes(good)
    pack(corpus, target)  # what was counted before is of use


def test_a_source_that_changes_between_the_passes(tmp_path, monkeypatch):
    corpus = write_shards(tmp_path / "corpus", 3)
    changed = corpus / "part-1.parquet"
    good = pl.read_parquet(changed)

    def change_to(frame):
        def report(progress):
            if progress.step == "assign" and progress.shards == 0:
                frame.write_parquet(changed)

        return report

    with pytest.raises(DataError, match=r"part-1.parquet: the file changed"):
        pack(corpus, tmp_path / "a", progress=change_to(good[::-1]))
    # Even if the file looks the same, with a place in the plan for each document.
    good.write_parquet(changed)
    monkeypatch.setattr("fastpack.files.manifest.Fingerprint.check", lambda self: None)
    length = good["n_tokens"]
    swapped = good.with_columns(
        n_tokens=pl.when(length == 5)
        .then(6)
        .when(length == 6)
        .then(5)
        .otherwise(length)
    )
    with pytest.raises(DataError, match=r"part-1.parquet: the data changed"):
        pack(corpus, tmp_path / "b", progress=change_to(swapped))
    for name in "ab":
        assert not (tmp_path / name / "part-1.parquet").exists()


def test_a_worker_that_outlives_its_run_writes_nothing(tmp_path, monkeypatch):
    corpus, target = packed_shards(tmp_path, 1)
    calls = []
    monkeypatch.setattr(
        "fastpack.files.passes.assign_shard", lambda *call: calls.append(call) or {}
    )
    with pytest.raises(KeyError):
        pack(corpus, target, overwrite=True)
    monkeypatch.undo()
    fastpack.pack_files(corpus, target, context_length=64, overwrite=True)
    before = files_of(target)
    (late,) = calls
    late[0].counts_file.parent.mkdir()
    count_shard(late[0])
    with pytest.raises(OutputExistsError, match="the run has ended"):
        assign_shard(*late)
    shutil.rmtree(late[0].counts_file.parent)
    assert files_of(target) == before
