"""Files that the owners of the formats wrote: the documents in them, and packings."""

import shutil

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import DataError, DataTypeError, OptionError, OptionTypeError
from fastpack.files.formats.format import Request
from fastpack.files.formats.registry import scan_source
from fastpack.files.reading import Selection, read_batch
from fastpack.files.sources import find_sources
from format_files import (
    DOCUMENTS,
    ENDED,
    ORDER,
    OWNERS,
    PARTS,
    flatten,
    write_datatrove,
    write_flat,
    write_lists,
    write_megatron,
    write_olmo,
    write_webdataset,
)

ORDERED = [DOCUMENTS[row] for row in ORDER]

FILES = [
    ("megatron.idx", None, DOCUMENTS),
    ("parts.idx", None, DOCUMENTS),
    ("datatrove.ds", None, DOCUMENTS),
    ("olmo.npy", None, ENDED),
    ("olmo.npy", "olmo:dtype=uint16,end=0", ENDED),
    ("olmo.npy", "flat:dtype=uint16,end=0", ENDED),
    ("huggingface", None, DOCUMENTS),
    ("huggingface-1", None, ORDERED),
    ("webdataset.tar", None, DOCUMENTS),
]


def all_files(folder):
    """Return the files of owners, and those of formats that are nobody's."""
    uint32 = folder / "b.bin"
    flatten(ENDED, np.uint32).tofile(uint32)
    return [
        *((OWNERS / name, *rest) for name, *rest in FILES),
        (write_lists(folder / "a.jsonl", DOCUMENTS), None, DOCUMENTS),
        (write_webdataset(folder / "a.tgz", DOCUMENTS), None, DOCUMENTS),
        (uint32, "flat:dtype=uint32,end=0", ENDED),
    ]


@pytest.mark.parametrize(("name", "source_format", "documents"), FILES)
def test_lengths_and_tokens(name, source_format, documents):
    frame = scan_source(OWNERS / name, Request(), source_format)
    assert frame.select("input_ids").collect().to_series().to_list() == documents
    lengths = list(map(len, documents))
    selection = Selection("input_ids", token_lists=True, source_format=source_format)
    assert read_batch([OWNERS / name], selection).lengths.to_list() == lengths
    if "n_tokens" in frame.collect_schema():
        assert frame.select("n_tokens").collect().to_series().to_list() == lengths
    for first in range(len(documents) + 1):
        for last in range(first, len(documents) + 2):
            rows = scan_source(
                OWNERS / name, Request(), source_format, range(first, last)
            )
            assert rows.collect()["input_ids"].to_list() == documents[first:last]


@pytest.mark.parametrize(
    ("name", "source_format"), [("lengths.npy", None), ("offsets.npy", "npy-offsets")]
)
def test_lengths_alone(name, source_format):
    frame = scan_source(OWNERS / name, Request(), source_format).collect()
    assert frame.to_dict(as_series=False) == {"n_tokens": list(map(len, DOCUMENTS))}


def test_the_same_assignment(tmp_path):
    """A corpus gives the same rows, in whatever format it lies."""
    options = {"context_length": 24}
    lengths = pl.col("input_ids").list.len()
    for path, source_format, documents in all_files(tmp_path):
        table = fastpack.pack(
            pl.DataFrame({"n": list(map(len, documents))}), **options, length="n"
        )
        target = tmp_path / str(len(list(tmp_path.iterdir())))
        plan = fastpack.pack_files(
            path, target, lengths, source_format=source_format, **options
        )
        assert pl.read_parquet(target / "*.parquet").equals(table)
        assert plan.n_tokens == sum(map(len, documents))


def test_the_same_sequences(tmp_path):
    """And the same training sequences, in memory and in files."""
    for path, source_format, documents in all_files(tmp_path):
        read = scan_source(path, Request(), source_format).collect()
        schema = read.select("input_ids").schema
        plain = pl.DataFrame({"input_ids": documents}, schema=schema)
        options = {"context_length": 24, "block_documents": 4}
        expected = fastpack.pack_tokens(plain, **options)
        assert fastpack.pack_tokens(read, **options).equals(expected)
        target = tmp_path / str(len(list(tmp_path.iterdir())))
        fastpack.pack_token_files(path, target, source_format=source_format, **options)
        assert pl.read_parquet(target / "*.parquet").equals(expected)


