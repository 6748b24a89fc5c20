"""The columns of sources: read, named, and refused."""

import polars as pl
import polars.selectors as cs
import pytest

import fastpack
from corpora import CORPUS, FRAME, L, pack, write, write_shards
from fastpack import (
    DataError,
    DataTypeError,
    OptionError,
    OutputExistsError,
)
from fastpack.files.reading import Selection, read_batch


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


def test_expressions_that_print_alike_are_told_apart(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 2, CORPUS.with_columns(x=pl.lit(0.55)))
    pack(corpus, tmp_path / "out", keep=pl.col("x").round(0))
    with pytest.raises(OutputExistsError, match=r"keep was .*round.*, is .*round"):
        pack(corpus, tmp_path / "out", keep=pl.col("x").round(1))
    length = pl.col("n_tokens").map_batches(lambda s: s + 1, return_dtype=pl.Int32)
    with pytest.raises(OptionError, match="Python functions have no lasting identity"):
        fastpack.pack_files(corpus, tmp_path / "b", length, context_length=L)


def test_a_selector_of_the_columns_of_a_csv_file(tmp_path):
    corpus = write(FRAME, tmp_path / "corpus/part.csv").parent
    pack(corpus, tmp_path / "out", keep=cs.string())
    assert pl.read_parquet(tmp_path / "out/part.parquet")["id"].to_list() == list("abc")


def test_a_length_that_is_no_column(tmp_path):
    corpus = write_shards(tmp_path / "corpus", 1)
    with pytest.raises(DataTypeError, match="`length` must be a column's name or"):
        fastpack.pack_files(corpus, tmp_path / "out", 5, context_length=L)
