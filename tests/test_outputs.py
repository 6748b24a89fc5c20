"""Outputs: whole under their final name, or not there."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from command_line import run_code
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


LIMITED = """
import pathlib, resource, sys
import polars as pl
from fastpack import outputs
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
frame = pl.DataFrame({"n": range(100_000)})
frame = frame.lazy() if sys.argv[2] == "lazy" else frame
outputs.write_parquet(frame, pathlib.Path(sys.argv[1]), {}, overwrite=True)
"""


@pytest.mark.parametrize("kind", ["lazy", "eager"])
def test_a_full_disk_names_the_output(tmp_path, kind):
    output = tmp_path / "out.parquet"
    failed = run_code(LIMITED, output, kind)
    (error,) = re.findall(r"^OSError: (.*\n.*)$", failed.stderr, re.MULTILINE)[-1:]
    assert error.startswith(f"{output} cannot be written: ")
    assert "File too large" in error
    assert "\nHint: free some space" in error
    assert ".fastpack-" not in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "kind", "hint"),
    [
        (errno.ENOSPC, OSError, "free some space"),
        (errno.EACCES, PermissionError, "that you may write to"),
        (errno.EIO, OSError, "choose another folder, or another disk"),
    ],
)
def test_errors_of_the_system_name_the_output(
    tmp_path, monkeypatch, number, kind, hint
):
    output = tmp_path / "out.parquet"

    def fail(path, flags, mode=0o777):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr("fastpack.outputs.os.open", fail)
    with pytest.raises(kind, match=f"cannot be written: .*\nHint: .*{hint}") as error:
        outputs.write_parquet(FRAME, output, {}, overwrite=True)
    assert error.value.errno == number
    assert str(output) in str(error.value)
    assert ".fastpack-" not in str(error.value)


KILLED = """
import os, pathlib, signal, sys
import polars as pl
from fastpack import outputs
def kill(frame, path, **options):
    pathlib.Path(path).write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
pl.DataFrame.write_parquet = kill
output = pathlib.Path(sys.argv[1])
outputs.check_output(output, overwrite=True)
outputs.write_parquet(pl.DataFrame({"n": [1]}), output, {}, overwrite=True)
"""


def test_an_earlier_folder_stays_if_a_new_one_cannot_get_its_name(
    tmp_path, monkeypatch
):
    output = tmp_path / "report"
    with outputs.replacing_folder(output, overwrite=False, marker="mark") as folder:
        (folder / "mark").write_text("earlier")
    rename = type(output).rename

    def fail(path, target):
        if target == output and (path / "mark").read_text() == "new":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(type(output), "rename", fail)
    with (
        pytest.raises(OSError, match="report cannot be written: Input/output error"),
        outputs.replacing_folder(output, overwrite=True, marker="mark") as folder,
    ):
        (folder / "mark").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert (output / "mark").read_text() == "earlier"


def test_what_a_killed_process_left_is_removed_and_no_other_file(tmp_path):
    output = tmp_path / "out.parquet"
    killed = subprocess.run([sys.executable, "-c", KILLED, output], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".fastpack-*.tmp"))) == 1
    with outputs.replacing(tmp_path / "other.parquet", overwrite=False) as written:
        written.write_bytes(b"whole")
        outputs.check_output(output, overwrite=False)
        assert list(tmp_path.glob(".fastpack-*.tmp")) == [written]
    outputs.write_parquet(FRAME, output, {}, overwrite=False)
    assert {path.name for path in tmp_path.iterdir()} == {
        "out.parquet",
        "other.parquet",
    }
