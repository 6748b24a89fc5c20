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

    Each thread has sums of its own, which are added up at the end: 16 bytes a bin, 4
    more with groups, and 4 more with a shuffle.

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

    AT_A_TIME = 1 << 25
    """512 MB. More bins take more passes over the rows, not more memory."""

    _SUMS = 1 << 26
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
        sums = np.zeros((n, n_bins), kernels.verification.SUMS)
        groups = np.zeros((n, n_bins if has_groups else 0), np.int32)
        first_chunks = np.zeros((n, n_bins if numbering.is_shuffled else 0), np.int32)
        key = np.uint64(secrets.randbits(64))
        hashes = np.empty(min(options.context_length + 1, self._HASHES), np.uint64)
        with np.errstate(over="ignore"):  # where kernels are plain Python
            kernels.verification.hash_positions(key, hashes)
        self.bins = [
            kernels.verification.Bins(first_bin, *of_thread, key, hashes)
            for of_thread in zip(sums, groups, first_chunks, strict=True)
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
                groups=each.groups[start:end],
                first_chunks=each.first_chunks[start:end],
            )
            for each in self.bins
        )
        wrong = np.zeros(4, np.int64)
        with np.errstate(over="ignore"):  # hashes, where kernels are plain Python
            for other in others:
                kernels.verification.add_up(bins, other)
            n_wrong = kernels.verification.check_bins(
                bins,
                self._options.context_length,
                self._options.max_chunks_per_bin,
                wrong,
                totals,
            )
        return [start + place for place in wrong[:n_wrong].tolist()]

    def _error(self, places: list[int]) -> VerificationError:
        first_bin = self.bins[0].first_bin
        bins = [self._numbering.bin_at(first_bin + place) for place in places]
        what = self._reason(places[0])
        msg = f"bin {bins[0]:,} {what}; the first bins that are wrong: {bins}"
        rows = rows_of_bin(self._table, bins[0])
        return VerificationError(msg if rows.is_empty() else f"{msg}\n{rows}")

    def _reason(self, place: int) -> str:
        sums = self.bins[0].sums[place]
        groups = self.bins[0].groups
        if sums["chunks"] == 0:
            return "is empty"
        if sums["footprint"] > self._options.context_length:
            return f"holds {sums['footprint']:,} tokens, more than the context length"
        if sums["chunks"] > self._options.max_chunks_per_bin:
            return f"holds {sums['chunks']:,} chunks, more than `max_documents`"
        if groups.size and groups[place] < 0:
            return f"mixes documents that differ in {list(self._options.by_columns)}"
        return "is not filled from its start on: its chunks overlap or leave a hole"
