"""Blocks: documents that are packed by themselves, by the rule `block_documents`.

Blocks are cut out of batches, in the order of the corpus. The histogram of a corpus in
blocks is a `GroupedHistogram` whose first column is the number of the block.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from fastpack.documents.batches import Batch
from fastpack.documents.grouped_histogram import (
    GroupedHistogram,
    Histogram,
    add_up_entries,
)
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.options import BLOCK


def cut_at_blocks(
    batches: Iterable[Batch], size: int | None, first_document: int = 0
) -> Iterator[tuple[int, Batch]]:
    """Cut batches where a block begins; give each part with the number of its block.

    Parameters
    ----------
    batches
        The documents, in the order of the corpus.
    size
        The documents of a block; None is one block of all, which is not cut.
    first_document
        The number of the first document in the corpus.
    """
    document = first_document
    for batch in batches:
        if size is None:
            yield 0, batch
            continue
        start = 0
        while start < batch.n_documents:
            number, before = divmod(document, size)
            part = batch.part(start, start + size - before)
            yield number, part
            start += part.n_documents
            document += part.n_documents


def join_blocks(
    blocks: Sequence[tuple[int, Histogram]],
    by: pl.DataFrame,
    block_documents: int | None,
) -> Histogram:
    """Return the histogram of a corpus, of those of its blocks, in their order.

    Parameters
    ----------
    blocks
        The number and the documents of each block that has some; without the rule
        `block_documents` there is one block.
    by
        The columns of the rule `by`; their rows are not looked at.
    block_documents
        That rule.
    """
    if block_documents is None:
        return blocks[0][1]
    numbers: list[Int64Array] = [np.empty(0, np.int64)]
    groups = [by.clear()]
    entries = [(np.empty(0, np.int64),) * 3]
    n_groups = 0
    for number, histogram in blocks:
        of_groups, lengths, counts = histogram.numbered()
        entries.append((of_groups + n_groups, lengths, counts))
        groups.append(histogram.groups)
        numbers.append(np.full(max(histogram.groups.height, 1), number))
        n_groups += numbers[-1].size
    columns = pl.DataFrame({BLOCK: np.concatenate(numbers)})
    if by.width:
        columns = columns.hstack(pl.concat(groups))
    return add_up_entries(columns, entries)


def split_blocks(
    histogram: Histogram, block_documents: int | None
) -> Iterator[tuple[int, Histogram]]:
    """Give the number and the histogram of each block: what `join_blocks` joined.

    Without the rule `block_documents`, all documents are block 0.
    """
    if block_documents is None or not isinstance(histogram, GroupedHistogram):
        yield 0, histogram
        return
    blocks = histogram.groups.get_column(BLOCK).to_numpy()
    by = histogram.groups.drop(BLOCK)
    firsts = np.flatnonzero(np.diff(blocks, prepend=-1)).tolist()
    for first, end in pairwise([*firsts, blocks.size]):
        starts = histogram.starts[first : end + 1]
        lengths = histogram.lengths[starts[0] : starts[-1]]
        counts = histogram.counts[starts[0] : starts[-1]]
        block: Histogram
        if by.width:
            groups = by[first:end], starts - starts[0]
            block = GroupedHistogram.of_arrays(*groups, lengths, counts)
        else:
            block = LengthHistogram.of_arrays(lengths, counts)
        yield int(blocks[first]), block


def check_blocks(
    histogram: Histogram, block_documents: int | None, parameter: str = "histogram"
) -> None:
    """Refuse blocks that are not those of the first documents of a corpus.

    Each has `block_documents` documents, the last one no more than that.
    """
    size = block_documents
    if size is None or not isinstance(histogram, GroupedHistogram):
        return
    blocks = histogram.groups.get_column(BLOCK).to_numpy()
    numbers, firsts = np.unique(blocks, return_index=True)
    documents = np.add.reduceat(histogram.counts, histogram.starts[firsts])
    is_right = (numbers == np.arange(numbers.size)) & (documents <= size)
    is_right[:-1] &= documents[:-1] == size
    if not is_right.all():
        i = int(np.argmin(is_right))
        msg = (
            f"`{parameter}` does not have the blocks of `block_documents` {size:,}: "
            f"there are {documents[i]:,} documents in block {numbers[i]:,}\n"
            "Hint: count the documents from the first one on, by the same rule."
        )
        raise DataError(msg)
