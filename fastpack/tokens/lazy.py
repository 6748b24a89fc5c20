"""Lazy frames: documents that are read when their sequences are collected."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

import polars as pl
import polars.selectors as cs

from fastpack.documents.streaming import collect_in_batches, generate_lazily
from fastpack.options import PackingOptions
from fastpack.tokens.block import pack_block
from fastpack.tokens.sequence_options import SequenceOptions


def pack_tokens_lazily(
    documents: pl.LazyFrame,
    sequence_options: SequenceOptions,
    packing_options: PackingOptions,
) -> pl.LazyFrame:
    """Pack as `fastpack.pack_tokens` does; nothing is read before it is collected.

    Of the result, only the columns that are asked for are made, and only those that
    they need are read. With the rule `block_documents` that is one streaming pass,
    which holds one block and its sequences at a time; without it, all documents.

    Parameters
    ----------
    documents
        Documents, as `fastpack.tokens.selection.select_documents` selects them.
    sequence_options, packing_options
        The options of the sequences, and the rules of the packing.
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
        first_document = 0
        blocks = _blocks(
            documents.select(cs.by_name(*read)), packing_options.block_documents
        )
        for number, block in enumerate(blocks):
            yield pack_block(
                block,
                options,
                packing_options.of_block(number),
                first_document,
                wanted=wanted,
            ).sequences
            first_document += block.height

    return generate_lazily(schema, sequences)


def _blocks(documents: pl.LazyFrame, n_documents: int | None) -> Iterator[pl.DataFrame]:
    """Read documents block by block; without a number, all are one block."""
    if n_documents is None:
        yield documents.collect()
        return
    block: list[pl.DataFrame] = []
    missing = n_documents
    for batch in collect_in_batches(documents, n_documents):
        start = 0
        while start < batch.height:
            part = batch[start : start + missing]
            block.append(part)
            start += part.height
            missing -= part.height
            if not missing:
                yield pl.concat(block, rechunk=False)
                block.clear()
                missing = n_documents
    if block:
        yield pl.concat(block, rechunk=False)
