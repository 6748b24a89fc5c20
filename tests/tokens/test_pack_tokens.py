"""Tokens in, sequences out: against the assignment, carried out in plain Python."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack.documents.streaming import generate_lazily
from fastpack.tokens import moving
from oracle import in_sequences, sequences_of
from strategies import options_of, packings

LENGTH = pl.col("input_ids").list.len()

BOUNDARIES = [
    "seq_lengths",
    "cu_seqlens",
    "seq_start_id",
    "position_ids",
    "segment_ids",
    "chunk_starts",
]

DTYPES = [pl.UInt8, pl.UInt16, pl.Int32, pl.UInt32, pl.Int64]

BOS, EOS, PAD = 201, 202, 203


def number_tokens(lengths):
    """Return lists of these lengths, of tokens that are numbered modulo 200."""
    ends = np.cumsum([0, *lengths]).tolist()
    return [
        [number % 200 for number in range(start, end)] for start, end in pairwise(ends)
    ]


@st.composite
def corpora(draw):
    """Draw documents with tokens, in one piece or two, and what is asked for."""
    frame, rules, by, seed = draw(packings())
    ids = {}
    if rules.extra_tokens:
        added = {"bos_id": BOS, "eos_id": EOS}
        rules = rules._replace(extra_tokens=min(2, rules.extra_tokens))
        names = draw(st.permutations(list(added)))[: rules.extra_tokens]
        ids = {name: added[name] for name in names}
    if rules.align > 1 or draw(st.booleans()):
        ids["pad_id"] = PAD
    frame = frame.with_columns(
        pl.Series(
            "input_ids",
            number_tokens(frame["n_tokens"].to_list()),
            dtype=pl.List(draw(st.sampled_from(DTYPES))),
        )
    )
    token = pl.element().cast(pl.Int64)
    frame = frame.with_columns(
        pl.col("input_ids").list.eval(1000 - token).alias("labels"),
        pl.col("input_ids").list.eval(token % 3 == 0).alias("mask"),
        pl.col("input_ids").list.eval(token / 4).alias("weights"),
        doc_id=pl.format("d{}", pl.int_range(pl.len())),
    )
    cut = draw(st.integers(0, frame.height))
    parts = [frame[:cut], frame[cut:]] if draw(st.booleans()) else [frame]
    block = {"block_documents": draw(st.sampled_from([None, None, 1, 7, 50]))}
    options = {**options_of(rules, by, seed), **block, **ids}
    return pl.concat(parts, rechunk=False), options


def expected_sequences(frame, options, table):
    """Return the columns of the sequences, as lists."""
    capacity = options["context_length"]
    pads = {"input_ids": PAD, "labels": -100, "mask": False, "weights": 0.5}
    columns = {}
    for name, pad in pads.items():
        columns[name] = sequences_of(
            table,
            frame[name].to_list(),
            capacity,
            before=_added(options, "bos_id", name, pad),
            behind=_added(options, "eos_id", name, pad),
            pad=pad if "pad_id" in options else None,
        )
    columns["doc_id"] = [
        [f"d{document}" for document in row] for row in in_sequences(table, "document")
    ]
    extra = options["extra_tokens"]
    lengths = [[n + extra for n in row] for row in in_sequences(table, "chunk_length")]
    starts = in_sequences(table, "bin_offset")
    columns["seq_lengths"] = lengths
    columns["seq_start_id"] = starts
    columns["chunk_starts"] = in_sequences(table, "chunk_start")
    columns["cu_seqlens"], columns["position_ids"], columns["segment_ids"] = [], [], []
    for row, row_lengths, tokens in zip(
        starts, lengths, columns["input_ids"], strict=True
    ):
        end = row[-1] + row_lengths[-1] + -row_lengths[-1] % options["align"]
        columns["cu_seqlens"].append([*row, end])
        positions, segments = [0] * len(tokens), [0] * len(tokens)
        for number, (start, length) in enumerate(zip(row, row_lengths, strict=True), 1):
            segments[start : start + length] = [number] * length
            footprint = length + -length % options["align"]
            positions[start : start + footprint] = range(footprint)
        columns["position_ids"].append(positions)
        columns["segment_ids"].append(segments)
    return columns


def _added(options, name, column, pad):
    if name not in options:
        return []
    return [options[name] if column == "input_ids" else pad]


@given(corpora(), st.sampled_from([1, 3]))
def test_the_assignment_is_carried_out(corpus, n_threads):
    frame, options = corpus
    rules = {
        name: value
        for name, value in options.items()
        if name not in {"pad_id", "bos_id", "eos_id"}
    }
    table = fastpack.pack(frame, LENGTH, **rules)
    asked = {
        "columns": {"labels": -100, "mask": False, "weights": 0.5},
        "keep": "doc_id",
        "boundaries": BOUNDARIES,
        **options,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moving, "n_cores", lambda: n_threads)
        patch.setattr(moving, "_BYTES_A_THREAD", 40)
        sequences = fastpack.pack_tokens(frame, **asked)
    expected = expected_sequences(frame, options, table)
    assert sequences.columns == [*list(expected)[:5], *BOUNDARIES]
    for name in sequences.columns:
        assert sequences[name].to_list() == expected[name], name
    for name in ("input_ids", "labels", "mask", "weights"):
        inner = frame.schema[name].inner
        shape = options["context_length"]
        is_padded = "pad_id" in options
        dtype = pl.Array(inner, shape) if is_padded else pl.List(inner)
        assert sequences.schema[name] == dtype
    assert fastpack.pack_tokens(frame.lazy(), **asked).collect().equals(sequences)


def test_every_token_comes_back_once():
    rng = np.random.default_rng(4)
    lengths = np.clip(rng.lognormal(3, 1.5, 500), 0, 900).astype(int).tolist()
    documents = number_tokens(lengths)
    frame = pl.DataFrame({"input_ids": documents})
    sequences = fastpack.pack_tokens(
        frame, context_length=64, boundaries=["seq_lengths", "chunk_starts"]
    )
    back = [[None] * n for n in lengths]
    for row in sequences.iter_rows(named=True):
        tokens = iter(row["input_ids"])
        for document, start, length in zip(
            row["documents"], row["chunk_starts"], row["seq_lengths"], strict=True
        ):
            for place in range(start, start + length):
                assert back[document][place] is None
                back[document][place] = next(tokens)
        assert next(tokens, None) is None
    assert back == documents


def test_the_rows_of_trl():
    documents = [[1, 2, 3, 4, 5], [6, 7], [8, 9, 10], [11]]
    frame = pl.DataFrame({"input_ids": documents})
    sequences = fastpack.pack_tokens(frame, context_length=4)
    assert sequences.rows() == [
        ([1, 2, 3, 4], [0], [4]),
        ([8, 9, 10, 5], [2, 0], [3, 1]),
        ([6, 7, 11], [1, 3], [2, 1]),
    ]


def test_tokens_that_are_added():
    frame = pl.DataFrame({"input_ids": [[1, 2, 3], [4]], "labels": [[7, 8, 9], [6]]})
    options = {"context_length": 8, "columns": "labels", "pad_id": 0}
    both = fastpack.pack_tokens(frame, bos_id=100, eos_id=101, **options)
    assert both["input_ids"].to_list() == [[100, 1, 2, 3, 101, 100, 4, 101]]
    assert both["labels"].to_list() == [[-100, 7, 8, 9, -100, -100, 6, -100]]
    assert both["seq_lengths"].to_list() == [[5, 3]]
    one = fastpack.pack_tokens(frame, eos_id=101, extra_tokens=1, **options)
    assert one["input_ids"].to_list() == [[1, 2, 3, 101, 4, 101, 0, 0]]
    # A document of L tokens is cut: the tokens that are added need room.
    cut = fastpack.pack_tokens(frame, context_length=3, eos_id=101)
    assert cut["input_ids"].to_list() == [[1, 2, 101], [3, 101], [4, 101]]


def test_gaps_of_align():
    frame = pl.DataFrame({"input_ids": [[1, 2, 3], [4]]})
    sequences = fastpack.pack_tokens(
        frame, context_length=8, align=4, pad_id=0, boundaries=BOUNDARIES
    )
    assert sequences.drop("documents").rows() == [
        (
            [1, 2, 3, 0, 4, 0, 0, 0],
            [3, 1],
            [0, 4, 8],
            [0, 4],
            [0, 1, 2, 3, 0, 1, 2, 3],
            [1, 1, 1, 0, 2, 0, 0, 0],
            [0, 0],
        )
    ]


@pytest.mark.parametrize("pad_id", [None, 0])
@pytest.mark.parametrize("lists", [[], [[], []]])
def test_a_corpus_without_tokens(pad_id, lists):
    frame = pl.DataFrame({"input_ids": lists}, schema={"input_ids": pl.List(pl.UInt16)})
    for data in (frame, frame.lazy()):
        sequences = (
            fastpack.pack_tokens(
                data, context_length=8, pad_id=pad_id, boundaries=BOUNDARIES
            )
            .lazy()
            .collect()
        )
        assert sequences.height == 0
        assert sequences.columns == ["input_ids", "documents", *BOUNDARIES]
        tokens = pl.List(pl.UInt16) if pad_id is None else pl.Array(pl.UInt16, 8)
        assert sequences.schema["input_ids"] == tokens


def test_arrays_and_slices():
    rows = np.arange(60, dtype=np.uint16).reshape(12, 5)
    arrays = pl.DataFrame({"input_ids": pl.Series(rows)})
    lists = arrays.with_columns(pl.col("input_ids").arr.to_list())
    for first, n in ((0, 12), (3, 7), (11, 1)):
        expected = None
        for frame in (
            lists,
            arrays,
            pl.concat([arrays[:4], arrays[4:]], rechunk=False),
        ):
            sequences = fastpack.pack_tokens(frame[first : first + n], context_length=7)
            assert sequences.schema["input_ids"] == pl.List(pl.UInt16)
            expected = sequences if expected is None else expected
            assert sequences.equals(expected)
    one = fastpack.pack_tokens(arrays[3:4], context_length=7)
    assert one["input_ids"].to_list() == [[15, 16, 17, 18, 19]]


def test_kept_columns():
    frame = pl.DataFrame(
        {
            "input_ids": [[1, 2, 3], [4], [5, 6]],
            "url": ["a", None, "c"],
            "day": pl.Series([1, 2, 3]).cast(pl.Date),
            "source": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
        }
    )
    sequences = fastpack.pack_tokens(
        frame, context_length=4, keep=["url", pl.col("day"), "source"]
    )
    assert sequences.columns == ["input_ids", "url", "day", "source", "seq_lengths"]
    assert sequences["url"].to_list() == [["a", None], ["c"]]
    assert sequences["source"].to_list() == [["x", "y"], ["x"]]
    assert sequences["day"].dtype == pl.List(pl.Date)


def test_lazily_only_what_is_asked_for_is_read_and_made():
    frame = pl.DataFrame(
        {"input_ids": [[1, 2, 3], [4]], "labels": [[1, 2, 3], [4]], "id": ["a", "b"]}
    )
    read = []

    def note(wanted):
        read.append(wanted)
        yield frame

    lazy = fastpack.pack_tokens(
        generate_lazily(frame.schema, note),
        context_length=4,
        columns="labels",
        keep="id",
    )
    assert read == []
    assert lazy.select("seq_lengths").collect().rows() == [([3, 1],)]
    names = lazy.select("id", "input_ids").collect()
    assert names.rows() == [(["a", "b"], [1, 2, 3, 4])]
    assert lazy.filter(pl.col("labels").list.len() > 4).collect().height == 0
    assert lazy.head(1).collect().width == 4
    assert list(map(set, read)) == [
        {"input_ids"},
        {"input_ids", "id"},
        {"input_ids", "id", "labels"},
        {"input_ids", "id", "labels"},
    ]


def test_data_of_any_container():
    pyarrow = pytest.importorskip("pyarrow")
    documents = {"input_ids": [[1, 2, 3], [4]]}
    expected = fastpack.pack_tokens(pl.DataFrame(documents), context_length=4)
    assert fastpack.pack_tokens(pyarrow.table(documents), context_length=4).equals(
        expected
    )
