"""Blocks: the bins of each block, by the rule `block_documents`.

Documents are known by their rows, which are in their order. So the block of each row is
known, too, and with it the bins of each block: neighbours, after those of the blocks
before.
"""

import numpy as np
import polars as pl

from fastpack.documents.streaming import collect_in_batches
from fastpack.documents.sums import Int64Array
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions
from fastpack.verification.columns import as_integers, rows_of_bin

_NO_BIN = 2**63 - 1


class BlockCheck:
    """The bins of each block; without the rule, one block has all.

    Parameters
    ----------
    table
        The assignment. What is wrong with its rows is found elsewhere.
    options
        The rules.
    n_bins
        The number of bins.

    Attributes
    ----------
    first_bins : numpy.ndarray
        The first bin of each block, and the end of the last.
    """

    def __init__(
        self, table: pl.LazyFrame, options: PackingOptions, n_bins: int
    ) -> None:
        self._table = table
        self._options = options
        self._lowest = np.zeros(1, np.int64)
        highest = np.array([n_bins - 1])
        if options.block_documents is not None and n_bins:
            self._lowest, highest = _bins_of_blocks(table, options.block_documents)
        ends = np.minimum(highest, n_bins - 1) + 1
        self.first_bins = np.append(0, np.maximum.accumulate(ends))

    def check_order(self) -> None:
        """Raise VerificationError if a block has a bin of another, or before it."""
        is_wrong = self._lowest < self.first_bins[:-1]
        if is_wrong.any():
            block = int(is_wrong.argmax())
            number = int(self._lowest[block])
            msg = (
                f"bin {number:,} has documents of block {block:,}, and the blocks "
                f"before, of {self._options.block_documents:,} documents each, have "
                f"bins up to {self.first_bins[block] - 1:,}\n"
                f"{rows_of_bin(self._table, number)}"
            )
            raise VerificationError(msg)

    def check_multiple(self) -> None:
        """Raise VerificationError if a block has no multiple of `bins_multiple`."""
        multiple = self._options.bins_multiple
        n_bins = np.diff(self.first_bins)
        is_wrong = n_bins % multiple != 0
        if is_wrong.any():
            block = int(is_wrong.argmax())
            where = ""
            if self._options.block_documents is not None:
                where = f" of block {block:,}"
            msg = (
                f"the number of bins{where}, {n_bins[block]:,}, is no multiple of "
                f"`bins_multiple` {multiple:,}"
            )
            raise VerificationError(msg)


def _bins_of_blocks(table: pl.LazyFrame, size: int) -> tuple[Int64Array, Int64Array]:
    """Return the lowest and the highest bin of each block of `size` documents.

    A block without bins has a lowest one beyond all others, and -1 as the highest.
    """
    found = []
    n_documents = 0
    for batch in collect_in_batches(table.select("chunk_start", "bin")):
        starts, numbers = (as_integers(column)[0] for column in batch)
        is_start = (starts == 0).fill_null(value=False).to_numpy()
        documents = n_documents - 1 + np.cumsum(is_start)
        n_documents += int(np.count_nonzero(is_start))
        blocks = np.maximum(documents, 0) // size
        bins = numbers.cast(pl.Int64).fill_null(-1).to_numpy()
        firsts = np.flatnonzero(np.diff(blocks, prepend=-1))
        lowest = np.minimum.reduceat(np.where(bins < 0, _NO_BIN, bins), firsts)
        found.append((blocks[firsts], lowest, np.maximum.reduceat(bins, firsts)))
    blocks, lowest, highest = map(np.concatenate, zip(*found, strict=True))
    # A block may go on from batch to batch.
    firsts = np.flatnonzero(np.diff(blocks, prepend=-1))
    return np.minimum.reduceat(lowest, firsts), np.maximum.reduceat(highest, firsts)
