"""Chunks of sequences that are written: what is read back is what was packed."""

from itertools import groupby, pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from command_line import fastpack_in_process
from fastpack import DataError, DataTypeError, OptionError, OptionTypeError
from fastpack.files.formats.format import Request
from fastpack.files.formats.registry import scan_source

ALL = ["seq_lengths", "cu_seqlens", "seq_start_id", "position_ids", "segment_ids"]

BOUNDARIES = [*([name] for name in ALL), *(["seq_lengths", name] for name in ALL[1:])]

documents = st.lists(st.lists(st.integers(1, 99), max_size=20), max_size=12)


@st.composite
def packed(draw):
    """Draw sequences of all boundaries and labels, and their `align`."""
    rows = draw(documents)
    align = draw(st.sampled_from([1, 1, 2, 4]))
    pad = 0 if align > 1 else draw(st.sampled_from([None, 0]))
    frame = pl.DataFrame(
        {
            "input_ids": rows,
            "labels": [[token if token % 2 else -100 for token in row] for row in rows],
        },
        schema=dict.fromkeys(["input_ids", "labels"], pl.List(pl.Int32)),
    )
    sequences = fastpack.pack_tokens(
        frame,
        context_length=8,
        columns="labels",
        boundaries=ALL,
        pad_id=pad,
        bos_id=draw(st.sampled_from([None, 101])),
        eos_id=draw(st.sampled_from([None, 102])),
        align=align,
    )
    return sequences, align


def chunks_of(row):
    """Return the first token and the tokens of each chunk, by the segment ids."""
    places = enumerate(row["segment_ids"])
    for number, part in groupby(places, key=lambda place: place[1]):
        first, *rest = [place for place, _ in part]
        if number:
            yield first, row["input_ids"][first : first + len(rest) + 1]


def read_megatron(path):
    """Return the pieces of each document."""
    index = path.read_bytes()
    n, m = np.frombuffer(index, "<u8", 2, offset=18).tolist()
    lengths = np.frombuffer(index, "<i4", n, offset=34)
    bounds = np.frombuffer(index, "<i8", m, offset=34 + 12 * n).tolist()
    tokens = np.fromfile(path.with_suffix(".bin"), "<i4")
    pieces = [part.tolist() for part in np.split(tokens, np.cumsum(lengths)[:-1])]
    return [pieces[a:b] for a, b in pairwise(bounds)]


def write(sequences, path, boundaries, align):
    """Write sequences with some boundaries; return whether these were enough."""
    frame = sequences.select("input_ids", *boundaries)
    try:
        fastpack.write_sequences(frame, path, align=align)
    except DataError:
        assert not set(boundaries) & {"seq_lengths", "segment_ids"}
        assert align > 1 or boundaries != ["cu_seqlens"]
        return False
    return True


@given(packed(), st.sampled_from(BOUNDARIES))
def test_megatron(tmp_path_factory, drawn, boundaries):
    sequences, align = drawn
    path = tmp_path_factory.mktemp("out") / "a.idx"
    if not write(sequences, path, boundaries, align):
        return
    for row, pieces in zip(sequences.to_dicts(), read_megatron(path), strict=True):
        assert [token for piece in pieces for token in piece] == row["input_ids"]
        # What is no chunk is padding, 0, which no document has.
        found = [piece for piece in pieces if any(piece)]
        assert found == [tokens for _, tokens in chunks_of(row)]
        assert not any(0 in piece for piece in found)


@given(packed(), st.sampled_from(BOUNDARIES))
def test_nemo(tmp_path_factory, drawn, boundaries):
    sequences, align = drawn
    path = tmp_path_factory.mktemp("out") / "a.idx.parquet"
    if not write(sequences, path, boundaries, align):
        return
    rows = pl.read_parquet(path).to_dicts()
    for row, written in zip(sequences.to_dicts(), rows, strict=True):
        chunks = list(chunks_of(row))
        assert written["seq_start_id"] == [start for start, _ in chunks]
        end = chunks[-1][0] + len(chunks[-1][1])
        assert written["input_ids"] == row["input_ids"][:end]
        assert written["loss_mask"] == [int(n > 0) for n in row["segment_ids"][:end]]


