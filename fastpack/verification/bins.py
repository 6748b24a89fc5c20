"""Check bins: what the rows of an assignment add up to in each."""

import secrets

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions


class BinCheck:
    """Some bins of an assignment, neighbours: 16 bytes each, 20 with groups.

    Parameters
    ----------
    table
        The assignment, to show rows of.
    options
        The rules.
    n_bins
        The number of bins of the assignment.
    first_bin
        The first bin to be summed up; with it, up to `AT_A_TIME`.
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
        n_bins: int,
        first_bin: int,
        *,
        has_groups: bool,
    ) -> None:
        self._table = table
        self._options = options
        size = min(self.AT_A_TIME, n_bins - first_bin)
        self.bins = kernels.verification.Bins(
            first_bin=first_bin,
            sums=np.zeros(size, kernels.verification.SUMS),
            groups=np.zeros(size if has_groups else 0, np.int32),
            key=np.uint64(secrets.randbits(64)),
        )

    def check(self, totals: np.void) -> None:
        """Check the bins after all rows; add them to `totals`, dtype `TOTALS`."""
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

    def _error(self, places: npt.NDArray[np.int64]) -> VerificationError:
        bins = (places + self.bins.first_bin).tolist()
        what = self._reason(int(places[0]))
        rows = (
            self._table.with_row_index("row")
            .filter(pl.col("bin").is_in(bins[:1]))
            .sort("bin_offset")
            .head(10)
            .collect()
        )
        msg = f"bin {bins[0]:,} {what}; the first bins that are wrong: {bins}\n{rows}"
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
