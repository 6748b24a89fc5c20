"""Partitions: columns in the names of folders, of the types that Polars finds."""

import polars as pl
import pytest

import fastpack
from corpora import FRAME, write
from fastpack import DataError
from fastpack.files.partitions import find_partitions

VALUES = [
    ["1", "10", "9"],
    ["1", "x"],
    ["1.5", "2"],
    ["007", "2"],
    ["true", "false"],
    ["2024-01-05", "2024-02-01"],
    ["a%20b", "c", 'd"e', "f,g"],
    ["__HIVE_DEFAULT_PARTITION__", "7"],
]


@pytest.mark.parametrize("values", VALUES)
def test_types_and_values_are_those_of_polars(tmp_path, values):
    folder = tmp_path / "corpus"
    for value in values:
        write(FRAME[:1], folder / f"k={value}/part.parquet")
    whole = pl.read_parquet(folder)
    paths = sorted(folder.rglob("*.parquet"), key=str)
    (partition,) = find_partitions(paths, ["k", "id"])
    found = pl.concat([partition.value_of(path) for path in paths])
    assert found.to_list() == whole["k"].to_list()
    assert found.dtype == whole["k"].dtype


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl.gz"])
def test_a_corpus_in_partitions(tmp_path, suffix):
    folder = tmp_path / "corpus"
    parts = [("de", 2), ("en", 1), ("en", 10)]
    for number, (lang, year) in enumerate(parts):
        write(FRAME[number:], folder / f"lang={lang}/year={year}/p{suffix}")
    order = [parts[0], parts[1], parts[2]]
    whole = pl.concat(
        FRAME[parts.index(part) :].with_columns(
            lang=pl.lit(part[0]), year=pl.lit(part[1], pl.Int64)
        )
        for part in order
    )
    rules = {"context_length": 8, "by": "year", "keep": ["lang", "id"]}
    expected = fastpack.pack(whole, **rules)
    plan = fastpack.pack_files(folder, tmp_path / "out", **rules)
    names = [f"lang={lang}/year={year}/p.parquet" for lang, year in order]
    written = pl.concat(pl.read_parquet(tmp_path / "out" / name) for name in names)
    assert written.equals(expected)
    assert plan.groups["year"].to_list() == [1, 2, 10]
    fastpack.pack_files(f"{folder}/**/p*", tmp_path / "again", **rules)
    assert (tmp_path / "again" / names[2]).exists()


def test_columns_of_files_come_first_and_all_files_have_the_partition(tmp_path):
    write(FRAME, tmp_path / "id=7/1.parquet")
    rows = tmp_path / "out/1.parquet"
    fastpack.pack_files(tmp_path / "id=7", rows.parent, context_length=8, keep="id")
    assert pl.read_parquet(rows)["id"].to_list() == FRAME["id"].to_list()
    write(FRAME, tmp_path / "in/a/k=1/1.parquet")
    write(FRAME, tmp_path / "in/b/1.parquet")
    with pytest.raises(DataError, match=r"b/1.parquet: no folder .* is named k=\.\.\."):
        fastpack.pack_files(
            tmp_path / "in", tmp_path / "out2", context_length=8, keep="k"
        )
