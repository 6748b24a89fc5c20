"""Damaged files: truncated, and with a bit flipped. An error, or what was there."""

import random
import shutil
import struct

import numpy as np
import polars as pl
import pytest

from fastpack import DataError, DataTypeError, OptionError
from fastpack.files.formats.format import Request
from fastpack.files.formats.registry import scan_source
from fastpack.files.reading import errors_name
from format_files import DOCUMENTS, ENDED, ORDER, OWNERS, write_megatron

LENGTHS = list(map(len, DOCUMENTS))

ENDED_LENGTHS = list(map(len, ENDED))

ORDERED_LENGTHS = [LENGTHS[row] for row in ORDER]

SOURCES = {
    "megatron.idx": (["megatron.idx", "megatron.bin"], None, LENGTHS),
    "parts.idx": (["parts.idx", "parts.bin"], None, LENGTHS),
    "datatrove.ds": (["datatrove.ds", "datatrove.ds.index"], None, LENGTHS),
    "olmo.npy": (["olmo.npy", "olmo.csv.gz"], None, ENDED_LENGTHS),
    "lengths.npy": (["lengths.npy"], None, LENGTHS),
    "offsets.npy": (["offsets.npy"], "npy-offsets", LENGTHS),
    "huggingface": (
        ["huggingface/data-00000-of-00002.arrow", "huggingface/state.json"],
        None,
        LENGTHS,
    ),
    "huggingface-1": (
        ["huggingface-1/dataset.arrow", "huggingface-1/indices.arrow"],
        None,
        ORDERED_LENGTHS,
    ),
    "webdataset.tar": (["webdataset.tar"], None, LENGTHS),
}

FILES = [(name, file) for name, (files, *_) in SOURCES.items() for file in files]


def read_lengths(path, source_format):
    """Return the lengths of the documents, or the text of an error."""
    try:
        with errors_name(path):
            frame = scan_source(path, Request(), source_format)
            columns = frame.collect_schema().names()
            if "input_ids" in columns:
                lengths = pl.col("input_ids").list.len()
            else:
                lengths = pl.col("n_tokens")
            found = frame.select(lengths).collect().to_series().to_list()
            frame.collect()
            return found
    except (DataError, DataTypeError, OptionError) as error:
        return str(error)


def check_error(text, path):
    """Check that it is an error, which names the source and gives a hint."""
    assert isinstance(text, str)
    assert str(path) in text
    assert "\nHint: " in text


def copied(folder, name):
    for path in OWNERS.glob(f"{name.split('.')[0]}*"):
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            shutil.copy(path, folder / path.name)
    return folder / name


