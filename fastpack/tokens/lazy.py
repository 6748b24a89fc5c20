"""Lazy frames: documents that are read when their sequences are collected."""

from collections.abc import Generator, Sequence
from dataclasses import replace

import polars as pl
import polars.selectors as cs

from fastpack.documents.streaming import generate_lazily
from fastpack.options import PackingOptions
from fastpack.tokens.block import pack_block
from fastpack.tokens.sequence_options import SequenceOptions


def pack_lazily(
    documents: pl.LazyFrame,
    sequence_options: SequenceOptions,
    packing_options: PackingOptions,
) -> pl.LazyFrame:
    """Pack as `fastpack.pack_tokens` does; nothing is read before it is collected.

    Of the result, only the columns that are asked for are made, and only those that
    they need are read.

    Parameters
    ----------
    documents
        Documents, as `fastpack.tokens.selection.select_documents` selects them.
    sequence_options, packing_options
        What sequences hold, and the rules.
    """
    empty = pl.DataFrame(schema=documents.collect_schema())
    schema = pack_block(empty, sequence_options, packing_options).sequences.schema

    def sequences(wanted: Sequence[str]) -> Generator[pl.DataFrame]:
        columns = sequence_options.columns
        options = replace(
            sequence_options,
            columns={name: columns[name] for name in columns if name in wanted},
        )
        read = [
            name
            for name in empty.columns
            if name == options.tokens or name in wanted or name.startswith("\0")
        ]
        block = documents.select(cs.by_name(*read)).collect()
        yield pack_block(block, options, packing_options, wanted=wanted).sequences

    return generate_lazily(schema, sequences)
