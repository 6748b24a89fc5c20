"""Sources: found in the order of Polars, each once, none left out."""

import os
from pathlib import Path

import polars as pl
import pytest

import fastpack
from corpora import FRAME, write
from fastpack.errors import (
    DataError,
    OptionError,
    SourceNotFoundError,
)
from fastpack.files.sources import find_sources


def test_sources_are_found_in_the_order_of_their_names(tmp_path):
    names = ["part-2", "part-10", "part-1", "sub/part-3"]
    for name in names:
        write(FRAME, tmp_path / f"{name}.parquet")
    write(FRAME, tmp_path / "more.csv")
    write(FRAME, tmp_path / ".hidden.parquet")
    write(FRAME, tmp_path / "_temporary/part-0.parquet")
    (tmp_path / "README.md").touch()

    def found(*named):
        return [
            path.relative_to(tmp_path).as_posix()
            for path in find_sources([str(source) for source in named])
        ]

    ordered = ["part-1.parquet", "part-10.parquet", "part-2.parquet"]
    assert found(tmp_path) == ["more.csv", *ordered, "sub/part-3.parquet"]
    assert found(tmp_path / "part-*.parquet") == ordered
    assert found(tmp_path / "**/part-3.parquet") == ["sub/part-3.parquet"]
    listed = ["part-10.parquet", "part-1.parquet"]
    assert found(*(tmp_path / name for name in listed)) == listed


def test_a_file_whose_name_looks_like_a_glob(tmp_path):
    path = write(FRAME, tmp_path / "part[1].parquet")
    assert find_sources([str(path)]) == [path]


def test_an_output_among_its_sources(tmp_path):
    part, output = tmp_path / "part.parquet", tmp_path / "assignment.parquet"
    for path in (part, output):
        write(FRAME, path)
    for source in (tmp_path, tmp_path / "*.parquet"):
        assert find_sources([str(source)], output) == [part]
    assert find_sources([str(output)], output) == [output]  # and is refused


def test_a_source_named_twice(tmp_path):
    path = write(FRAME, tmp_path / "part.parquet")
    with pytest.raises(OptionError, match="named twice"):
        find_sources([str(tmp_path), str(path)])


def test_no_source(tmp_path):
    (tmp_path / "empty").mkdir()
    for source in ("absent.parquet", "*.parquet", "empty"):
        with pytest.raises(SourceNotFoundError, match="Hint: a source is"):
            find_sources([str(tmp_path / source)])


def test_names_of_sources_that_sort_alike_or_cannot_be_used(tmp_path):
    for name in ("a001", "a1", "a01", "1²2"):
        write(FRAME, tmp_path / f"{name}.csv")
    found = [path.stem for path in find_sources([str(tmp_path)])]
    assert found == ["1²2", "a001", "a01", "a1"]
    with pytest.raises(OptionError, match="empty name"):
        find_sources([""])
    (tmp_path / "\udcff.csv").touch()
    with pytest.raises(OptionError, match="not UTF-8"):
        find_sources([str(tmp_path)])


@pytest.mark.parametrize("glob", ["", "*.parquet", "**/*t", "*/*t", "**", "[ap]*.p*"])
def test_rows_are_numbered_as_polars_reads_them(tmp_path, glob):
    names = ["part-1", "part-2", "part-10", "Part-3", "part", "part/x", "a/b/c", "a/d"]
    names += ["a", "a-b/e", "a/b", "a/b-", "k=2/1", "k=10/1", "é", "z"]
    for number, name in enumerate(names):
        frame = pl.DataFrame({"n_tokens": [number, 99]})
        write(frame, tmp_path / f"in/{name}.parquet")
    source = tmp_path / "in" / glob
    fastpack.pack_files(source, tmp_path / "out", context_length=99)
    rows = pl.concat(
        pl.read_parquet(path)
        for path in (tmp_path / "out").rglob("*.parquet")
        if path.parent.name != "_fastpack"
    )
    if glob == "**":  # what Polars has no word for
        source = source / "*.parquet"
    assert (
        rows.sort("document")
        .get_column("chunk_length")
        .equals(
            pl.scan_parquet(source).collect().get_column("n_tokens"), check_names=False
        )
    )


def names_of(source, folder):
    return [path.relative_to(folder).as_posix() for path in find_sources(source)]


