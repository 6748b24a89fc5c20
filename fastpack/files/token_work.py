"""The work on blocks of tokens: functions that any executor can send to a worker."""

import hashlib
import io
import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.streaming import generate_lazily
from fastpack.errors import DataError, OptionError
from fastpack.files.home import Ticket
from fastpack.files.reading import errors_name
from fastpack.files.shard import entry_of
from fastpack.files.token_blocks import Block, LastBlock
from fastpack.files.token_sources import TokenSelection, read_documents
from fastpack.forks import refuse_forked
from fastpack.options import PackingOptions
from fastpack.outputs import checksum_of, write_parquet
from fastpack.packing.plan import PackingPlan
from fastpack.packing.plan_file import decode_histogram, encode_histogram
from fastpack.storage.access import read_bytes
from fastpack.storage.location import Location
from fastpack.tokens.block import PackedBlock, pack_block
from fastpack.tokens.columns import ListColumn
from fastpack.version import __version__

_ROW_GROUP_TOKENS = 4_000_000
"""Tokens in a row group of an output: the part that readers load at a time."""

_PAGE_BYTES = 1 << 24
"""Of a page: to compress 1 MB at a time takes 15 % longer, 4 MB 2 %."""

_LAST_TOKENS = 32_000_000
"""Tokens of the last block that are packed together: what one worker can hold."""


class Compression(NamedTuple):
    """The compression of Parquet files, as Polars takes it."""

    compression: Any
    compression_level: int | None

    def check(self) -> None:
        """Refuse what Polars refuses."""
        try:
            pl.DataFrame({"": [0]}).write_parquet(io.BytesIO(), **self._asdict())
        except (ValueError, TypeError, PolarsError) as error:
            name, level = self
            msg = (
                f"`compression` {name!r} of `compression_level` {level!r} is refused "
                f"by Polars: {error}\n"
                "Hint: such as 'zstd' of 1 ... 22, 'lz4', 'snappy' or 'uncompressed'."
            )
            raise OptionError(msg) from error


