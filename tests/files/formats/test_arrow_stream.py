"""Arrow streams, as different writers make them."""

import struct

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from fastpack import DataError
from fastpack.files.formats.arrow_stream import ArrowStream
from fastpack.files.formats.flatbuffers import Table
from fastpack.tokens.lists import as_lists

LISTS = [[1, 2], [], [3], [4, 5, 6], [7]]

NAMES = ["a", None, "c", "d", "e"]


def write(path, table, n_rows=2, **options):
    with pa.ipc.new_stream(
        str(path), table.schema, options=pa.ipc.IpcWriteOptions(**options)
    ) as writer:
        writer.write_table(table, max_chunksize=n_rows)
    return path


def check(path, table):
    """Check that all rows are read, any of them, and any columns."""
    stream = ArrowStream(path)
    expected = pl.DataFrame(table)
    assert stream.schema == expected.schema
    assert stream.scan().collect().equals(expected)
    for name in expected.columns:
        assert stream.read(1, 4, [name]).equals(expected.select(name)[1:4])
    reverse = expected.columns[::-1]
    assert stream.scan().select(reverse).collect().equals(expected.select(reverse))
    return stream


COLUMNS = {
    "lists": lambda: pa.array(LISTS, pa.list_(pa.int32())),
    "large lists": lambda: pa.array(LISTS, pa.large_list(pa.uint16())),
    "null lists": lambda: pa.array([[1], None, [2], [], None], pa.list_(pa.int8())),
    "null values": lambda: pa.array([[1], [None], [2], [], []], pa.list_(pa.int8())),
    "lists of texts": lambda: pa.array([["a"], [], ["b"], [], []]),
    "lists of lists": lambda: pa.array([[[1]], [], [[2, 3]], [], [[]]]),
    "of fixed size": lambda: pa.array([[1, 2]] * 5, pa.list_(pa.int32(), 2)),
    "structs": lambda: pa.array([{"a": [1], "b": "x"}] * 5),
    "booleans": lambda: pa.array([True, False, None, True, True]),
    "numbers": lambda: pa.array(range(5), pa.uint64()),
    "nulls": lambda: pa.nulls(5),
    "categories": lambda: pa.array(NAMES).dictionary_encode(),
    "times": lambda: pa.array(range(5), pa.timestamp("us")),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_of_every_type(tmp_path, kind):
    """Beside lists of tokens, whose buffers lie before and behind theirs."""
    tokens = pa.array(LISTS, pa.list_(pa.int64()))
    table = pa.table({"first": tokens, "other": COLUMNS[kind](), "last": tokens})
    check(write(tmp_path / "a.arrow", table), table)


def address_of(lists):
    """Return where the values of a Series of lists lie."""
    values = lists.explode(empty_as_null=False, keep_nulls=False)
    return values.to_numpy().ctypes.data


def test_lists_are_not_copied(tmp_path):
    array = np.arange(9)
    if address_of(as_lists(pl.Series(array), np.array([0, 9]))) != array.ctypes.data:
        pytest.skip("this version of Polars copies all lists")
    table = pa.table({"ids": pa.array(LISTS, pa.list_(pa.int32()))})
    stream = check(write(tmp_path / "a.arrow", table, 5), table)
    start = stream._bytes.ctypes.data
    address = address_of(stream.read(0, 5, ["ids"])["ids"])
    assert start <= address < start + len(stream._bytes)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "lz4"},
        {"compression": "zstd"},
        {"use_legacy_format": True},
        {"metadata_version": pa.ipc.MetadataVersion.V4},
    ],
)
def test_streams_of_other_options(tmp_path, options):
    table = pa.table({"ids": pa.array(LISTS, pa.list_(pa.int32())), "name": NAMES})
    check(write(tmp_path / "a.arrow", table, **options), table)


def test_slices(tmp_path):
    """Offsets that do not begin with 0."""
    table = pa.table({"ids": pa.array(LISTS * 3, pa.list_(pa.int32()))})[4:11]
    check(write(tmp_path / "a.arrow", table, 3), table)


def test_streams_without_rows(tmp_path):
    table = pa.table({"ids": pa.array([], pa.list_(pa.int32()))})
    check(write(tmp_path / "a.arrow", table), table)
    frame = pl.DataFrame({"n_tokens": [3], "ids": [[1, 2, 3]]})
    frame.write_ipc_stream(tmp_path / "b.arrow")
    assert ArrowStream(tmp_path / "b.arrow").scan().collect().equals(frame)


def test_a_stream_that_was_not_closed(tmp_path):
    table = pa.table({"ids": pa.array(LISTS, pa.list_(pa.int32()))})
    path = write(tmp_path / "a.arrow", table)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataError, match="its writer did not come to its end"):
        ArrowStream(path)


def test_offsets_that_do_not_fit(tmp_path):
    table = pa.table({"ids": pa.array(LISTS, pa.list_(pa.int32()))})
    path = write(tmp_path / "a.arrow", table, 5)
    offsets = np.array([0, 2, 2, 3, 6, 7], np.int32).tobytes()
    for wrong in ([0, 2, 1, 3, 6, 7], [0, 2, 2, 3, 6, 8], [-1, 2, 2, 3, 6, 7]):
        content = path.read_bytes()
        assert content.count(offsets) == 1
        bad = tmp_path / "bad.arrow"
        bad.write_bytes(content.replace(offsets, np.array(wrong, np.int32).tobytes()))
        with pytest.raises(DataError, match="expected offsets from 0 to 7, none less"):
            ArrowStream(bad).read(0, 5, ["ids"])


def damaged_schema(path, field, value):
    """Write a stream whose schema message has another version or byte order."""
    write(path, pa.table({"ids": pa.array(LISTS, pa.list_(pa.int32()))}))
    content = bytearray(path.read_bytes())
    (size,) = struct.unpack_from("<i", content, 4)
    message = Table.root(bytes(content[8 : 8 + size]))
    if field == "version":
        struct.pack_into("<h", content, 8 + message._place(0), value)
    else:  # absent, as it is 0: it gets the place of the next field, which is none
        schema = message.table(2)
        (back,) = struct.unpack_from("<i", content, 8 + schema.at)
        struct.pack_into("<H", content, 8 + schema.at - back + 4, value)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "version",
            5,
            "expected a message of a version from 1 to 5, found 6\nHint: a n",
        ),
        ("version", -1, "expected a message of a version from 1 to 5, found 0"),
        (
            "endianness",
            4,
            "expected little-endian numbers, found others\nHint: the file",
        ),
    ],
)
def test_streams_of_newer_versions_and_of_other_machines(
    tmp_path, field, value, message
):
    path = damaged_schema(tmp_path / "a.arrow", field, value)
    with pytest.raises(DataError, match=rf"byte 0 of a\.arrow: {message}"):
        ArrowStream(path)