def test_links_are_followed(tmp_path):
    folder = tmp_path / "corpus"
    write(FRAME, folder / "a.parquet")
    write(FRAME, folder / "_temporary/b.parquet")
    write(FRAME, tmp_path / "elsewhere/sub/c.parquet")
    write(FRAME, tmp_path / "elsewhere/d.parquet")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    below = ["a.parquet", "linked/d.parquet", "linked/sub/c.parquet"]
    assert names_of(folder, folder) == below
    assert names_of(f"{folder}/*/", folder) == below[1:]
    assert names_of(folder / "**/*.parquet", folder) == ["_temporary/b.parquet", *below]
    assert names_of(folder / "*/sub/*.parquet", folder) == [below[2]]


def test_folders_that_a_glob_matches(tmp_path):
    write(FRAME, tmp_path / "a.parquet")
    write(FRAME, tmp_path / "spark.parquet/part-0.parquet")
    (tmp_path / "spark.parquet/_SUCCESS").touch()
    write(FRAME, tmp_path / "_temporary/b.parquet")
    (tmp_path / "empty").mkdir()
    for glob in ("*.parquet", "*"):
        with pytest.raises(
            OptionError, match=r"matches a folder.*spark.parquet\n"
        ) as e:
            find_sources(tmp_path / glob)
        assert f"/{glob}/*.parquet, or **/*.parquet" in str(e.value)
    found = ["a.parquet", "spark.parquet/part-0.parquet"]
    assert names_of(tmp_path, tmp_path) == found
    assert names_of(tmp_path / "*.parquet/*.parquet", tmp_path) == found[1:]
    assert names_of(f"{tmp_path}/*.parquet/", tmp_path) == found[1:]
    (tmp_path / "spark.parquet/part-0.parquet").unlink()
    assert names_of(tmp_path / "*", tmp_path) == found[:1]


def test_no_source_is_left_out(tmp_path, monkeypatch):
    folder = tmp_path / "corpus"
    write(FRAME, folder / "a.parquet")
    write(FRAME, folder / "sub/b.parquet")

    def all_refuse(path, why, *globs):
        for glob in globs:
            with pytest.raises(SourceNotFoundError, match=why) as error:
                find_sources(folder / glob)
            assert f"{path}: " in str(error.value)
            assert "Hint: " in str(error.value)

    link = folder / "x.parquet"
    link.symlink_to(tmp_path / "gone")
    all_refuse(link, "a broken link", "", "*.parquet", "**", "**/*.parquet", "*/b.*")
    all_refuse(link, "a broken link", link)
    link.rename(folder / "sub/x")  # to a folder, perhaps
    all_refuse(folder / "sub/x", "a broken link", "", "**/*.parquet")
    (folder / "sub/x").rename(folder / "sub/.x")
    assert len(find_sources(folder)) == 2
    (folder / "sub/above").symlink_to(folder)
    all_refuse(folder / "sub/above", "a folder that it lies in", "", "**/*.parquet")
    (folder / "sub/above").unlink()
    os.mkfifo(folder / "p.parquet")
    all_refuse(folder / "p.parquet", "neither a file nor a folder", "", "*.parquet")
    (folder / "p.parquet").unlink()
    again = folder / "again.parquet"
    again.symlink_to(folder / "a.parquet")
    with pytest.raises(OptionError, match=r"twice: .*/a.parquet, which is .*/again"):
        find_sources(folder)
    again.unlink()
    listdir = os.listdir

    def deny(path="."):
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr("os.listdir", deny)
    why = "Permission denied"
    all_refuse(folder / "sub", why, "", "*/*.parquet", "**", "**/*.parquet")


def test_compressed_sources(tmp_path):
    names = ["a.csv.gz", "b.jsonl.zst", "c.NDJSON.GZ", "d.v1.csv.zst"]
    for name in names:
        write(FRAME, tmp_path / "in" / name.lower()).rename(tmp_path / "in" / name)
    for name in ("notes.gz", "all.tar.bz2", "x.parquet.gz"):
        (tmp_path / "in" / name).touch()
    assert names_of(tmp_path / "in", tmp_path / "in") == names
    plan = fastpack.pack_files(tmp_path / "in", tmp_path / "out", context_length=8)
    assert plan.n_documents == 4 * FRAME.height
    assert {path.name for path in (tmp_path / "out").glob("*.parquet")} == {
        "a.parquet",
        "b.parquet",
        "c.parquet",
        "d.v1.parquet",
    }
    damaged = tmp_path / "in" / "a.csv.gz"
    damaged.write_bytes(damaged.read_bytes()[:-6])
    with pytest.raises(DataError, match=r"a\.csv\.gz cannot be read as \.csv\.gz"):
        fastpack.pack_files(damaged, tmp_path / "other", context_length=8)
