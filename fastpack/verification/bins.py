"""Check bins: what the rows of an assignment add up to in each."""

import secrets
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions
from fastpack.threads import map_in_threads, n_threads
from fastpack.verification.columns import rows_of_bin
from fastpack.verification.numbering import Numbering


class BinCheck:
    """Some bins of an assignment, neighbours (before a shuffle, if that is checked).

    Each thread has sums of its own, which are added up at the end: 8 bytes a bin, or 12
    if a bin may hold many chunks, 4 more with groups, and 4 more with a shuffle.

    Parameters
    ----------
    table
        The assignment, to show rows of.
    options
        The rules.
    numbering
        The numbers of the bins.
    first_bin, n_bins
        The place of the first bin to be summed up, and how many are.
    n_rows
        The rows that will be added.
    has_groups
        Whether the group of each row is known.

    Attributes
    ----------
    bins : list
        The sums that rows are added to, as the kernel takes them: one for each thread.
    """

    AT_A_TIME = 1 << 26
    """512 MB. More bins take more passes over the rows, not more memory."""

    _SUMS = 1 << 27
    """1 GB: the bins of all threads together. With more bins, there are fewer threads.
    """

    _HASHES = 1 << 13
    """64 KB: larger tables leave the caches."""

    def __init__(
        self,
        table: pl.LazyFrame,
        options: PackingOptions,
        numbering: Numbering,
        first_bin: int,
        n_bins: int,
        *,
        n_rows: int,
        has_groups: bool,
    ) -> None:
        self._table = table
        self._options = options
        self._numbering = numbering
        n = max(1, min(n_threads(n_rows), self._SUMS // max(n_bins, 1)))
        count_bits = kernels.verification.COUNT_BITS
        if options.context_length >> count_bits:
            count_bits = 0
        counts_apart = n_bins if count_bits == 0 else 0
        sums = np.zeros((n, n_bins), np.uint64)
        chunks = np.zeros((n, counts_apart), np.uint32)
        groups = np.zeros((n, n_bins if has_groups else 0), np.int32)
        first_chunks = np.zeros((n, n_bins if numbering.is_shuffled else 0), np.int32)
        key = kernels.verification.Key(
            np.uint64(secrets.randbits(64)), np.uint64(count_bits)
        )
        hashes = np.empty(min(options.context_length + 1, self._HASHES), np.uint64)
        with np.errstate(over="ignore"):  # where kernels are plain Python
            kernels.verification.hash_positions(key, hashes)
        self.bins = [
            kernels.verification.Bins(first_bin, *of_thread, key, hashes)
            for of_thread in zip(sums, chunks, groups, first_chunks, strict=True)
        ]

    def check(self, groups: pl.DataFrame) -> npt.NDArray[Any]:
        """Check the bins after all rows; return figures of them, dtype `TOTALS`.

        `groups` are the groups, in the order of their numbers.
        """
        n_bins = self.bins[0].sums.size
        n_parts = n_threads(n_bins)
        ends = [n_bins * (number + 1) // n_parts for number in range(n_parts)]
        totals = np.zeros(n_parts, kernels.verification.TOTALS)
        wrong = map_in_threads(self._check_part, [0, *ends[:-1]], ends, list(totals))
        if places := [place for part in wrong for place in part]:
            raise self._error(places[:4])
        self._numbering.add(self.bins[0], groups)
        return totals

    def _check_part(self, start: int, end: int, totals: np.void) -> list[int]:
        """Add up the sums of some bins; return the places of the first wrong ones."""
        bins, *others = (
            each._replace(
                sums=each.sums[start:end],
                chunks=each.chunks[start:end],
                groups=each.groups[start:end],
                first_chunks=each.first_chunks[start:end],
            )
            for each in self.bins
        )
        for other in others:
            _add_up(bins, other)
        wrong = np.zeros(4, np.int64)
        with np.errstate(over="ignore"):  # hashes, where kernels are plain Python
            n_wrong = kernels.verification.check_bins(
                bins,
                self._options.context_length,
                self._options.max_chunks_per_bin,
                wrong,
                totals,
            )
        return [start + place for place in wrong[:n_wrong].tolist()]

    def _error(self, places: list[int]) -> VerificationError:
        bins = [self._numbering.bin_at(self.bins[0].first_bin + at) for at in places]
        rows = rows_of_bin(self._table, bins[0])
        what = self._reason(places[0], rows)
        msg = f"bin {bins[0]:,} {what}; the first bins that are wrong: {bins}"
        return VerificationError(msg if rows.is_empty() else f"{msg}\n{rows}")

    def _reason(self, place: int, rows: pl.DataFrame) -> str:
        options = self._options
        if rows.is_empty():
            return "is empty"
        chunk = pl.col("chunk_length").cast(pl.Int64) + options.extra_tokens
        footprint = int(rows.select((chunk + -chunk % options.align).sum()).item())
        if footprint > options.context_length:
            return f"holds {footprint:,} tokens, more than the context length"
        if rows.height > options.max_chunks_per_bin:
            return f"holds {rows.height:,} chunks, more than `max_documents`"
        groups = self.bins[0].groups
        if groups.size and groups[place] < 0:
            return f"mixes documents that differ in {list(options.by_columns)}"
        return "is not filled from its start on: its chunks overlap or leave a hole"


def _add_up(
    bins: "kernels.verification.Bins", others: "kernels.verification.Bins"
) -> None:
    """Add to `bins` what other rows add up to in the same bins."""
    np.add(bins.sums, others.sums, out=bins.sums)
    np.add(bins.chunks, others.chunks, out=bins.chunks)
    # Of two chunks at the start of a bin, either: they overlap.
    np.maximum(bins.first_chunks, others.first_chunks, out=bins.first_chunks)
    differ = (bins.groups != others.groups) & (bins.groups != 0) & (others.groups != 0)
    np.add(bins.groups, others.groups, out=bins.groups, where=bins.groups == 0)
    bins.groups[differ] = -1
