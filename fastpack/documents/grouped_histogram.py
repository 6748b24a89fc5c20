"""GroupedHistogram: a histogram of each group of documents, whose bins do not mix."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.groups import GroupEncoder, select_by
from fastpack.documents.histogram import LengthHistogram, check_total
from fastpack.documents.inputs import length_arrays
from fastpack.documents.length_table import LengthTable
from fastpack.errors import DataError, OptionError, OptionTypeError
from fastpack.options import PackingOptions


class GroupedHistogram:
    """A `LengthHistogram` of each group of documents.

    Those of parts of a corpus add up with ``+``, in any order.

    Parameters
    ----------
    groups
        The columns that tell groups apart, one row a group, in ascending order.
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

    __slots__ = ("groups", "histograms", "n_documents", "n_tokens")

    def __init__(
        self, groups: pl.DataFrame, histograms: Sequence[LengthHistogram]
    ) -> None:
        groups = select_by(groups, groups.columns)
        ordered = groups.unique().sort(groups.columns)
        self.groups = groups
        self.histograms = tuple(histograms)
        self.n_documents = sum(each.n_documents for each in self.histograms)
        self.n_tokens = sum(each.n_tokens for each in self.histograms)
        if (
            groups.height != len(self.histograms)
            or not ordered.equals(groups)
            or not all(each.n_documents for each in self.histograms)
        ):
            msg = (
                "`groups` must be distinct and ascending, with a histogram of "
                "documents for each\n"
                "Hint: fastpack.plan(documents, by=...).histogram counts a table."
            )
            raise DataError(msg)
        check_total("documents", self.n_documents)
        check_total("tokens", self.n_tokens)

    def to_frame(self) -> pl.DataFrame:
        """Return the groups' columns, `length` and `documents`, in ascending order."""
        parts = [
            self.groups[[number] * each.lengths.size].hstack(each.to_frame())
            for number, each in enumerate(self.histograms)
        ]
        counts = LengthHistogram([], []).to_frame()
        empty = self.groups.clear().hstack(counts)
        return pl.concat([empty, *parts])

    def __add__(self, other: object) -> "GroupedHistogram":
        """Count the documents of both."""
        if not isinstance(other, GroupedHistogram):
            return NotImplemented
        GroupEncoder(self.groups).learn(other.groups)  # are they of the same types?
        by = [*self.groups.columns, "length"]
        counts = pl.concat([self.to_frame(), other.to_frame()])
        total = read_histogram(
            counts.group_by(by).agg(pl.col("documents").sum()).sort(by)
        )
        return cast("GroupedHistogram", total)

    def __eq__(self, other: object) -> bool:
        """Compare groups and histograms."""
        if not isinstance(other, GroupedHistogram):
            return NotImplemented
        return self.groups.equals(other.groups) and self.histograms == other.histograms

    __hash__ = None  # type: ignore[assignment]  # frames have none

    def __repr__(self) -> str:
        """Show the figures."""
        return (
            f"GroupedHistogram(n_documents={self.n_documents}, "
            f"n_tokens={self.n_tokens}, groups {self.groups.height}, "
            f"by {', '.join(self.groups.columns)})"
        )


Histogram: TypeAlias = LengthHistogram | GroupedHistogram


def sum_histograms(histograms: Iterable[Histogram]) -> Histogram:
    """Count the documents of all; there is at least one."""
    histograms = iter(histograms)
    total: Any = next(histograms)
    for histogram in histograms:
        total += histogram
    return total  # type: ignore[no-any-return]


def read_histogram(frame: pl.DataFrame) -> Histogram:
    """Read what `to_frame` of either kind of histogram gave."""
    by = frame.columns[:-2]
    if not by:
        return LengthHistogram(frame["length"], frame["documents"])
    parts = frame.partition_by(by, maintain_order=True)
    return GroupedHistogram(
        frame.select(by).unique(maintain_order=True),
        [LengthHistogram(part["length"], part["documents"]) for part in parts],
    )


def no_documents(like: Histogram) -> Histogram:
    """Return a histogram of the same kind, without documents."""
    return read_histogram(like.to_frame().clear())


