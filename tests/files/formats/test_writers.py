"""Training sequences in every format that is written, and read back from it."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from command_line import fastpack_in_process
from fastpack import (
    DataError,
    DataTypeError,
    OptionError,
    OptionTypeError,
    OutputExistsError,
    SourceNotFoundError,
)
from fastpack.files.formats.format import Request
from fastpack.files.formats.registry import scan_source
from fastpack.files.write_sequences import convert_files
from format_files import DOCUMENTS, ENDED, OWNERS, L, frame_of, joined
from strategies import sequences

BOUNDARIES = [
    ["cu_seqlens"],
    ["seq_lengths"],
    ["seq_lengths", "seq_start_id"],
]

CHUNKS = [[[1, 2, 3], [4, 5]], [[6] * L], [[7], [8], [9]]]


@given(sequences(), st.sampled_from([None, 0]), st.sampled_from(BOUNDARIES))
def test_megatron(tmp_path_factory, chunks, pad, boundaries):
    output = tmp_path_factory.mktemp("out") / "a.idx"
    frame = frame_of(chunks, pad).select("input_ids", *boundaries)
    fastpack.write_sequences(frame, output)
    documents = scan_source(output, Request()).collect()
    assert documents["input_ids"].to_list() == frame["input_ids"].to_list()
    index = output.read_bytes()
    n, m = np.frombuffer(index, "<u8", 2, offset=18).tolist()
    lengths = np.frombuffer(index, "<i4", n, offset=34).tolist()
    bounds = np.frombuffer(index, "<i8", m, offset=34 + 12 * n).tolist()
    for row, first, last in zip(chunks, bounds, bounds[1:], strict=False):
        n_chunks = len(row)
        assert lengths[first:last][:n_chunks] == list(map(len, row))
        rest = L - sum(map(len, row)) if pad is not None else 0
        assert lengths[first:last][n_chunks:] == [rest] * bool(rest)


def test_megatron_is_never_tokens_beside_another_index(tmp_path, monkeypatch):
    output = tmp_path / "a.idx"
    frame = frame_of(CHUNKS, None).select("input_ids", "seq_lengths")
    fastpack.write_sequences(frame, output)
    replace = type(output).replace

    def fail(path, target):
        if target.suffix == ".idx":
            raise OSError(5, "Input/output error")
        return replace(path, target)

    monkeypatch.setattr(type(output), "replace", fail)
    with pytest.raises(OSError, match=r"a\.idx cannot be written: Input/output error"):
        fastpack.write_sequences(frame[1:], output, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    monkeypatch.undo()
    fastpack.write_sequences(frame[1:], output, overwrite=True)
    documents = scan_source(output, Request()).collect()
    assert documents["input_ids"].to_list() == frame["input_ids"].to_list()[1:]


@given(sequences())
def test_a_matrix(tmp_path_factory, chunks):
    output = tmp_path_factory.mktemp("out") / "a.npy"
    frame = frame_of(chunks, 0)
    fastpack.write_sequences(frame.lazy(), output)
    matrix = np.load(output, mmap_mode="r")
    assert matrix.tolist() == frame["input_ids"].to_list()
    assert matrix.dtype == np.uint16


def test_a_dataset_of_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr("fastpack.files.formats.hugging_face._FILE_BYTES", 4000)
    monkeypatch.setattr("fastpack.files.write_sequences._BLOCK_ROWS", 2)
    frame = frame_of(CHUNKS * 10)
    fastpack.write_sequences(frame, tmp_path / "a", output_format="huggingface")
    names = [path.name for path in tmp_path.glob("a/*.arrow")]
    assert len(names) > 1
    assert f"data-00001-of-{len(names):05}.arrow" in names
    assert scan_source(tmp_path / "a", Request()).collect().equals(frame)


@given(sequences(), st.sampled_from([None, 0]))
def test_a_dataset(tmp_path_factory, chunks, pad):
    output = tmp_path_factory.mktemp("out") / "dataset"
    frame = frame_of(chunks, pad)
    fastpack.write_sequences(frame, output, output_format="huggingface")
    assert scan_source(output, Request()).collect().equals(frame)


@given(sequences(), st.sampled_from([None, 0]), st.sampled_from(BOUNDARIES))
def test_nemo(tmp_path_factory, chunks, pad, boundaries):
    output = tmp_path_factory.mktemp("out") / "a.idx.parquet"
    frame = frame_of(chunks, pad).select("input_ids", *boundaries)
    fastpack.write_sequences(frame, output)
    rows = pl.read_parquet(output)
    assert rows["input_ids"].to_list() == list(map(joined, chunks))
    starts = frame_of(chunks)["seq_start_id"].to_list()
    assert rows["seq_start_id"].to_list() == starts
    assert rows["loss_mask"].to_list() == [[1] * len(joined(row)) for row in chunks]


def test_nemo_takes_a_loss_mask(tmp_path):
    frame = frame_of(CHUNKS, 0)
    mask = [[token % 2 for token in row] for row in frame["input_ids"]]
    frame = frame.with_columns(loss_mask=pl.Series(mask, dtype=pl.List(pl.Int8)))
    fastpack.write_sequences(frame, tmp_path / "a.idx.parquet")
    rows = pl.read_parquet(tmp_path / "a.idx.parquet")
    assert rows["loss_mask"].to_list() == [[1, 0, 1, 0, 1], [0] * L, [1, 0, 1]]
    short = frame.with_columns(pl.col("loss_mask").list.head(2))
    with pytest.raises(DataError, match="does not have a value for each token"):
        fastpack.write_sequences(short, tmp_path / "b.idx.parquet")


def test_the_bytes_are_those_of_the_owners(tmp_path):
    """What their own writers made of the same sequences."""
    documents = pl.DataFrame(
        {"input_ids": pl.Series(DOCUMENTS, dtype=pl.List(pl.UInt16))}
    )
    fastpack.write_sequences(documents, tmp_path / "megatron.idx")
    for name in ("megatron.idx", "megatron.bin"):
        assert (tmp_path / name).read_bytes() == (OWNERS / name).read_bytes()
    ended = pl.DataFrame(
        {
            "seq_lengths": pl.Series(
                [[len(row)] for row in ENDED], dtype=pl.List(pl.Int32)
            ),
            "input_ids": pl.Series(ENDED, dtype=pl.List(pl.UInt16)),
        }
    )
    fastpack.write_sequences(ended, tmp_path / "mds", output_format="mds")
    names = sorted(path.name for path in (OWNERS / "mds").iterdir())
    assert sorted(path.name for path in (tmp_path / "mds").iterdir()) == names
    for name in names:
        written = (tmp_path / "mds" / name).read_bytes()
        assert written == (OWNERS / "mds" / name).read_bytes()


def test_shards_of_mds(tmp_path, monkeypatch):
    monkeypatch.setattr("fastpack.files.formats.mds._SHARD_BYTES", 1000)
    rows = [[number] * 70 for number in range(40)]
    tokens = pl.Series(rows, dtype=pl.Array(pl.Int32, 70))
    frame = pl.DataFrame({"tokens": tokens})
    fastpack.write_sequences(frame, tmp_path / "mds", "tokens", output_format="mds")
    index = json.loads((tmp_path / "mds/index.json").read_text())
    assert len(index["shards"]) > 1
    read = []
    for shard in index["shards"]:
        data = (tmp_path / "mds" / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"] <= 1000
        n = int(np.frombuffer(data, "<u4", 1)[0])
        assert n == shard["samples"]
        assert shard["column_encodings"] == ["ndarray:int32:70"]
        offsets = np.frombuffer(data, "<u4", n + 1, 4).tolist()
        assert offsets[-1] == len(data)
        read += [np.frombuffer(data, "<i4", 70, at).tolist() for at in offsets[:-1]]
    assert read == rows


@pytest.mark.parametrize("dtype", [pl.UInt8, pl.Int16, pl.UInt32, pl.Int64, pl.UInt64])
def test_dtypes_of_megatron(tmp_path, dtype):
    frame = frame_of(CHUNKS, dtype=dtype)
    fastpack.write_sequences(frame, tmp_path / "a.idx")
    documents = scan_source(tmp_path / "a.idx", Request()).collect()["input_ids"]
    assert documents.to_list() == frame["input_ids"].to_list()
    signed = {pl.UInt32: pl.Int32, pl.UInt64: pl.Int64}.get(dtype, dtype)
    assert documents.dtype == pl.List(signed)


BAD = {
    "no suffix": ({"output": "a"}, OptionError, "the suffix of the output says no for"),
    "another suffix": (
        {"output": "a.bin", "output_format": "megatron"},
        OptionError,
        r"must be a .idx file, got .*a.bin'\nHint: such as a.idx",
    ),
    "no format": ({"output_format": "csv"}, OptionError, "no format that is written"),
    "no name": ({"output_format": 5}, OptionTypeError, "`output_format` must be a nam"),
    "no folder": ({"output": "b/a.idx"}, SourceNotFoundError, "the folder of the outp"),
    "no column": ({"tokens": "ids"}, DataError, "`tokens` names a column that is abse"),
    "no text": ({"tokens": 5}, OptionTypeError, "`tokens` must be a column's name"),
    "texts": ({"frame": pl.DataFrame({"input_ids": [["a"]]})}, DataTypeError, "lists"),
    "floats": (
        {"frame": pl.DataFrame({"input_ids": [[0.5]]})},
        DataTypeError,
        "must hold lists of integers, got List",
    ),
    "nulls": ({"frame": pl.DataFrame({"input_ids": [[1, None]]})}, DataError, "null"),
    "too large": (
        {
            "frame": pl.DataFrame(
                {"input_ids": pl.Series([[1 << 31]], dtype=pl.List(pl.UInt32))}
            )
        },
        DataError,
        "a token is 2,147,483,648, and Megatron's int32 holds up to 2,147,483,647",
    ),
    "other boundaries": (
        {"frame": pl.DataFrame({"input_ids": [[1, 2]], "seq_lengths": [[3]]})},
        DataError,
        "the boundaries do not fit the tokens",
    ),
    "boundaries that decrease": (
        {"frame": pl.DataFrame({"input_ids": [[1, 2]], "cu_seqlens": [[0, 2, 1]]})},
        DataError,
        "the boundaries do not fit the tokens",
    ),
    "ragged": (
        {"frame": pl.DataFrame({"input_ids": [[1, 2], [3]]}), "output": "a.npy"},
        DataError,
        "sequences have 2 tokens and 1, the first such one is 1",
    ),
    "names in MDS": (
        {
            "frame": pl.DataFrame({"input_ids": [[1]], "id": [["a"]]}),
            "output": "a",
            "output_format": "mds",
        },
        DataTypeError,
        r"`id` is List\(String\), and MDS gets numbers, .*Hint: leave the column out",
    ),
    "nulls in MDS": (
        {
            "frame": pl.DataFrame({"input_ids": [[1]] * 2, "id": ["a", None]}),
            "output": "a",
            "output_format": "mds",
        },
        DataError,
        "`id` has null values\nHint: fill them",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(tmp_path, case):
    given, error, message = BAD[case]
    settings = {"frame": frame_of(CHUNKS), "output": "a.idx", **given}
    output = tmp_path / settings.pop("output")
    with pytest.raises(error, match=f"(?s){message}"):
        fastpack.write_sequences(settings.pop("frame"), output, **settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "output_format"),
    [("a.idx", None), ("a.npy", None), ("a", "huggingface"), ("a", "mds")],
)
def test_outputs_are_whole_or_not_there(tmp_path, name, output_format):
    output = tmp_path / name

    def write(frame, **settings):
        fastpack.write_sequences(frame, output, output_format=output_format, **settings)

    def contents():
        return {
            path.relative_to(tmp_path): path.read_bytes()
            for path in tmp_path.rglob("*")
            if path.is_file()
        }

    write(frame_of(CHUNKS, 0))
    before = contents()
    with pytest.raises(OutputExistsError, match="the output exists already"):
        write(frame_of(CHUNKS, 0))
    broken = (
        frame_of(CHUNKS, 0)
        .lazy()
        .select(pl.all().map_batches(_fail, return_dtype=pl.self_dtype()))
    )
    with pytest.raises(ZeroDivisionError):
        write(broken, overwrite=True)
    assert contents() == before
    write(frame_of(CHUNKS[:1], 0), overwrite=True)
    assert contents().keys() == before.keys()
    assert contents() != before


def _fail(_):
    raise ZeroDivisionError


def test_folders_of_others_are_not_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    fastpack.write_sequences(
        frame_of(CHUNKS), tmp_path / "mine", output_format="huggingface"
    )
    shutil.rmtree(tmp_path / "mine")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").touch()
    with pytest.raises(
        OutputExistsError, match=r"no earlier one: it has no state\.json"
    ):
        fastpack.write_sequences(
            frame_of(CHUNKS),
            tmp_path / "mine",
            output_format="huggingface",
            overwrite=True,
        )
    assert (tmp_path / "mine/thesis.tex").exists()


def test_convert(tmp_path, capsys):
    for number in range(2):
        frame_of(CHUNKS, 0).write_parquet(tmp_path / f"{number}.parquet")
    sources = [str(tmp_path / f"{number}.parquet") for number in range(2)]
    output = tmp_path / "out"
    fastpack_in_process(
        "convert",
        *sources,
        "--output",
        output,
        "--output-format",
        "huggingface",
        "--columns",
        "seq_lengths",
    )
    rows = scan_source(output, Request()).collect()
    both = pl.concat([frame_of(CHUNKS, 0)] * 2)
    assert rows.equals(both.select("input_ids", "seq_lengths"))
    fastpack_in_process("convert", output, "--output", tmp_path / "a.idx")
    assert "counts as one document" not in capsys.readouterr().err
    # Chunks in an .idx file are not read as boundaries.
    fastpack_in_process("convert", tmp_path / "a.idx", "--output", tmp_path / "b.idx")
    assert "each sequence counts as one document" in capsys.readouterr().err
    assert (
        scan_source(tmp_path / "a.idx", Request()).collect()["input_ids"].to_list()
        == both["input_ids"].to_list()
    )


def test_formats(capsys):
    fastpack_in_process("formats")
    table = capsys.readouterr().out
    fastpack_in_process("formats", "--json")
    listed = json.loads(capsys.readouterr().out)
    by_name = {each["name"]: each for each in listed}
    for name in by_name:
        assert name in table
    assert by_name["megatron"]["files"] == [".idx"]
    assert by_name["flat"]["settings"] == ["dtype", "end", "start"]
    assert not by_name["npy"]["reads_tokens"]
    assert by_name["mds"]["writes_sequences"]
    assert not by_name["mds"]["reads_lengths"]


def test_what_killed_writers_left_is_removed(tmp_path):
    left = tmp_path / ".fastpack-0123456789abcdef.tmp"
    left.mkdir()
    (left / "data").touch()
    fastpack.write_sequences(frame_of(CHUNKS), tmp_path / "a", output_format="mds")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_nothing_is_written_over_a_companion(tmp_path):
    (tmp_path / "a.bin").touch()
    with pytest.raises(OutputExistsError, match=r"exists already: .*a\.bin"):
        fastpack.write_sequences(frame_of(CHUNKS), tmp_path / "a.idx")


def test_numbers_and_texts_in_mds(tmp_path):
    """As in a sample of MDSWriter: first the sizes of what varies."""
    frame = pl.DataFrame(
        {"b": ["é", ""], "a": [1.5, 2.0], "c": [[7], [8, 9]], "d": [True, False]},
        schema_overrides={"a": pl.Float32, "c": pl.List(pl.Int8)},
    )
    fastpack.write_sequences(frame, tmp_path / "mds", "c", output_format="mds")
    (shard,) = json.loads((tmp_path / "mds/index.json").read_text())["shards"]
    assert shard["column_names"] == ["a", "b", "c", "d"]
    assert shard["column_encodings"] == ["float32", "str", "ndarray:int8", "uint8"]
    assert shard["column_sizes"] == [4, None, None, 1]
    data = (tmp_path / "mds/shard.00000.mds").read_bytes()
    first, second, end = np.frombuffer(data, "<u4", 3, 4).tolist()
    assert data[first:second] == (
        b"\2\0\0\0"
        b"\3\0\0\0" + np.float32(1.5).tobytes() + "é".encode() + b"\4\1\7" + b"\1"
    )
    assert data[second:end] == (
        b"\0\0\0\0" + b"\4\0\0\0" + np.float32(2).tobytes() + b"\4\2\x08\x09" + b"\0"
    )


def test_no_source_is_written_over(tmp_path):
    frame = frame_of(CHUNKS, 0)
    fastpack.write_sequences(frame, tmp_path / "a.idx")
    fastpack.write_sequences(frame, tmp_path / "a", output_format="huggingface")
    (tmp_path / "b.bin").write_bytes((tmp_path / "a.bin").read_bytes())
    (tmp_path / "link.idx").symlink_to(tmp_path / "a.idx")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for source, output, formats in (
        ("a.idx", "a.idx", {}),
        ("a.idx", "link.idx", {}),
        ("b.bin", "b.idx", {"source_format": "flat:dtype=uint16,end=0"}),
        ("a", "a", {"output_format": "huggingface"}),
    ):
        with pytest.raises(OutputExistsError, match="the output is one of the sources"):
            convert_files(
                [tmp_path / source],
                tmp_path / output,
                "input_ids",
                overwrite=True,
                **formats,
            )
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