@given(packed())
def test_labels_are_the_loss_mask_of_nemo(tmp_path_factory, drawn):
    sequences, _ = drawn
    path = tmp_path_factory.mktemp("out") / "a.idx.parquet"
    fastpack.write_sequences(sequences, path)
    for row, mask in zip(
        sequences.to_dicts(), pl.read_parquet(path)["loss_mask"], strict=True
    ):
        trained = [int(label != -100) for label in row["labels"]]
        assert mask.to_list() == trained[: len(mask)]
        assert not any(trained[len(mask) :])


@given(packed(), st.sampled_from(["huggingface", "npy"]))
def test_all_columns_or_tokens(tmp_path_factory, drawn, name):
    sequences, _ = drawn
    path = tmp_path_factory.mktemp("out") / "a.npy"
    if name == "npy":
        sequences = sequences.cast({"input_ids": pl.List(pl.Int32)}).filter(
            pl.col("input_ids").list.len() == 8
        )
        fastpack.write_sequences(sequences, path)
        assert np.load(path).tolist() == sequences["input_ids"].to_list()
    else:
        fastpack.write_sequences(sequences, path, output_format=name)
        assert scan_source(path, Request()).collect().equals(sequences)


ALIGNED = fastpack.pack_tokens(
    pl.DataFrame({"input_ids": [[1, 2], [4, 5]]}, {"input_ids": pl.List(pl.Int32)}),
    context_length=8,
    boundaries=ALL,
    pad_id=0,
    align=4,
)


def repeated(columns, n=20):
    return pl.concat([ALIGNED.select("input_ids", *columns)] * n)