def test_other_columns_of_a_dataset():
    names = [f"document {row}" for row in range(len(DOCUMENTS))]
    for folder, rows in (
        ("huggingface", range(len(DOCUMENTS))),
        ("huggingface-1", ORDER),
    ):
        frame = scan_source(OWNERS / folder, Request())
        expected = [names[row] for row in rows]
        assert frame.select("name").collect().to_series().to_list() == expected
        both = frame.select("name", "input_ids").collect()
        assert both["input_ids"].to_list() == [DOCUMENTS[row] for row in rows]


def test_parts_of_documents_in_megatron():
    assert [sum(parts) for parts in PARTS] == list(map(len, DOCUMENTS))


def test_sources_of_a_folder(tmp_path):
    for path in OWNERS.iterdir():
        if path.name not in {"mds", "parts.bin", "parts.idx"}:
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, tmp_path / path.name)
    names = ["datatrove.ds", "huggingface", "huggingface-1", "megatron.idx", "olmo.npy"]
    names.append("webdataset.tar")
    assert [path.name for path in find_sources(tmp_path)] == names
    with pytest.raises(OptionError, match="is named twice"):
        find_sources([tmp_path / "megatron.bin", tmp_path / "megatron.idx"])
    assert find_sources(tmp_path / "datatrove.ds.index") == [tmp_path / "datatrove.ds"]
    globbed = [path.name for path in find_sources(str(tmp_path / "*o[lv]*"))]
    assert globbed == ["datatrove.ds", "olmo.npy"]
    named = find_sources(tmp_path, None, "npy-offsets")
    assert [path.name for path in named] == ["lengths.npy", "offsets.npy", "olmo.npy"]
    plan = fastpack.pack_files(
        [path for path in find_sources(tmp_path) if not path.is_dir()],
        tmp_path / "out",
        context_length=24,
    )
    assert plan.n_documents == 4 * len(DOCUMENTS)


def test_a_change_of_a_companion_is_seen(tmp_path):
    path = write_megatron(tmp_path / "corpus.idx", DOCUMENTS)
    fastpack.pack_files(path, tmp_path / "out", context_length=24)
    path.with_suffix(".bin").touch()
    with pytest.raises(fastpack.OutputExistsError, match="was changed"):
        fastpack.pack_files(path, tmp_path / "out", context_length=24)


def test_an_index_without_its_tokens(tmp_path):
    index = write_datatrove(tmp_path / "corpus.ds", DOCUMENTS)
    (tmp_path / "corpus.ds").unlink()
    megatron = write_megatron(tmp_path / "corpus.idx", DOCUMENTS)
    (tmp_path / "corpus.bin").unlink()
    for path in (index, megatron):
        frame = scan_source(path, Request()).collect()
        assert frame.to_dict(as_series=False) == {"n_tokens": list(map(len, DOCUMENTS))}


tokens = st.integers(1, 60_000)
corpora = st.lists(st.lists(tokens, max_size=9), max_size=12)


@given(corpora)
def test_any_corpus(tmp_path_factory, documents):
    folder = tmp_path_factory.mktemp("corpus")
    ended = [[*document, 0] for document in documents]
    for path, source_format, expected in (
        (write_megatron(folder / "a.idx", documents), None, documents),
        (write_datatrove(folder / "a.ds", documents), "datatrove", documents),
        (write_olmo(folder / "a.npy", ended), None, ended),
        (write_flat(folder / "b.bin", ended), "flat:dtype=uint16,end=0", ended),
        (write_webdataset(folder / "a.tar", documents), None, documents),
        (write_webdataset(folder / "a.tar.gz", documents), None, documents),
    ):
        frame = scan_source(path, Request(), source_format).collect()
        assert frame["input_ids"].to_list() == expected
        assert frame["n_tokens"].to_list() == list(map(len, expected))


