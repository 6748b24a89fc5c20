"""Check bins: what the rows of an assignment add up to in each."""

import secrets

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions
from fastpack.verification.columns import rows_of_bin
from fastpack.verification.numbering import Numbering


class BinCheck:
    """Some bins of an assignment: 16 bytes each, 20 with groups.

    They are neighbours, before a shuffle if its numbering is checked: 4 bytes more.

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
    has_groups
        Whether the group of each row is known.

    Attributes
    ----------
    bins
        The sums that the rows are added to, as the kernel takes them.
    """

    AT_A_TIME = 1 << 25
    """512 MB. More bins take more passes over the rows, not more memory."""

    def __init__(
        self,
        table: pl.LazyFrame,
        options: PackingOptions,
        numbering: Numbering,
        first_bin: int,
        n_bins: int,
        *,
        has_groups: bool,
    ) -> None:
        self._table = table
        self._options = options
        self._numbering = numbering
        n_first = n_bins if numbering.is_shuffled else 0
        self.bins = kernels.verification.Bins(
            first_bin=first_bin,
            sums=np.zeros(n_bins, kernels.verification.SUMS),
            groups=np.zeros(n_bins if has_groups else 0, np.int32),
            first_chunks=np.zeros(n_first, np.int32),
            key=np.uint64(secrets.randbits(64)),
        )

    def check(self, totals: np.void, groups: pl.DataFrame) -> None:
        """Check the bins after all rows; add them to `totals`, dtype `TOTALS`.

        `groups` are the groups, in the order of their numbers.
        """
        wrong = np.zeros(4, np.int64)
        with np.errstate(over="ignore"):  # hashes, where kernels are plain Python
            n_wrong = kernels.verification.check_bins(
                self.bins,
                self._options.context_length,
                self._options.max_chunks_per_bin,
                wrong,
                totals,
            )
        if n_wrong:
            raise self._error(wrong[:n_wrong])
        self._numbering.add(self.bins, groups)

    def _error(self, places: npt.NDArray[np.int64]) -> VerificationError:
        first_bin = self.bins.first_bin
        bins = [self._numbering.bin_at(first_bin + place) for place in places.tolist()]
        what = self._reason(int(places[0]))
        msg = (
            f"bin {bins[0]:,} {what}; the first bins that are wrong: {bins}\n"
            f"{rows_of_bin(self._table, bins[0])}"
        )
        return VerificationError(msg)

    def _reason(self, place: int) -> str:
        sums = self.bins.sums[place]
        if sums["chunks"] == 0:
            return "is empty"
        if sums["footprint"] > self._options.context_length:
            return f"holds {sums['footprint']:,} tokens, more than the context length"
        if sums["chunks"] > self._options.max_chunks_per_bin:
            return f"holds {sums['chunks']:,} chunks, more than `max_documents`"
        if self.bins.groups.size and self.bins.groups[place] < 0:
            return f"mixes documents that differ in {list(self._options.by_columns)}"
        return "is not filled from its start on: its chunks overlap or leave a hole"
