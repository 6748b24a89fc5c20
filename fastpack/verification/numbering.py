"""Numbering: the order of bins, by their numbers before a shuffle.

The rules of numbering are told here and in kernels.numbering once more, as those of
long documents in expected: the verifier shares no code with the packer.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions

_KEYS = 6


class Numbering:
    """The numbers that bins have by the rules `by` and `shuffle_seed`.

    Parameters
    ----------
    options
        The rules.
    n_bins
        The number of bins.
    has_groups
        Whether the group of each bin is known.

    Attributes
    ----------
    n_bins : int
        As given.
    is_shuffled : bool
        Whether the place of a bin is its number before the shuffle, not its number.
        Only there, bins have an order, and only within a group: without the groups,
        there is nothing to check.
    """

    def __init__(
        self, options: PackingOptions, n_bins: int, *, has_groups: bool
    ) -> None:
        self._options = options
        self.n_bins = n_bins
        seed = options.shuffle_seed
        self.is_shuffled = seed is not None and (has_groups or not options.by_columns)
        self._keys = _keys_of(seed or 0)
        self._order = np.zeros(1, kernels.numbering.ORDER)[0]
        self._error: VerificationError | None = None

    def places(self, bins: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Return the place of each bin in the order that is checked."""
        if not self.is_shuffled:
            return bins
        places = kernels.numbering.unshuffle(bins, self.n_bins, self._keys)
        places.flags.writeable = False
        return places

    def bin_at(self, place: int) -> int:
        """Return the number of the bin at a place."""
        if not self.is_shuffled:
            return place
        way = kernels.numbering.SHUFFLE
        return int(kernels.numbering.renumber(place, self.n_bins, self._keys, way))

    def add(self, bins: "kernels.verification.Bins", groups: pl.DataFrame) -> None:
        """Look for the first bin out of order, among the next bins that are right.

        Parameters
        ----------
        bins
            The sums of the next bins.
        groups
            The groups, in the order of their numbers.
        """
        by = groups.columns
        ranks = np.zeros(max(groups.height, 1), np.int32)
        if by:
            ranks[groups.select(pl.arg_sort_by(by)).to_series()] = range(groups.height)
        place = kernels.numbering.check_order(
            bins.sums.size,
            bins.groups,
            bins.first_chunks,
            ranks,
            self._options.bins_multiple - 1,
            self._order,
        )
        if place >= 0 and self._error is None:
            self._error = self._describe(bins, ranks, int(place))

    def finish(self) -> None:
        """Raise VerificationError if a bin was out of order.

        After all bins: one that is wrong by itself, later, is to be told first.
        """
        if self._error is not None:
            raise self._error

    def _describe(
        self,
        bins: "kernels.verification.Bins",
        ranks: npt.NDArray[np.int32],
        place: int,
    ) -> VerificationError:
        options = self._options
        number = self.bin_at(bins.first_bin + place)
        before = ""
        if self.is_shuffled:
            before = f" before `shuffle_seed` {options.shuffle_seed} shuffles them"
        if bins.groups.size and ranks[bins.groups[place] - 1] < self._order["rank"]:
            msg = (
                f"bin {number:,} is not among those of its group: bins follow each "
                f"other in the order of {list(options.by_columns)}{before}"
            )
        else:
            msg = (
                f"bin {number:,} does not have the number that the rules give: bins "
                f"are in the order of their first chunks, the longest first,{before}"
            )
        return VerificationError(msg)


def _keys_of(seed: int) -> npt.NDArray[np.uint64]:
    """Return the keys of the rounds: the high halves of SplitMix64's first numbers."""
    keys = []
    for number in range(1, _KEYS + 1):
        z = seed + number * 0x9E3779B97F4A7C15
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z %= 2**64
            z = (z ^ (z >> shift)) * factor
        z %= 2**64
        keys.append((z ^ (z >> 31)) >> 32)
    return np.array(keys, np.uint64)
