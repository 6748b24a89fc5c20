"""Lists of tokens, one a line."""

import gzip
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack import DataError
from fastpack.files.formats.format import Request
from fastpack.files.formats.registry import scan_source
from fastpack.files.reading import errors_name

TOKENS = st.integers(-(1 << 63), (1 << 63) - 1)


def read(path):
    with errors_name(path):
        return scan_source(path, Request()).collect()


@given(
    st.lists(st.lists(TOKENS, max_size=5), min_size=1, max_size=9),
    st.sampled_from(["\n", "\n\n", "\r\n", " \n \n"]),
    st.sampled_from([None, (" , ", ":"), (",", ":")]),
)
def test_lists_of_tokens(tmp_path_factory, documents, end, separators):
    path = tmp_path_factory.mktemp("lists") / "a.jsonl"
    lines = [json.dumps(document, separators=separators) for document in documents]
    path.write_bytes("".join(line + end for line in lines).encode())
    frame = read(path)
    assert frame.schema == {"input_ids": pl.List(pl.Int64), "n_tokens": pl.Int64}
    assert frame["input_ids"].to_list() == documents
    assert frame["n_tokens"].to_list() == list(map(len, documents))


def test_lines_of_several_reads(tmp_path, monkeypatch):
    monkeypatch.setattr("fastpack.files.formats.ndjson._BATCH_LINES", 3)
    documents = [[number] * (number % 4) for number in range(20)]
    content = "".join(f"{document}\n" for document in documents)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(content.encode()))
    assert read(path)["input_ids"].to_list() == documents
    path.write_bytes(gzip.compress(f"{content}\n[1,".encode()))
    with pytest.raises(DataError, match=r"a\.jsonl\.gz: line 22: expected a list of i"):
        read(path)


def test_objects_are_objects(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('\n {"input_ids": [1, 2]}\n')
    assert read(path).to_dict(as_series=False) == {"input_ids": [[1, 2]]}


@pytest.mark.parametrize(
    "line",
    [
        *("[1, 2", "[1]]", "[1] [2]", "[1,]", "[,]", "[01]", "[1.5]", "[1e3]"),
        *("[null]", "[true]", '["a"]', "[[1]]", '{"input_ids": [1]}', "9", "null"),
        "[9223372036854775808]",
    ],
)
def test_lines_that_are_no_lists_of_tokens(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_text(f"[1, 2]\n\n{line}\n[3]\n")
    with pytest.raises(DataError, match=r"a\.jsonl: line 3: expected a list of integ"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[1]\n[\xff]\n"])
def test_files_that_are_no_json(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.jsonl cannot be read as \.jsonl"):
        read(path)
