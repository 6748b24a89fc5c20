"""Every kind of source, by its suffix."""

import polars as pl
import pytest

from corpora import FRAME, write
from fastpack.files.formats.registry import BY_NAME
from fastpack.files.reading import Selection, read_batch

TABLES = [
    suffix
    for name in ("parquet", "arrow", "csv", "ndjson")
    for suffix in BY_NAME[name].suffixes
]


@pytest.mark.parametrize("suffix", TABLES)
def test_every_kind_of_source(tmp_path, suffix):
    path = write(FRAME, tmp_path / f"part{suffix}")
    lengths, kept, *_ = read_batch([path], Selection("n_tokens", ["id"]))
    assert lengths.to_list() == [8, 6, 4]
    assert kept["id"].to_list() == ["a", "b", "c"]


def test_arrow_streams_are_read_too(tmp_path):
    path = tmp_path / "stream.arrow"
    FRAME.write_ipc_stream(path)
    lengths, kept, *_ = read_batch([path], Selection("n_tokens", ["id"]))
    assert lengths.to_list() == [8, 6, 4]
    assert kept["id"].to_list() == ["a", "b", "c"]


def test_names_are_taken_literally(tmp_path):
    # Polars reads "*" and "^...$" as patterns, and [1] in a file's name.
    odd = pl.DataFrame({"^n$": [1, 1], "n": [7, 7], "*": [2, 2]})
    for suffix in (".parquet", ".arrow", ".csv", ".ndjson"):
        write(odd.with_columns(pl.all() * 2), tmp_path / f"a1{suffix}")
        path = write(odd, tmp_path / f"a[1]{suffix}")
        lengths, kept, *_ = read_batch([path], Selection("^n$", ["*"]))
        assert lengths.to_list() == [1, 1]
        assert kept.columns == ["*"]
        assert kept["*"].cast(pl.Int64).to_list() == [2, 2]
