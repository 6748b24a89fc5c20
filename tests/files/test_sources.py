"""Sources: found in their natural order, each once."""

import pytest

from corpora import FRAME, write
from fastpack.errors import (
    OptionError,
    SourceNotFoundError,
)
from fastpack.files.sources import find_sources


def test_sources_are_found_in_natural_order(tmp_path):
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

    ordered = ["part-1.parquet", "part-2.parquet", "part-10.parquet"]
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