class BlockRules(NamedTuple):
    """All that the outputs depend on, beside the documents.

    Parameters
    ----------
    columns
        The columns that are read, and what the sequences hold.
    options
        The rules of the packing.
    compression
        That of the outputs.
    leaves_out
        Whether a block leaves the chunks of its emptiest sequences to the last one.
    """

    columns: TokenSelection
    options: PackingOptions
    compression: Compression
    leaves_out: bool = False

    def describe_sequences(self) -> dict[str, Any]:
        """Return the rules beside the columns and those of the packing, for JSON."""
        sequences = self.columns.sequences
        return {
            "block_documents": self.options.block_documents,
            "boundaries": list(sequences.boundaries),
            "pad_id": sequences.pad_id,
            "bos_id": sequences.bos_id,
            "eos_id": sequences.eos_id,
            "pad_values": dict(sequences.columns),
            **self.compression._asdict(),
        }

    def of_block(self, number: int) -> PackingOptions:
        """Return the rules by which a block is packed: its seed is its own."""
        # Blocks are cut here: for its seed, any size will do.
        seeds = replace(self.options, by=None, block_documents=1)
        seed = seeds.of_block(number).shuffle_seed
        return replace(self.options, block_documents=None, shuffle_seed=seed)

    def write(
        self,
        sequences: pl.DataFrame | pl.LazyFrame,
        output: Location,
        entry: dict[str, Any],
        ticket: Ticket,
    ) -> dict[str, Any]:
        """Write sequences; return the output's entry in the manifest."""
        metadata = {
            "version": __version__,
            "columns": self.columns.as_dict(),
            "options": self.options.as_dict(),
            "sequences": self.describe_sequences(),
            "job": ticket.job_id,
            "shard": entry,
        }
        write_parquet(
            sequences,
            output,
            metadata,
            overwrite=True,
            follow_link=False,
            check=ticket.check,
            **self.compression._asdict(),
            row_group_size=max(1, _ROW_GROUP_TOKENS // self.options.context_length),
            data_page_size=_PAGE_BYTES,
        )
        return entry_of(output, entry)


class Leftovers(NamedTuple):
    """The file of what a block leaves for the end of the run.

    That is the chunks of its emptiest sequences, each as a document, and in the
    metadata the histogram of the block.

    Parameters
    ----------
    path
        The file.
    tokens
        The tokens of the chunks.
    sha256
        The checksum of the file.
    """

    path: Location
    tokens: int
    sha256: str

    def read(self) -> bytes:
        """Read the file; raise DataError if it is not as it was written."""
        content = read_bytes(self.path)
        if content is not None and hashlib.sha256(content).hexdigest() == self.sha256:
            return content
        msg = (
            f"{self.path} was changed while its source was packed\n"
            "Hint: run the same command again to go on."
        )
        raise DataError(msg)

    def documents(self) -> pl.DataFrame:
        """Return the chunks."""
        return pl.read_parquet(self.read())

    def histogram(self) -> Histogram:
        """Return the histogram of the block."""
        metadata = json.loads(pl.read_parquet_metadata(self.read())["fastpack"])
        return decode_histogram(metadata["histogram"])


def pack_one_block(block: Block, rules: BlockRules, ticket: Ticket) -> dict[str, Any]:
    """Pack the documents of a block; write its sequences, and what it leaves out.

    Returns
    -------
    dict
        The block's entry in the manifest.
    """
    refuse_forked()
    documents = read_documents(block.spans, rules.columns)
    with errors_name(block.spans[0].source.path):
        packed = pack_block(
            documents,
            rules.columns.sequences,
            rules.of_block(block.number),
            block.first_document,
            leaves_out=rules.leaves_out,
        )
    del documents
    left_out = pl.DataFrame() if packed.left_out is None else packed.left_out
    write_parquet(
        left_out,
        block.leftovers,
        {"histogram": encode_histogram(packed.plan.histogram)},
        overwrite=True,
        follow_link=False,
        check=ticket.check,
    )
    n_left_out = 0
    if packed.left_out is not None:
        tokens = ListColumn(left_out[rules.columns.sequences.tokens], 0)
        n_left_out = int(tokens.lengths.sum())
    entry = {
        "first_document": block.first_document,
        "documents": block.n_documents,
        "rows": packed.sequences.height,
        "tokens": packed.plan.packed - n_left_out,
        "leftovers": {"tokens": n_left_out, "sha256": checksum_of(block.leftovers)},
    }
    return rules.write(packed.sequences, block.output, entry, ticket)


def pack_last_block(
    last: LastBlock,
    leftovers: Sequence[Leftovers],
    rules: BlockRules,
    first_number: int,
    ticket: Ticket,
) -> dict[str, Any]:
    """Pack what all blocks have left; write the sequences.

    Rests of more tokens than a worker can hold are packed in several parts.

    Parameters
    ----------
    last
        The file to write.
    leftovers
        The leftovers of each block, in the order of the blocks.
    rules
        The rules.
    first_number
        The number of the first part, as those of blocks.
    ticket
        The right to write to the target.

    Returns
    -------
    dict
        The block's entry in the manifest.
    """
    refuse_forked()
    parts = list(_parts(leftovers))

    plans: list[PackingPlan | None] = [None] * len(parts)

    def packed() -> Iterator[PackedBlock]:
        for i, part in enumerate(parts):
            documents = pl.concat([each.documents() for each in part], rechunk=False)
            options = rules.of_block(first_number + i)
            block = pack_block(
                documents, rules.columns.sequences, options, plan=plans[i]
            )
            plans[i] = block.plan  # a search might end another way
            yield block

    rows = tokens = 0
    for block in packed():  # for the metadata, which is written first
        rows += block.sequences.height
        tokens += block.plan.packed
        schema = block.sequences.schema
    entry = {"documents": 0, "rows": rows, "tokens": tokens}

    def tables(_: Sequence[str]) -> Generator[pl.DataFrame]:
        for block in packed():
            yield block.sequences

    return rules.write(generate_lazily(schema, tables), last.output, entry, ticket)


def _parts(leftovers: Sequence[Leftovers]) -> Iterator[list[Leftovers]]:
    """Divide leftovers into parts that a worker can hold; there is at least one."""
    part: list[Leftovers] = []
    tokens = 0
    for each in leftovers:
        if part and tokens + each.tokens > _LAST_TOKENS:
            yield part
            part, tokens = [], 0
        part.append(each)
        tokens += each.tokens
    yield part