@pytest.mark.parametrize(("name", "file"), FILES)
def test_truncations_are_refused(tmp_path, name, file):
    _, source_format, lengths = SOURCES[name]
    source = copied(tmp_path, name)
    path = tmp_path / file
    content = path.read_bytes()
    assert read_lengths(source, source_format) == lengths
    ends = {*range(64), *range(len(content) - 64, len(content))}
    ends |= set(range(0, len(content), max(1, len(content) // 50)))
    for end in sorted(end for end in ends if 0 <= end < len(content)):
        path.write_bytes(content[:end])
        found = read_lengths(source, source_format)
        # The last lines of a list of boundaries, or of zeros, may be missing unseen.
        if file != "webdataset.tar" or end <= len(content.rstrip(b"\0")):
            check_error(found, source)
    path.write_bytes(content + b"\0")
    if not file.endswith((".tar", ".json", ".gz")):
        check_error(read_lengths(source, source_format), source)


def is_held_twice(name, file, byte):
    """Say whether a format can tell that a bit of a byte is another one."""
    if file in {"megatron.idx", "parts.idx"}:
        n_sequences = len(DOCUMENTS) if name == "megatron.idx" else 12
        return byte < 34 + 12 * n_sequences  # not the bounds of documents
    return name == "webdataset.tar" and byte % 1024 < 512  # the header of a member


@pytest.mark.parametrize(("name", "file"), FILES)
def test_flipped_bits(tmp_path, name, file):
    _, source_format, lengths = SOURCES[name]
    source = copied(tmp_path, name)
    path = tmp_path / file
    content = path.read_bytes()
    bits = random.Random(0).sample(range(8 * len(content)), min(8 * len(content), 128))
    for bit in bits:
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        found = read_lengths(source, source_format)
        if is_held_twice(name, file, bit // 8):
            assert found == lengths or isinstance(found, str), bit


MEGATRON_DAMAGE = {
    "another magic": (0, b"X", "byte 0 of a.idx: expected .*MMIDIDX"),
    "an old index": (0, b"TNTIDX\0\0", "an index of fairseq and old Megatron"),
    "a newer version": (
        9,
        struct.pack("<Q", 2),
        "byte 9 .*: expected version 1, found",
    ),
    "the other byte order": (9, struct.pack(">Q", 1), "in the other byte order"),
    "an unknown dtype": (17, b"\x0b", "byte 17 .*: expected a dtype code of 1, 2, 3"),
    "floats": (17, b"\x07", "Hint: tokens are integers"),
    "too many sequences": (18, struct.pack("<Q", 1 << 40), "expected the end at byte"),
    "too many documents": (26, struct.pack("<Q", 1 << 60), "expected the end at byte"),
    "no documents": (26, struct.pack("<Q", 0), "byte 26 .*: expected at least 1"),
    "another length": (34, struct.pack("<i", 4), "byte 34 .*: expected the tokens of"),
    "a negative length": (34, struct.pack("<i", -3), "byte 34 .*: expected the tokens"),
    "another place": (70, struct.pack("<q", 8), "the tokens of sequence 0, which has"),
    "a negative place": (62, struct.pack("<q", -8), "expected a place from 0 on"),
    "documents that decrease": (-16, struct.pack("<q", 0), "an offset of at least 5"),
    "a last document": (-8, struct.pack("<q", 8), "expected 7, found 8"),
}


@pytest.mark.parametrize("case", MEGATRON_DAMAGE)
def test_errors_of_megatron_name_the_byte(tmp_path, case):
    byte, replaced, message = MEGATRON_DAMAGE[case]
    path = write_megatron(tmp_path / "a.idx", DOCUMENTS)
    content = bytearray(path.read_bytes())
    byte %= len(content)
    content[byte : byte + len(replaced)] = replaced
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"(?s){message}"):
        scan_source(path, Request()).collect()


def test_counts_that_disagree_with_companions(tmp_path):
    path = write_megatron(tmp_path / "a.idx", DOCUMENTS)
    (tmp_path / "a.bin").write_bytes(bytes(10))
    with pytest.raises(DataError, match=r"byte 10 of a.bin: expected the end at byte"):
        scan_source(path, Request())
    source = copied(tmp_path, "olmo.npy")
    source.write_bytes(bytes(136))
    with pytest.raises(DataError, match=r"the 67 tokens of olmo.csv.gz, found 136 byt"):
        scan_source(source, Request())
    source = copied(tmp_path, "datatrove.ds")
    source.write_bytes(bytes(122))
    with pytest.raises(DataError, match="the files are not of each other"):
        scan_source(source, Request())


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3), "expected integers, found dtype '<f8'"),
        (np.zeros((2, 2), np.int64), "an array of one row was expected, got shape"),
        (np.zeros(2, "datetime64[s]"), "expected integers, found dtype '<M8"),
        (np.array([1, 1 << 63], np.uint64), r"expected a number below 2\*\*63"),
    ],
)
def test_arrays_that_are_no_lengths(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=message):
        scan_source(tmp_path / "a.npy", Request()).collect()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "the offset 0, found no values"),
        ([1, 2], "expected the offset 0, found 1"),
        ([0, 5, 4], "expected an offset of at least 5, found 4"),
    ],
)
def test_arrays_that_are_no_offsets(tmp_path, values, message):
    np.save(tmp_path / "a.npy", np.array(values, np.int64))
    with pytest.raises(DataError, match=message):
        scan_source(tmp_path / "a.npy", Request(), "npy-offsets").collect()


def test_panics_of_polars_are_errors(tmp_path):
    """Its readers of Arrow files trust the places that stand in them."""
    path = tmp_path / "a.arrow"
    pl.DataFrame({"input_ids": DOCUMENTS}).write_ipc(path)
    content = path.read_bytes()
    for byte in range(-200, -160):  # of the table of record batches
        damaged = bytearray(content)
        damaged[byte] ^= 0x40
        path.write_bytes(damaged)
        found = read_lengths(path, None)
        if found != LENGTHS:
            check_error(found, path)
