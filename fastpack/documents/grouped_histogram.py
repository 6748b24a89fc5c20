"""GroupedHistogram: a histogram of each group of documents, whose bins do not mix."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.groups import GroupEncoder, check_same_schema, select_by
from fastpack.documents.histogram import LengthHistogram, check_total
from fastpack.documents.sums import (
    Int64Array,
    exact_sum,
    merge_counts,
    merge_numbered_counts,
)
from fastpack.errors import DataError, OptionError, OptionTypeError
from fastpack.options import PackingOptions


class GroupedHistogram:
    """A `LengthHistogram` of each group of documents.

    Those of parts of a corpus add up with ``+``, in any order.

    Parameters
    ----------
    groups
        The columns `by`, one row a group, in ascending order.
    histograms
        The documents of each group.

    Attributes
    ----------
    groups, histograms
        As above.
    n_documents, n_tokens : int
        Of all groups together.

    Examples
    --------
    >>> import polars as pl
    >>> import fastpack
    >>> documents = pl.DataFrame(
    ...     {"source": ["web", "code", "web"], "n_tokens": [8, 6, 8]}
    ... )
    >>> plan = fastpack.plan(documents, context_length=8, by="source")
    >>> isinstance(plan.histogram, fastpack.GroupedHistogram)
    True
    >>> plan.histogram.to_frame()
    shape: (2, 3)
    ┌────────┬────────┬───────────┐
    │ source ┆ length ┆ documents │
    │ ---    ┆ ---    ┆ ---       │
    │ str    ┆ i64    ┆ i64       │
    ╞════════╪════════╪═══════════╡
    │ code   ┆ 6      ┆ 1         │
    │ web    ┆ 8      ┆ 2         │
    └────────┴────────┴───────────┘
    """

    # The histograms lie one after the other in two arrays: tens of thousands of small
    # ones are added up, compared and written at once, and made when asked for.
    __slots__ = (
        "_parts",
        "counts",
        "groups",
        "lengths",
        "n_documents",
        "n_tokens",
        "starts",
    )

    def __init__(
        self, groups: pl.DataFrame, histograms: Sequence[LengthHistogram]
    ) -> None:
        if groups.height != len(histograms) or not all(
            each.n_documents for each in histograms
        ):
            raise _groups_error()
        nothing = np.empty(0, np.int64)
        self._set(
            select_by(groups, groups.columns),
            np.cumsum([0, *(each.lengths.size for each in histograms)]),
            np.concatenate([nothing, *(each.lengths for each in histograms)]),
            np.concatenate([nothing, *(each.counts for each in histograms)]),
        )
        check_order(self.groups)

    @classmethod
    def of_arrays(
        cls,
        groups: pl.DataFrame,
        starts: Int64Array,
        lengths: Int64Array,
        counts: Int64Array,
    ) -> "GroupedHistogram":
        """Make a histogram of groups and arrays that are known to be right.

        `starts` has the place of the first entry of each group, and their number.
        """
        histogram = cls.__new__(cls)
        histogram._set(groups, starts, lengths, counts)  # noqa: SLF001
        return histogram

    def _set(
        self,
        groups: pl.DataFrame,
        starts: Int64Array,
        lengths: Int64Array,
        counts: Int64Array,
    ) -> None:
        self.groups = groups
        self.starts = starts
        self.lengths = lengths
        self.counts = counts
        self.n_documents = exact_sum(counts)
        self.n_tokens = exact_sum(lengths, counts)
        self._parts: tuple[LengthHistogram, ...] | None = None
        check_total("documents", self.n_documents)
        check_total("tokens", self.n_tokens)

    @property
    def by(self) -> tuple[str, ...]:
        """The columns in which the groups differ."""
        return tuple(self.groups.columns)

    @property
    def parts(self) -> tuple[LengthHistogram, ...]:
        """The histogram of each group: `histograms`."""
        if self._parts is None:
            self._parts = tuple(
                LengthHistogram.of_arrays(self.lengths[a:b], self.counts[a:b])
                for a, b in pairwise(self.starts.tolist())
            )
        return self._parts

    @property
    def histograms(self) -> tuple[LengthHistogram, ...]:
        """The histogram of each group."""
        return self.parts

    def numbered(self) -> tuple[Int64Array, Int64Array, Int64Array]:
        """Return the group's number, the length and the count of each entry."""
        numbers = np.repeat(np.arange(self.groups.height), np.diff(self.starts))
        return numbers, self.lengths, self.counts

    def total(self) -> LengthHistogram:
        """Return the histogram of the documents of all groups."""
        return LengthHistogram.of_arrays(*merge_counts(self.lengths, self.counts))

    def encoder(self) -> GroupEncoder:
        """Return the numbers of the groups."""
        return GroupEncoder(self.groups)

    def parts_of(self, other: "Histogram") -> list[LengthHistogram]:
        """Return the parts of one of the same kind, in the order of these groups.

        Raises DataError if it has a group that is not among these.
        """
        parts = [LengthHistogram([], [])] * len(self.parts)
        numbers = self.encoder().encode(other.groups)
        assert numbers is not None  # noqa: S101 -- there are columns
        for number, part in zip(numbers, other.parts, strict=True):
            parts[number] = part
        return parts

    def to_frame(self) -> pl.DataFrame:
        """Return the groups' columns, `length` and `documents`, in ascending order."""
        numbers, lengths, counts = self.numbered()
        entries = pl.DataFrame({"length": lengths, "documents": counts})
        return self.groups[numbers].hstack(entries)

    def __add__(self, other: object) -> "GroupedHistogram":
        """Count the documents of both."""
        if not isinstance(other, GroupedHistogram):
            return NotImplemented
        return cast("GroupedHistogram", _sum([self, other]))

    def __eq__(self, other: object) -> bool:
        """Compare groups and histograms."""
        if not isinstance(other, GroupedHistogram):
            return NotImplemented
        return self.to_frame().equals(other.to_frame())

    __hash__ = None  # type: ignore[assignment]  # frames have none

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the arrays alone."""
        arrays = (self.groups, self.starts, self.lengths, self.counts)
        return GroupedHistogram.of_arrays, arrays

    def __repr__(self) -> str:
        """Show the figures."""
        return (
            f"GroupedHistogram(n_documents={self.n_documents}, "
            f"n_tokens={self.n_tokens}, groups {self.groups.height}, "
            f"by {', '.join(self.groups.columns)})"
        )


Histogram: TypeAlias = LengthHistogram | GroupedHistogram


_WAITING = 1 << 20
"""Entries that wait until they are added up, at least."""


def sum_histograms(histograms: Iterable[Histogram]) -> Histogram:
    """Count the documents of all; there is at least one."""
    # Not one by one: what is summed up is gone through each time.
    waiting: list[Histogram] = []
    n_entries = limit = 0
    for histogram in histograms:
        waiting.append(histogram)
        n_entries += histogram.lengths.size
        if n_entries > max(_WAITING, limit):
            waiting = [_sum(waiting)]
            n_entries, limit = 0, waiting[0].lengths.size
    return _sum(waiting)


def _sum(histograms: Sequence[Histogram]) -> Histogram:
    """Count the documents of histograms of one kind, all at once."""
    if len(histograms) == 1:
        return histograms[0]
    check_total("documents", sum(each.n_documents for each in histograms))
    if isinstance(histograms[0], GroupedHistogram):
        return _merge(cast("Sequence[GroupedHistogram]", histograms))
    lengths = np.concatenate([each.lengths for each in histograms])
    counts = np.concatenate([each.counts for each in histograms])
    return LengthHistogram.of_arrays(*merge_counts(lengths, counts))


def _merge(histograms: Sequence[GroupedHistogram]) -> GroupedHistogram:
    """Count the documents of all."""
    for histogram in histograms:
        check_same_schema(histograms[0].groups.schema, histogram.groups.schema)
    groups = pl.concat([each.groups for each in histograms])
    groups = groups.unique().sort(groups.columns)
    encoder = GroupEncoder(groups)
    entries = []
    for histogram in histograms:
        numbers, lengths, counts = histogram.numbered()
        encoded = encoder.encode(histogram.groups)
        assert encoded is not None  # noqa: S101 -- there are columns
        entries.append((encoded[numbers], lengths, counts))
    return add_up_entries(groups, entries)


def add_up_entries(
    groups: pl.DataFrame, entries: Sequence[tuple[npt.NDArray[Any], ...]]
) -> GroupedHistogram:
    """Add up entries: the number of a group, a length, and how many documents have it.

    Each of the groups has one at least.
    """
    numbers, lengths, counts = map(np.concatenate, zip(*entries, strict=True))
    merged = merge_numbered_counts(numbers, lengths, counts)
    return GroupedHistogram.of_arrays(groups, *merged)


def check_order(groups: pl.DataFrame) -> None:
    """Refuse groups that are not distinct and ascending."""
    if not groups.unique().sort(groups.columns).equals(groups):
        raise _groups_error()


def _groups_error() -> DataError:
    msg = (
        "`groups` must be distinct and ascending, with a histogram of documents for "
        "each\nHint: fastpack.plan(documents, by=...).histogram counts a table."
    )
    return DataError(msg)


def check_groups(
    histogram: Histogram, options: PackingOptions, parameter: str = "histogram"
) -> None:
    """Refuse a histogram by other columns than those that the rules make groups by."""
    columns = options.group_columns
    kind = GroupedHistogram if columns else LengthHistogram
    hint = "Hint: fastpack.plan(documents, ...).histogram is that of the same rules."
    if not isinstance(histogram, kind):
        rules = f"`by` is {options.by!r}"
        if options.block_documents is not None:
            rules += f" and `block_documents` {options.block_documents:,}"
        msg = (
            f"`{parameter}` must be a {kind.__name__} if {rules}, got "
            f"{histogram!r:.99}\n{hint}"
        )
        raise OptionTypeError(msg)
    if histogram.by != columns:
        msg = (
            f"the rules make groups by {columns}, and `{parameter}` has the groups of "
            f"{histogram.by}\n{hint}"
        )
        raise OptionError(msg)
