"""Blocks: what they leave out, and the last block that it makes."""

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack.tokens.block import pack_block
from fastpack.tokens.selection import select_documents
from fastpack.tokens.sequence_options import (
    check_packing_options,
    check_sequence_options,
)


def options_of(context_length, *, columns=(), keep=None, **options):
    """Return both kinds of options."""
    ids = {name: options.pop(name, None) for name in ("pad_id", "bos_id", "eos_id")}
    sequence_options = check_sequence_options(
        "input_ids", columns, keep, ["seq_lengths", "chunk_starts"], **ids
    )
    return sequence_options, check_packing_options(
        context_length, options, sequence_options
    )


def corpus(n, mean, seed=1):
    rng = np.random.default_rng(seed)
    lengths = np.clip(rng.lognormal(np.log(mean), 1.2, n), 0, 3000).astype(int)
    return pl.DataFrame(
        {
            "input_ids": [rng.integers(0, 999, length) for length in lengths],
            "doc_id": [f"d{number}" for number in range(n)],
            "source": [("web", "code")[number % 2] for number in range(n)],
        }
    ).with_columns(labels=pl.col("input_ids").list.eval(-pl.element()))


def chunks_in(sequences, n_extra=0, n_before=0):
    """Return the chunks of sequences: their document, their start, their values."""
    chunks = []
    for row in sequences.iter_rows(named=True):
        end = 0
        identifiers = row.get("documents") or row["doc_id"]
        for document, start, length in zip(
            identifiers, row["chunk_starts"], row["seq_lengths"], strict=True
        ):
            place = slice(end + n_before, end + length - n_extra + n_before)
            values = [row["input_ids"][place], row["labels"][place]]
            chunks.append((document, start, values))
            end += length
    return sorted(chunks)


RULES = [
    {},
    {"keep": "doc_id"},
    {"by": "source", "max_documents": 5},
    {"bos_id": 1, "eos_id": 2, "shuffle_seed": 3},
    {"bins_multiple": 4},
    {"pad_id": 0, "eos_id": 2, "min_chunk": 20},
]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("arrays", [False, True])
def test_blocks_and_what_they_leave_have_every_chunk(rules, arrays, tmp_path):
    frame = corpus(300, 40)
    if arrays:
        width = pl.Array(pl.Int64, 40)
        whole = frame.filter(pl.col("input_ids").list.len() >= 40)
        frame = whole.with_columns(
            pl.col("input_ids", "labels").list.head(40).cast(width)
        )
    sequence_options, options = options_of(512, columns="labels", **rules)
    documents = select_documents(frame, sequence_options, options.by_columns)
    blocks, left_out, n_tokens = [], [], 0
    for first in range(0, frame.height, 100):
        block = pack_block(
            documents[first : first + 100],
            sequence_options,
            options,
            first,
            leaves_out=True,
        )
        blocks.append(block.sequences)
        assert block.sequences.height % options.bins_multiple == 0
        # It goes over a file to another process.
        block.left_out.write_parquet(tmp_path / f"{first}.parquet")
        left_out.append(pl.read_parquet(tmp_path / f"{first}.parquet"))
        n_tokens += block.plan.packed
    leftovers = pl.concat(left_out)
    last = pack_block(leftovers, sequence_options, options)
    assert leftovers.height == last.plan.n_chunks
    assert leftovers.height > 0 or arrays or options.bins_multiple > 1
    assert last.sequences.schema == blocks[0].schema
    extra = options.extra_tokens, sequence_options.n_before
    found = chunks_in(pl.concat([*blocks, last.sequences]), *extra)
    whole = pack_block(documents, sequence_options, options).sequences
    assert found == chunks_in(whole, *extra)
    assert sum(len(values[0]) for _, _, values in found) == n_tokens


def test_sequences_below_half_full_are_left_out():
    frame = pl.DataFrame({"input_ids": [[1] * 8] * 3 + [[2] * 7, [3] * 3]})
    block = pack_block(frame, *options_of(8), leaves_out=True)
    assert block.sequences["input_ids"].to_list() == [[1] * 8] * 3 + [[2] * 7]
    assert block.left_out["input_ids"].to_list() == [[3] * 3]
    # 5 of 8: not below half, and more than 1 % of the tokens.
    frame = pl.DataFrame({"input_ids": [[1] * 8] * 3 + [[2] * 7, [3] * 5]})
    assert pack_block(frame, *options_of(8), leaves_out=True).left_out.height == 0


def test_sequences_below_90_percent_are_left_out_up_to_1_percent_of_the_tokens():
    frame = pl.DataFrame({"input_ids": [[1] * 10] * 250 + [[2] * 7, [3] * 8, [4] * 8]})
    block = pack_block(frame, *options_of(10), leaves_out=True)
    # 7 + 8 + 8 are less than 25.23 tokens, and with another 8 they are not.
    assert sorted(map(len, block.left_out["input_ids"].to_list())) == [7, 8, 8]
    more = pl.concat([frame, pl.DataFrame({"input_ids": [[5] * 8]})])
    block = pack_block(more, *options_of(10), leaves_out=True)
    assert sorted(map(len, block.left_out["input_ids"].to_list())) == [7, 8, 8]
    assert block.sequences.height == 251


def test_sequences_with_all_the_chunks_they_may_have_stay():
    frame = pl.DataFrame({"input_ids": [[1]] * 9})
    block = pack_block(frame, *options_of(16, max_documents=2), leaves_out=True)
    assert block.sequences["input_ids"].to_list() == [[1, 1]] * 4
    assert block.left_out.height == 1


def test_nothing_stays():
    frame = pl.DataFrame({"input_ids": [[1], [2]]})
    sequence_options, options = options_of(16)
    block = pack_block(frame, sequence_options, options, 5, leaves_out=True)
    assert block.sequences.height == 0
    last = pack_block(block.left_out, sequence_options, options)
    expected = pack_block(frame, sequence_options, options, 5).sequences
    assert last.sequences.equals(expected)
    assert last.sequences["documents"].to_list() == [[5, 6]]


def test_nothing_is_packed():
    frame = pl.DataFrame(
        {"input_ids": [[], []]}, schema={"input_ids": pl.List(pl.Int8)}
    )
    block = pack_block(frame, *options_of(16), leaves_out=True)
    assert (block.sequences.height, block.left_out.height) == (0, 0)
    assert block.plan.documents_empty == 2


def test_the_plan_is_that_of_all_documents():
    frame = corpus(100, 40)
    block = pack_block(frame.select("input_ids"), *options_of(128), leaves_out=True)
    lengths = frame["input_ids"].list.len()
    assert block.plan.as_dict() == fastpack.plan(lengths, context_length=128).as_dict()