def parts_of(histogram: Histogram, options: PackingOptions) -> list[LengthHistogram]:
    """Return the histogram of each group; of all documents, if there are no groups."""
    kind = LengthHistogram if options.by is None else GroupedHistogram
    if not isinstance(histogram, kind):
        msg = (
            f"`histogram` must be a {kind.__name__} where `by` is {options.by!r}, got "
            f"{histogram!r}"
        )
        raise OptionTypeError(msg)
    if isinstance(histogram, LengthHistogram):
        return [histogram]
    columns = tuple(histogram.groups.columns)
    if columns != options.by_columns:
        msg = (
            f"`by` is {options.by_columns}, and the histogram has the groups of "
            f"{columns}\nHint: count the documents by the same columns."
        )
        raise OptionError(msg)
    return list(histogram.histograms)


def parts_in_order_of(
    histogram: Histogram, documents: Histogram
) -> list[LengthHistogram]:
    """Return other documents by the groups of a histogram, in its order."""
    if isinstance(documents, LengthHistogram) or isinstance(histogram, LengthHistogram):
        return [documents] if isinstance(documents, LengthHistogram) else []
    parts = [LengthHistogram([], [])] * len(histogram.histograms)
    numbers = GroupEncoder(histogram.groups).encode(documents.groups)
    for number, part in zip(numbers, documents.histograms, strict=True):
        parts[number] = part
    return parts


class GroupCounter:
    """Counts documents by group and length, part by part.

    Groups have the numbers of the order in which they are met. `by` has the columns
    that tell them apart.
    """

    _FIRST_GROUPS = 16

    def __init__(self, name: str, by: pl.DataFrame) -> None:
        self._name = name
        self._encoder = GroupEncoder(by.clear())
        self._most_groups = self._FIRST_GROUPS
        self._counter = LengthTable(name, self._most_groups)
        self._earlier: list[tuple[npt.NDArray[np.int64], ...]] = []
        self.n_rows = 0

    def add_columns(
        self, lengths: pl.Series, by: pl.DataFrame
    ) -> npt.NDArray[np.int32]:
        """Count checked columns; return the number of each document's group here."""
        numbers = self._encoder.learn(by)
        n_groups = self._encoder.groups.height
        if n_groups > self._most_groups:
            self._earlier.append(self._counted())
            self._most_groups = 1 << n_groups.bit_length()
            self._counter = LengthTable(self._name, self._most_groups)
            self._counter.n_rows = self.n_rows
        start = 0
        for array in length_arrays(lengths):
            self._counter.add(array, numbers[start : start + array.size])
            start += array.size
        self.n_rows += start
        return numbers

    def _counted(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Return what was counted since there were more groups.

        Lengths, groups, and how many documents are of both.
        """
        keys, counts = self._counter.counted()
        return *np.divmod(keys, self._most_groups), counts

    def ranks(self) -> npt.NDArray[np.int32]:
        """Return which place each group has, by its number here, in the histogram."""
        order = self._order()
        ranks = np.empty(order.size, np.int32)
        ranks[order] = np.arange(order.size)
        return ranks

    def _order(self) -> npt.NDArray[Any]:
        groups = self._encoder.groups
        return groups.select(pl.arg_sort_by(groups.columns)).to_series().to_numpy()

    def histogram(self) -> GroupedHistogram:
        """Return the histograms of all documents so far."""
        parts = zip(*self._earlier, self._counted(), strict=True)
        lengths, groups, counts = map(np.concatenate, parts)
        groups = self.ranks()[groups]
        # By group, and within by length, as they mostly are.
        order = np.argsort(lengths, kind="stable") if self._earlier else slice(None)
        lengths, groups, counts = lengths[order], groups[order], counts[order]
        order = np.argsort(groups, kind="stable")
        lengths, groups, counts = lengths[order], groups[order], counts[order]
        first = np.flatnonzero(
            (np.diff(lengths, prepend=-1) != 0) | (np.diff(groups, prepend=-1) != 0)
        )
        if first.size:
            counts = np.add.reduceat(counts, first)
        starts = np.flatnonzero(np.diff(groups[first], prepend=-1))
        return GroupedHistogram(
            self._encoder.groups[self._order().tolist()],
            [
                LengthHistogram(*part)
                for part in zip(
                    np.split(lengths[first], starts)[1:],
                    np.split(counts, starts)[1:],
                    strict=True,
                )
            ],
        )
