"""GroupedHistogram: a histogram of each group of documents, whose bins do not mix."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import polars as pl

from fastpack.documents.groups import GroupEncoder, check_same_schema, select_by
from fastpack.documents.histogram import LengthHistogram, check_total
from fastpack.documents.sums import merge_counts
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

    @property
    def by(self) -> tuple[str, ...]:
        """The columns in which the groups differ."""
        return tuple(self.groups.columns)

    @property
    def parts(self) -> tuple[LengthHistogram, ...]:
        """The histogram of each group: `histograms`."""
        return self.histograms

    def total(self) -> LengthHistogram:
        """Return the histogram of the documents of all groups."""
        lengths = [np.empty(0, np.int64), *(part.lengths for part in self.parts)]
        counts = [np.empty(0, np.int64), *(part.counts for part in self.parts)]
        return LengthHistogram(
            *merge_counts(np.concatenate(lengths), np.concatenate(counts))
        )

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
        check_same_schema(self.groups.schema, other.groups.schema)
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
    """Turn the frame of a histogram, with or without groups, into the histogram."""
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


def check_groups(
    histogram: Histogram, options: PackingOptions, parameter: str = "histogram"
) -> None:
    """Refuse a histogram by other columns than those of the rule `by`."""
    kind = GroupedHistogram if options.by_columns else LengthHistogram
    if not isinstance(histogram, kind):
        msg = (
            f"`{parameter}` must be a {kind.__name__} if `by` is {options.by!r}, got "
            f"{histogram!r}"
        )
        raise OptionTypeError(msg)
    if histogram.by != options.by_columns:
        msg = (
            f"`by` is {options.by_columns}, and `{parameter}` has the groups of "
            f"{histogram.by}\nHint: count the documents by the same columns."
        )
        raise OptionError(msg)
