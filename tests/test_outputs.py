"""Outputs: whole under their final name, or not there."""

import os
from pathlib import Path

import polars as pl
import pytest

from corpora import FRAME, write
from fastpack import outputs
from fastpack.errors import (
    OptionError,
    OutputExistsError,
    SourceNotFoundError,
)


def test_outputs_that_are_refused(tmp_path):
    existing = write(FRAME, tmp_path / "old.parquet")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        outputs.check_output(existing, overwrite=False)
    outputs.check_output(existing, overwrite=True)
    with pytest.raises(OutputExistsError, match="one of the sources"):
        outputs.check_output(existing, sources=[existing], overwrite=True)
    with pytest.raises(SourceNotFoundError, match="folder of the output does not"):
        outputs.check_output(tmp_path / "absent/new.parquet", overwrite=True)
    with pytest.raises(OptionError, match=r"must be a \.parquet file"):
        outputs.check_output(tmp_path / "new.csv", overwrite=True)
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(OutputExistsError, match="is a folder"):
        outputs.check_output(tmp_path / "folder.parquet", overwrite=True)


def test_written_in_one_step(tmp_path):
    output = tmp_path / "out.parquet"
    outputs.write_parquet(FRAME, output, {"answer": 42}, overwrite=False)
    assert pl.read_parquet(output).equals(FRAME)
    assert pl.read_parquet_metadata(output)["fastpack"] == '{"answer": 42}'
    umask = os.umask(0)
    os.umask(umask)
    assert output.stat().st_mode & 0o777 == 0o666 & ~umask
    with pytest.raises(OutputExistsError):
        outputs.write_parquet(FRAME.clear(), output, {}, overwrite=False)
    assert pl.read_parquet(output).equals(FRAME)
    outputs.write_parquet(FRAME[:1], output, {}, overwrite=True)
    assert pl.read_parquet(output).equals(FRAME[:1])
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_no_hard_links(tmp_path, monkeypatch):
    def refuse(self, target):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    output = tmp_path / "out.parquet"
    outputs.write_parquet(FRAME, output, {}, overwrite=False)
    with pytest.raises(OutputExistsError):
        outputs.write_parquet(FRAME, output, {}, overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_nothing_is_left_of_a_write_that_fails(tmp_path, monkeypatch):
    output = tmp_path / "out.parquet"
    output.write_text("what the user had")

    def fail(self, path, **options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", fail)
    with pytest.raises(OSError, match="No space left"):
        outputs.write_parquet(FRAME, output, {}, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]
    assert output.read_text() == "what the user had"


def test_outputs_with_odd_names(tmp_path):
    for name in ("", ".", "/"):
        with pytest.raises(OptionError, match=r"must be a \.parquet file"):
            outputs.check_output(Path(name), overwrite=False)
    long = tmp_path / ("x" * 240 + ".parquet")
    outputs.write_parquet(FRAME, long, {}, overwrite=False)
    assert pl.read_parquet(long).equals(FRAME)


def test_an_output_that_is_a_link(tmp_path):
    target = write(FRAME, tmp_path / "target.parquet")
    link = tmp_path / "link.parquet"
    link.symlink_to(target)
    outputs.write_parquet(FRAME[:1], link, {}, overwrite=True)
    assert link.is_symlink()
    assert pl.read_parquet(target).equals(FRAME[:1])