REFUSED = {
    "lengths without align": (
        ALIGNED.select("input_ids", "seq_lengths"),
        {},
        r"`seq_lengths` leave out tokens that are no padding.*Hint: pass the `align`",
    ),
    "another align": (
        ALIGNED.select("input_ids", "seq_lengths"),
        {"align": 2},
        "leave out tokens that are no padding",
    ),
    "a larger align": (
        ALIGNED.select("input_ids", "seq_lengths"),
        {"align": 16},
        "the boundaries do not fit the tokens",
    ),
    "starts, with gaps": (
        ALIGNED.select("input_ids", "cu_seqlens"),
        {"align": 4},
        r"`cu_seqlens` alone does not say where chunks end.*Hint: pack with boundaries",
    ),
    "starts that look aligned": (
        repeated(["cu_seqlens"], 40),
        {},
        "all chunks start at multiples of 4, and `cu_seqlens` does not say whether",
    ),
    "starts of arrays": (
        ALIGNED.select("input_ids", "seq_start_id"),
        {},
        "`seq_start_id` alone does not say where chunks end",
    ),
    "positions, then padding": (
        pl.DataFrame({"input_ids": [[1, 2, 0, 0]], "position_ids": [[0, 1, 0, 0]]}),
        {},
        "`position_ids` alone does not say where chunks end",
    ),
    "arrays alone": (ALIGNED.select("input_ids"), {}, "no column says where the chunk"),
    "starts of other chunks": (
        pl.DataFrame(
            {"input_ids": [[1, 2]], "seq_lengths": [[1, 1]], "seq_start_id": [[0]]}
        ),
        {},
        "the boundaries do not fit the tokens",
    ),
    "segments of other tokens": (
        pl.DataFrame({"input_ids": [[1, 2]], "segment_ids": [[1, 1, 1]]}),
        {},
        "the boundaries do not fit the tokens",
    ),
    "no position 0": (
        pl.DataFrame({"input_ids": [[1, 2], [3]], "position_ids": [[4, 5], [0]]}),
        {},
        "the boundaries do not fit the tokens",
    ),
    "no ends": (
        pl.DataFrame(
            {"input_ids": [[1]], "cu_seqlens": [[]]},
            schema_overrides={"cu_seqlens": pl.List(pl.Int32)},
        ),
        {},
        "the boundaries do not fit the tokens",
    ),
    "a negative token": (
        pl.DataFrame({"input_ids": [[1, -1], [3, 4]]}),
        {},
        "a token is -1\nHint: tokens are 0 or more",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(tmp_path, case):
    frame, settings, message = REFUSED[case]
    with pytest.raises(DataError, match=f"(?s){message}"):
        fastpack.write_sequences(frame, tmp_path / "a.idx", **settings)
    assert list(tmp_path.iterdir()) == []


def test_bad_columns_and_options(tmp_path):
    frame = ALIGNED.with_columns(segment_ids=pl.lit(pl.Series([[0.5] * 8])))
    with pytest.raises(
        DataTypeError, match="`segment_ids` must hold lists of integers"
    ):
        fastpack.write_sequences(frame, tmp_path / "a.idx")
    with pytest.raises(OptionError, match="`align` must be at least 1, got 0"):
        fastpack.write_sequences(ALIGNED, tmp_path / "a.idx", align=0)
    with pytest.raises(OptionTypeError, match="`align` must be an integer, got '4'"):
        fastpack.write_sequences(ALIGNED, tmp_path / "a.idx", align="4")


def test_align_that_is_said(tmp_path):
    fastpack.write_sequences(repeated(["cu_seqlens"], 40), tmp_path / "a.idx", align=1)
    assert read_megatron(tmp_path / "a.idx")[0] == [[1, 2, 0, 0], [4, 5, 0, 0]]
    frame = ALIGNED.select("input_ids", "seq_lengths")
    fastpack.write_sequences(frame, tmp_path / "b.idx", align=4)
    assert read_megatron(tmp_path / "b.idx") == [[[1, 2], [0, 0], [4, 5], [0, 0]]]


@pytest.fixture
def run(tmp_path):
    """A finished run of pack-tokens with gaps."""
    rows = {"input_ids": [[1, 2], [4, 5]], "labels": [[-100, 2], [4, 5]]}
    integers = pl.List(pl.Int32)
    pl.DataFrame(rows).cast(integers).write_parquet(tmp_path / "source.parquet")
    fastpack.pack_token_files(
        tmp_path / "source.parquet",
        tmp_path / "run",
        context_length=8,
        columns="labels",
        pad_id=0,
        align=4,
    )
    return tmp_path / "run"


def test_convert_knows_the_align_of_a_run(tmp_path, run, capsys):
    fastpack_in_process("convert", run, "--output", tmp_path / "a.idx", "--columns")
    assert read_megatron(tmp_path / "a.idx") == [[[1, 2], [0, 0], [4, 5], [0, 0]]]
    (block,) = run.glob("*.parquet")
    fastpack_in_process("convert", block, "--output", tmp_path / "a.idx.parquet")
    (row,) = pl.read_parquet(tmp_path / "a.idx.parquet").to_dicts()
    assert row == {
        "input_ids": [1, 2, 0, 0, 4, 5],
        "seq_start_id": [0, 4],
        "loss_mask": [0, 1, 0, 0, 1, 1],
    }
    printed = capsys.readouterr().err
    assert "left out, as the format cannot hold them: documents\n" in printed


def test_convert_names_what_it_leaves_out(tmp_path, run, capsys):
    fastpack_in_process("convert", run, "--output", tmp_path / "a.npy")
    assert "hold them: labels, documents, seq_lengths" in capsys.readouterr().err


WRONG = {
    "npy cannot hold: ['labels']\nHint: leave them out": ["--columns", "labels"],
    "was given as 2, and": ["--align", "2"],
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_arguments(tmp_path, run, capsys, message):
    output = tmp_path / "a.npy"
    assert fastpack_in_process("convert", run, "--output", output, *WRONG[message]) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_unfinished_runs_are_not_converted(tmp_path, run, capsys):
    manifest = run / "_fastpack/manifest.jsonl"
    manifest.write_text(manifest.read_text().splitlines()[0] + "\n")
    output = tmp_path / "a.npy"
    assert fastpack_in_process("convert", run, "--output", output) == 1
    assert "is not complete: run the same command again" in capsys.readouterr().err
    assert not output.exists()
