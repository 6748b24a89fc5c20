"""pack_tokens(): documents with their tokens in, training sequences out."""

from typing import Any, Unpack

import polars as pl

from fastpack.documents.inputs import Keep, as_frame
from fastpack.options import PackingRules
from fastpack.tokens.block import pack_block
from fastpack.tokens.selection import select_documents
from fastpack.tokens.sequence_options import (
    Columns,
    check_packing_options,
    check_sequence_options,
)


def pack_tokens(
    data: Any,
    tokens: str = "input_ids",
    *,
    context_length: int,
    columns: Columns = (),
    keep: Keep | None = None,
    boundaries: Any = ("seq_lengths",),
    pad_id: int | None = None,
    bos_id: int | None = None,
    eos_id: int | None = None,
    **rules: Unpack[PackingRules],
) -> pl.DataFrame:
    sequence_options = check_sequence_options(
        tokens, columns, keep, boundaries, pad_id=pad_id, bos_id=bos_id, eos_id=eos_id
    )
    packing_options = check_packing_options(context_length, rules, sequence_options)
    frame = as_frame(data)
    documents = select_documents(frame, sequence_options, packing_options.by_columns)
    return pack_block(documents, sequence_options, packing_options).sequences