def test_flat_files_lose_no_token(tmp_path):
    path = tmp_path / "a.bin"
    np.array([5, 6, 0, 7, 0, 0, 8], np.uint32).tofile(path)
    for settings, expected in (
        ("dtype=uint32,end=0", [[5, 6, 0], [7, 0], [0], [8]]),
        ("dtype=uint32,start=0", [[5, 6], [0, 7], [0], [0, 8]]),
        ("dtype=uint32,start=5", [[5, 6, 0, 7, 0, 0, 8]]),
    ):
        frame = scan_source(path, Request(), f"flat:{settings}").collect()
        assert frame["input_ids"].to_list() == expected


@pytest.mark.parametrize(
    ("source_format", "error", "message"),
    [
        ("parket", OptionError, "names no format that is known: 'parket'\nHint: those"),
        (5, OptionTypeError, "`source_format` must be the name of a format, got 5"),
        ("flat:end", OptionError, "a setting that flat does not have: 'end'"),
        ("csv:end=0", OptionError, "the settings of csv are: none"),
        ("flat:dtype=uint16", OptionError, "does not say where its documents end"),
        ("flat:end=0", OptionError, "does not say of which dtype its tokens are"),
        ("flat:dtype=float32,end=0", OptionError, "must be that of tokens, got 'float"),
        ("flat:dtype=uint16,end=x", OptionError, "`end` of the format must be an int"),
        ("flat:dtype=uint16,end=9", DataError, "the token 9 is nowhere in the file"),
        ("flat:dtype=uint32,end=0", DataError, "expected whole values of 4 bytes"),
        ("mds", OptionError, "the format mds is written, and not read"),
    ],
)
def test_formats_that_are_said_wrong(tmp_path, source_format, error, message):
    path = tmp_path / "a.bin"
    np.array([5, 6, 0], np.uint16).tofile(path)
    with pytest.raises(error, match=message):
        scan_source(path, Request(), source_format)


def test_offsets_or_lengths(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, [0, 3, 3, 5])
    with pytest.raises(DataError, match="may be lengths, or offsets"):
        scan_source(path, Request())
    for source_format, expected in (
        ("npy-lengths", [0, 3, 3, 5]),
        ("npy-offsets", [3, 0, 2]),
    ):
        frame = scan_source(path, Request(), source_format).collect()
        assert frame["n_tokens"].to_list() == expected
    for values, expected in (([0, 3, 2], [0, 3, 2]), ([0, 0], [0, 0]), ([], [])):
        np.save(path, np.array(values, ">u2"))
        assert scan_source(path, Request()).collect()["n_tokens"].to_list() == expected


def test_columns_that_a_format_does_not_have():
    with pytest.raises(DataError, match="columns are 'n_tokens', 'input_ids'"):
        read_batch([OWNERS / "megatron.idx"], Selection("length"))
    selection = Selection("n_tokens", token_lists=True)
    with pytest.raises(DataTypeError, match="`tokens` must name a column of lists"):
        read_batch([OWNERS / "megatron.idx"], selection)


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_an_index_that_is_read_some_documents_at_a_time(monkeypatch, at_once):
    monkeypatch.setattr("fastpack.files.formats.megatron_index._AT_ONCE", at_once)
    for name in ("megatron.idx", "parts.idx"):
        for first in range(len(DOCUMENTS)):
            rows = range(first, len(DOCUMENTS))
            frame = scan_source(OWNERS / name, Request(), None, rows).collect()
            assert frame["input_ids"].to_list() == DOCUMENTS[first:]


def test_companions_that_are_folders_or_absent(tmp_path):
    for write, name, companion in (
        (write_megatron, "a.idx", "a.bin"),
        (write_datatrove, "a.ds", "a.ds.index"),
        (write_datatrove, "b.ds", "b.ds"),
        (write_olmo, "a.npy", "a.csv.gz"),
    ):
        write(tmp_path / name, DOCUMENTS)
        (tmp_path / companion).unlink()
        (tmp_path / companion).mkdir()
        with pytest.raises(DataError, match=f"{companion} is no file, and belongs"):
            scan_source(tmp_path / name, Request(), write.__name__[6:])
    (tmp_path / "a.ds.index").rmdir()
    with pytest.raises(DataError, match=r"a\.ds\.index is not beside a\.ds, and says"):
        scan_source(tmp_path / "a.ds", Request())
