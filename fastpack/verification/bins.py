"""Check bins: what the rows of an assignment add up to in each."""

import secrets

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.errors import VerificationError
from fastpack.options import MAX_CONTEXT_LENGTH, PackingOptions


class BinCheck:
    """The sums of bins, some of them at a time: 16 bytes each, 20 with groups.

    Parameters
    ----------
    table
        The assignment, to show rows of.
    options
        The rules.
    n_bins
        How many bins there are.
    has_groups
        Whether the rows come with their groups.
    """

    AT_A_TIME = 1 << 25
    """512 MB. More bins take more passes over the rows, not more memory."""

    def __init__(
        self,
        table: pl.LazyFrame,
        options: PackingOptions,
        n_bins: int,
        *,
        has_groups: bool,
    ) -> None:
        from fastpack.kernels import verification  # noqa: PLC0415

        self._kernel = verification
        self._table = table
        self._options = options
        self._n_bins = n_bins
        self._has_groups = has_groups
        self._totals = np.zeros(3, np.int64)
        self.key = np.uint64(secrets.randbits(64))
        self.start(0)

    @property
    def most_chunks(self) -> int:
        """The chunks of the fullest bin."""
        return int(self._totals[0])

    @property
    def n_not_full(self) -> int:
        """How many bins have padding."""
        return int(self._totals[1])

    @property
    def taken(self) -> int:
        """The tokens that chunks take in bins."""
        return int(self._totals[2])

    def start(self, first_bin: int) -> None:
        """Start with the bins from `first_bin` on."""
        self.first_bin = first_bin
        size = min(self.AT_A_TIME, self._n_bins - first_bin)
        self.sums = np.zeros(size, self._kernel.SUMS)
        self.groups = np.zeros(size if self._has_groups else 0, np.int32)

    def finish(self) -> None:
        """Check the bins that were summed up."""
        wrong = np.zeros(4, np.int64)
        with np.errstate(over="ignore"):  # hashes, where kernels are plain Python
            n_wrong = self._kernel.check_bins(
                self.sums,
                self.groups,
                self._options.context_length,
                self._options.max_documents or MAX_CONTEXT_LENGTH,
                self.key,
                wrong,
                self._totals,
            )
        if n_wrong:
            raise self._error(wrong[:n_wrong])

    def _error(self, places: npt.NDArray[np.int64]) -> VerificationError:
        bins = (places + self.first_bin).tolist()
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
        sums = self.sums[place]
        if sums["chunks"] == 0:
            return "is empty"
        if sums["taken"] > self._options.context_length:
            return f"holds {sums['taken']:,} tokens, more than the context length"
        most = self._options.max_documents
        if most is not None and sums["chunks"] > most:
            return f"holds {sums['chunks']:,} chunks, more than `max_documents`"
        if self.groups.size and self.groups[place] < 0:
            return f"mixes documents that differ in {list(self._options.by_columns)}"
        return "is not filled from its start on: its chunks overlap or leave a hole"
