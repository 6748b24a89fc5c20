"""The footer of Parquet: the row groups that PyArrow finds, or a clear error."""

import random

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpora import TOKENS
from fastpack.errors import DataError
from fastpack.files.formats.parquet_footer import read_row_groups


def by_pyarrow(path, column):
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    return [
        (
            group.num_rows,
            next(
                chunk.num_values
                for chunk in map(group.column, range(group.num_columns))
                if chunk.path_in_schema.split(".")[0] == column
            ),
        )
        for group in groups
    ]


@pytest.mark.parametrize("rows", [7, 100, 1000])
def test_files_of_polars_and_pyarrow(tmp_path, rows):
    path = tmp_path / "a.parquet"
    arrow = TOKENS.to_arrow()
    fixed = TOKENS.with_columns(
        pl.concat_list(pl.lit(1), pl.lit(2)).list.to_array(2).alias("pair")
    )
    files = [
        lambda: TOKENS.write_parquet(path, row_group_size=rows),
        lambda: fixed.write_parquet(path, row_group_size=rows, statistics="full"),
        lambda: TOKENS.write_parquet(path, row_group_size=rows, statistics=False),
        lambda: pq.write_table(arrow, path, row_group_size=rows),
        lambda: pq.write_table(arrow, path, row_group_size=rows, version="1.0"),
        lambda: pq.write_table(
            arrow,
            path,
            row_group_size=rows,
            write_page_index=True,
            store_decimal_as_integer=True,
            use_byte_stream_split=["input_ids.list.element"],
            use_dictionary=False,
            compression="none",
        ),
    ]
    for write in files:
        write()
        for column in ("input_ids", "loss_mask", "doc_id"):
            parts = read_row_groups(path, column)
            assert [tuple(part) for part in parts] == by_pyarrow(path, column)
        assert sum(part.rows for part in parts) == TOKENS.height


def test_values_of_lists_that_are_empty_or_null(tmp_path):
    frame = pl.DataFrame({"a": [[], [1, 2], None, [3]]})
    frame.write_parquet(tmp_path / "a.parquet")
    assert read_row_groups(tmp_path / "a.parquet", "a") == [(4, 5)]
    frame.clear().write_parquet(tmp_path / "b.parquet")
    assert sum(part.rows for part in read_row_groups(tmp_path / "b.parquet", "a")) == 0


def test_a_column_with_a_dot_in_its_name(tmp_path):
    pl.DataFrame({"a.b": [[1]], "a": [[1, 2]]}).write_parquet(tmp_path / "a.parquet")
    assert read_row_groups(tmp_path / "a.parquet", "a.b") == [(1, 1)]
    assert read_row_groups(tmp_path / "a.parquet", "a") == [(1, 2)]
    with pytest.raises(DataError, match="no column 'b'"):
        read_row_groups(tmp_path / "a.parquet", "b")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"x" * 100])
def test_files_that_are_no_parquet(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=r"no Parquet file|damaged"):
        read_row_groups(tmp_path / "a", "x")


def test_a_footer_that_is_damaged(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"a": [[1, 2], [3]] * 50, "b": ["x"] * 100})
    pq.write_table(table, path, row_group_size=10)
    content = path.read_bytes()
    size = int.from_bytes(content[-8:-4], "little")
    rng = random.Random(3)
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(len(content) - size - 8, len(content))
            damaged[place] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            parts = read_row_groups(path, "a")
        except DataError:
            continue
        assert all(part.rows >= 0 and part.values >= 0 for part in parts)
    for cut in range(1, size, 50):
        path.write_bytes(content[:-cut])
        with pytest.raises(DataError):
            read_row_groups(path, "a")
