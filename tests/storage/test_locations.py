"""Names of objects and options of stores: what they mean, what is refused."""

from pathlib import Path

import polars as pl
import pytest

import fastpack
from fastpack import OptionError, OptionTypeError
from fastpack.files.sources import find_sources
from fastpack.storage.location import Url, check_storage_options, locate
from fastpack.storage.objects import (
    ObjectVersion,
    _version,
    remove_objects,
    split_options,
)

SEQUENCES = pl.DataFrame({"input_ids": [[1, 2]]})


def test_locations():
    url = locate("S3://bucket/a/b.csv.gz/")
    assert isinstance(url, Url)
    assert str(url) == "s3://bucket/a/b.csv.gz"
    assert (url.name, url.suffix, url.key) == ("b.csv.gz", ".gz", "a/b.csv.gz")
    assert url.suffixes == [".csv", ".gz"]
    assert url.parent.parent == url.root == locate("s3://bucket")
    assert url.root.parent == url.root
    assert url.parts == ("bucket", "a", "b.csv.gz")
    assert url.parent / "c" == locate("s3://bucket/a/c")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("s4://a/b", "of no store that is known: 's4://a/b'"),
        ("https://host/b.parquet", "of no store that is known"),
        ("file:///tmp/b.parquet", "files of this machine go by their paths"),
        ("s3:/bucket/b", "of no store that is known"),
        ("s3:bucket/b", "of no store that is known"),
        (Path("s3://bucket/b"), "as a text, not a Path"),
        ("s3:///b", "names no object"),
        ("s3://a//b", "names no object"),
        ("s3://a/../b", "names no object"),
        ("s3://key:secret@bucket/b", "a password or a port .*\nHint: they belong"),
    ],
)
def test_urls_that_cannot_be(tmp_path, name, problem):
    for sources, target in ((name, tmp_path / "out"), (tmp_path, name)):
        with pytest.raises(OptionError, match=problem) as raised:
            fastpack.pack_files(sources, target, context_length=8)
        assert "secret" not in str(raised.value)


def test_options_are_those_of_polars():
    options = {"aws_allow_http": True, "max_retries": "2", "retry_timeout_ms": 5.0}
    assert check_storage_options({**options, "aws_region": "x"}) == {
        "aws_allow_http": "true",
        "max_retries": 2,
        "retry_timeout_ms": 5,
        "aws_region": "x",
    }
    assert check_storage_options(None) == {}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["a"], "`storage_options` must be a mapping of names to values, got list"),
        ({1: "a"}, "`storage_options` must be a mapping of names"),
        ({"aws_region": None}, r"`storage_options\['aws_region'\]` must be .*NoneType"),
        ({"aws_region": ["never-to-be-seen"]}, "must be a text, .* got list"),
        ({"max_retries": "many"}, "'max_retries.*must be a number, got 'many'"),
    ],
)
def test_options_that_cannot_be(tmp_path, options, problem):
    # Also if nothing is a URL: a mistake is one everywhere.
    with pytest.raises((OptionError, OptionTypeError), match=problem) as raised:
        find_sources(str(tmp_path), storage_options=options)
    assert "never-to" not in str(raised.value)


def test_tags_with_and_without_quotes():
    # Azure has both.
    assert _version({"size": 1, "e_tag": '"0x8"'}) == ObjectVersion(1, "0x8")
    assert _version({"size": 1, "e_tag": "0x8"}) == ObjectVersion(1, "0x8")


class AzureStore:
    """Stops at an object that is not there, as the store of Azure does."""

    def __init__(self, *keys):
        self.keys = set(keys)

    def delete(self, keys):
        for key in [keys] if isinstance(keys, str) else keys:
            if key not in self.keys:
                raise FileNotFoundError(key)
            self.keys.remove(key)


def test_objects_that_are_removed(monkeypatch):
    pytest.importorskip("obstore")
    store = AzureStore("a", "c")
    monkeypatch.setattr("fastpack.storage.objects._store_of", lambda _: store)
    remove_objects([Url("az", f"bucket/{key}") for key in "abc"])
    assert not store.keys


def test_options_in_parts():
    options = {
        "aws_region": "x",
        "AWS_ALLOW_HTTP": "true",
        "timeout": "30s",
        "google_service_account": "y",
        "azure_storage_account_name": "z",
        "max_retries": 2,
    }
    split = split_options("s3", options)
    assert split["config"] == {"aws_region": "x"}
    assert split["client_options"] == {"allow_http": True, "timeout": "30s"}
    retry = split["retry_config"]
    assert (retry["max_retries"], retry["retry_timeout"].seconds) == (2, 180)
    assert split_options("gs", options)["config"] == {"google_service_account": "y"}
    of_azure = split_options("abfss", options)["config"]
    assert of_azure == {"azure_storage_account_name": "z"}


WRITERS = {
    "path": lambda url: fastpack.plan([1], context_length=8).save(url),
    "output": lambda url: fastpack.write_sequences(SEQUENCES, url),
    "work_dir": lambda url: fastpack.write_olmo_index(
        fastpack.pack([1], context_length=8), __file__, url, context_length=8
    ),
    "assignment": lambda url: fastpack.PackedSequences(
        url, {"input_ids": [1]}, context_length=8
    ),
    "documents": lambda url: fastpack.PackedSequences(
        fastpack.pack([1], context_length=8), url, context_length=8
    ),
    "sequences": lambda url: fastpack.verify_tokens(url, SEQUENCES, context_length=8),
}
"""By the name of the parameter."""


@pytest.mark.parametrize("parameter", WRITERS)
def test_what_lies_on_this_machine(tmp_path, monkeypatch, parameter):
    monkeypatch.chdir(tmp_path)
    url = "s3://bucket/folder/x.npy"
    problem = f"`{parameter}` must be a file or folder of this machine, got '{url}'"
    with pytest.raises(OptionError, match=problem):
        WRITERS[parameter](url)
    if parameter in ("path", "output", "work_dir"):
        with pytest.raises(OptionTypeError, match=f"`{parameter}` must be the name of"):
            WRITERS[parameter](None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ["convert", "a.parquet", "--output", "s3://bucket/train.idx"],
        ["report", "b.parquet", "--output", "s3://bucket/report.html"],
        ["report", "b.parquet", "--format", "svg", "--output", "s3://bucket/charts"],
        ["demo", "--output", "s3://bucket/demo/"],
    ],
    ids=lambda command: " ".join(command[:1] + command[2:4]),
)
def test_outputs_of_commands(tmp_path, monkeypatch, capsys, command):
    from fastpack.cli.main import main

    monkeypatch.chdir(tmp_path)
    SEQUENCES.write_parquet("a.parquet")
    pl.DataFrame({"n_tokens": [1]}).write_parquet("b.parquet")
    assert main(command) == 2
    assert "`output` must be a file or folder of this" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"a.parquet", "b.parquet"}
