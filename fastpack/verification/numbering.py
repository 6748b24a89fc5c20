"""Numbering: the order of bins, by their numbers before a shuffle.

The rules of numbering are told here and in kernels.numbering once more, as those of
long documents in expected: the verifier shares no code with the packer.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.errors import VerificationError
from fastpack.options import PackingOptions

_KEYS = 6


class Numbering:
    """The numbers that bins have by the rules `by` and `shuffle_seed`.

    Parameters
    ----------
    options
        The rules.
    first_bins
        The first bin of each block, and the end of the last.
    has_groups
        Whether the group of each bin is known.

    Attributes
    ----------
    n_bins : int
        The number of bins.
    is_shuffled : bool
        Whether the place of a bin is its number before the shuffle, not its number.
        Only there, bins have an order, and only within a group: without the groups,
        there is nothing to check.
    """

    def __init__(
        self, options: PackingOptions, first_bins: Int64Array, *, has_groups: bool
    ) -> None:
        self._options = options
        self._first_bins = first_bins
        self.n_bins = int(first_bins[-1])
        seed = options.shuffle_seed
        self.is_shuffled = seed is not None and (has_groups or not options.by_columns)
        if self.is_shuffled:
            blocks = range(first_bins.size - 1)
            self._keys = np.array([_keys_of(seed or 0, block) for block in blocks])
        self._order = np.zeros(1, kernels.numbering.ORDER)[0]
        self._error: VerificationError | None = None

    def places(self, bins: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Return the place of each bin in the order that is checked."""
        if not self.is_shuffled:
            return bins
        places = kernels.numbering.unshuffle(bins, self._first_bins, self._keys)
        places.flags.writeable = False
        return places

    def bin_at(self, place: int) -> int:
        """Return the number of the bin at a place."""
        if not self.is_shuffled:
            return place
        block = int(np.searchsorted(self._first_bins, place, side="right")) - 1
        first, end = self._first_bins[block : block + 2].tolist()
        way, keys = kernels.numbering.SHUFFLE, self._keys[block]
        return int(
            first + kernels.numbering.renumber(place - first, end - first, keys, way)
        )

    def add(self, bins: "kernels.verification.Bins", groups: pl.DataFrame) -> None:
        """Look for the first bin out of order, among the next bins that are right.

        Parameters
        ----------
        bins
            The sums of the next bins.
        groups
            The groups, in the order of their numbers.
        """
        if not bins.groups.size and not bins.first_chunks.size:
            return
        by = groups.columns
        ranks = np.zeros(max(groups.height, 1), np.int32)
        if by:
            ranks[groups.select(pl.arg_sort_by(by)).to_series()] = range(groups.height)
        starts = np.unique(self._first_bins[:-1]) - bins.first_bin
        place = kernels.numbering.check_order(
            bins.sums.size,
            bins.groups,
            bins.first_chunks,
            ranks,
            self._options.bins_multiple - 1,
            starts[(starts >= 0) & (starts < bins.sums.size)],
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


def _keys_of(seed: int, block: int) -> npt.NDArray[np.uint64]:
    """Return the keys of the rounds: the high halves of SplitMix64's first numbers.

    Those of a block are the next ones after the keys of the block before.
    """
    keys = []
    for number in range(_KEYS * block + 1, _KEYS * (block + 1) + 1):
        z = seed + number * 0x9E3779B97F4A7C15
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z %= 2**64
            z = (z ^ (z >> shift)) * factor
        z %= 2**64
        keys.append((z ^ (z >> 31)) >> 32)
    return np.array(keys, np.uint64)
