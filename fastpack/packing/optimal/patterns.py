"""Patterns: the sizes in a bin, for many bins."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.documents.sums import Int64Array

Int32Array = npt.NDArray[np.int32]


class Patterns(NamedTuple):
    """Patterns, one after the other.

    Parameters
    ----------
    starts
        The place of the first item of each, and how many there are in all.
    items, times
        The items of each, the largest first, and how often it has each.
    """

    starts: Int64Array
    items: Int32Array
    times: Int32Array

    @property
    def number(self) -> int:
        """How many patterns there are."""
        return self.starts.size - 1

    @classmethod
    def of_table(cls, items: Int32Array, times: Int32Array) -> "Patterns":
        """Return the distinct patterns of tables: a row each, zeros at its end."""
        rows = np.concatenate([items, times], axis=1)
        _, which = np.unique(rows, axis=0, return_index=True)
        which.sort()
        items, times = items[which], times[which]
        is_item = times > 0
        starts = np.append(0, np.cumsum(is_item.sum(axis=1)))
        return cls(starts, items[is_item], times[is_item])

    @classmethod
    def of_items(cls, items: npt.NDArray[Any], times: npt.NDArray[Any]) -> "Patterns":
        """Return a pattern for each item, of nothing else."""
        starts = np.arange(items.size + 1)
        return cls(starts, items.astype(np.int32), times.astype(np.int32))

    @classmethod
    def join(cls, parts: Sequence["Patterns"]) -> "Patterns":
        """Put patterns one after the other."""
        none = np.empty(0, np.int32)
        lengths = [np.diff(part.starts) for part in parts]
        return cls(
            np.append(0, np.cumsum(np.concatenate([none, *lengths]))),
            np.concatenate([none, *(part.items for part in parts)]),
            np.concatenate([none, *(part.times for part in parts)]),
        )

    def owners(self) -> Int64Array:
        """Return the number of the pattern of each entry of `items`."""
        return np.repeat(np.arange(self.number), np.diff(self.starts))

    def take(self, which: npt.NDArray[np.integer]) -> "Patterns":
        """Return some of the patterns, by their numbers."""
        lengths = np.diff(self.starts)[which]
        starts = np.append(0, np.cumsum(lengths))
        places = np.repeat(self.starts[which] - starts[:-1], lengths)
        places += np.arange(places.size)
        return Patterns(starts, self.items[places], self.times[places])

    def worth(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Add up the values of the items of each pattern."""
        if self.number == 0:
            return np.empty(0, values.dtype)
        return np.add.reduceat(values[self.items] * self.times, self.starts[:-1])

    def renumbered(self, numbers: Int64Array) -> "Patterns":
        """Return the patterns with other items, by the numbers of these.

        Items whose number is negative are left out, and patterns of no others.
        """
        items = numbers[self.items]
        is_kept = items >= 0
        lengths = np.bincount(self.owners()[is_kept], minlength=self.number)
        starts = np.append(0, np.cumsum(lengths[lengths > 0]))
        return Patterns(starts, items[is_kept].astype(np.int32), self.times[is_kept])
