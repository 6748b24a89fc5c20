import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import outputs
from fastpack.errors import (
    DataError,
    DataTypeError,
    OptionError,
    OutputExistsError,
    SourceNotFoundError,
)
from fastpack.files.reading import Selection, read_batch
from fastpack.files.sources import find_sources

FRAME = pl.DataFrame({"id": ["a", "b", "c"], "n_tokens": [8, 6, 4]})


def write(frame, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    {
        ".parquet": frame.write_parquet,
        ".arrow": frame.write_ipc,
        ".csv": frame.write_csv,
        ".ndjson": frame.write_ndjson,
    }[path.suffix](path)
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".csv", ".ndjson"])
def test_every_kind_of_source(tmp_path, suffix):
    path = write(FRAME, tmp_path / f"part{suffix}")
    lengths, kept, *_ = read_batch([path], Selection("n_tokens", ["id"]))
    assert lengths.to_list() == [8, 6, 4]
    assert kept["id"].to_list() == ["a", "b", "c"]


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


def test_arrow_streams_are_read_too(tmp_path):
    path = tmp_path / "stream.arrow"
    FRAME.write_ipc_stream(path)
    lengths, kept, *_ = read_batch([path], Selection("n_tokens", ["id"]))
    assert lengths.to_list() == [8, 6, 4]
    assert kept["id"].to_list() == ["a", "b", "c"]


def test_no_source(tmp_path):
    (tmp_path / "empty").mkdir()
    for source in ("absent.parquet", "*.parquet", "empty"):
        with pytest.raises(SourceNotFoundError, match="Hint: a source is"):
            find_sources([str(tmp_path / source)])


def test_several_sources_follow_each_other(tmp_path):
    small = FRAME.with_columns(pl.col("n_tokens").cast(pl.Int16))
    paths = [
        write(FRAME, tmp_path / "1.parquet"),
        write(small, tmp_path / "2.arrow"),
        write(FRAME.clear(), tmp_path / "3.parquet"),
    ]
    lengths, kept, *_ = read_batch(paths, Selection("n_tokens", ["id"]))
    assert lengths.to_list() == [8, 6, 4] * 2
    assert kept["id"].to_list() == ["a", "b", "c"] * 2


@pytest.mark.parametrize("dtype", [pl.List(pl.Int32), pl.Array(pl.Int32, 2)])
def test_token_lists(tmp_path, dtype):
    frame = pl.DataFrame({"ids": pl.Series([[1, 2], [3, 4]], dtype=dtype)})
    path = write(frame, tmp_path / "tokens.parquet")
    lengths, kept, *_ = read_batch([path], Selection("ids", token_lists=True))
    assert lengths.to_list() == [2, 2]
    assert kept is None


def test_sources_that_cannot_be_read(tmp_path):
    good = write(FRAME, tmp_path / "good.parquet")
    bad = tmp_path / "bad.parquet"
    bad.write_text("no parquet")
    truncated = tmp_path / "truncated.parquet"
    truncated.write_bytes(good.read_bytes()[:-20])
    other = tmp_path / "other.txt"
    other.touch()
    empty = tmp_path / "empty.csv"
    empty.touch()
    binary = tmp_path / "binary.ndjson"
    binary.write_bytes(bytes(range(256)))
    for path in (bad, truncated, other, empty, binary):
        with pytest.raises(DataError, match=path.name):
            read_batch([good, path], Selection("n_tokens"))
    nulls = pl.DataFrame({"n_tokens": [1, None]})
    path = write(nulls, tmp_path / "nulls.parquet")
    with pytest.raises(
        DataError, match=r"nulls.parquet: `n_tokens` has null lengths: 1"
    ):
        read_batch([good, path], Selection("n_tokens"))
    with pytest.raises(DataError, match="Hint: the columns are 'id', 'n_tokens'"):
        read_batch([good], Selection("n"))
    with pytest.raises(DataError, match=r"good.parquet: `keep` names a column that"):
        read_batch([good], Selection("n_tokens", ["doc"]))
    lists = pl.DataFrame({"ids": [[1, 2]]})
    path = write(lists, tmp_path / "lists.parquet")
    with pytest.raises(DataTypeError, match="or --tokens ids on the command line"):
        read_batch([path], Selection("ids"))
    with pytest.raises(DataTypeError, match="must name a column of lists"):
        read_batch([good], Selection("id", token_lists=True))
    numbers = FRAME.with_columns(id=pl.Series([1, 2, 3]))
    path = write(numbers, tmp_path / "numbers.parquet")
    with pytest.raises(DataTypeError, match=r"numbers.parquet: `keep` column 'id'"):
        read_batch([good, path], Selection("n_tokens", ["id"]))


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


def test_describe_is_the_plan():
    plan = fastpack.plan(np.array([8, 6]), context_length=8)
    description = plan.as_dict()
    assert description["version"] == fastpack.__version__
    assert description["options"] == plan.options.as_dict()
    assert description["figures"]["n_bins"] == 2


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


def test_ids_in_csv_files_are_not_changed(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text("id,n_tokens\n007,5\n08,6\n")
    lengths, kept, *_ = read_batch([path], Selection("n_tokens", ["id"]))
    assert kept["id"].to_list() == ["007", "08"]
    assert lengths.to_list() == [5, 6]
    path.write_text("id,n_tokens\n")
    lengths, *_ = read_batch([path], Selection("n_tokens"))
    assert lengths.dtype == pl.Int64
    assert lengths.is_empty()


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
