"""Certificate: what is proven of a plan, and the prices that anyone can check it by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import polars as pl

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.chunks import Chunks
from fastpack.packing.optimal.knapsack import PRICE_UNIT, Knapsack
from fastpack.packing.optimal.problem import Problem

EndedBy = Literal["gap", "time", "search"]

_PRICES_SCHEMA = pl.Schema(
    {"group": pl.Int32, "chunk_length": pl.Int32, "price": pl.Int64}
)

_SEARCHES_SCHEMA = pl.Schema(
    {"iterations": pl.Int64, "seconds": pl.Float64, "ended_by": pl.String}
)


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """The proof of a plan that was searched for, and the effort of the search.

    Parameters
    ----------
    n_bins, lower_bound
        The bins of the plan, and the number that is proven to be needed.
    iterations
        The linear programs that were solved.
    seconds
        The time of the search; with `block_documents`, of those of all blocks together.
    ended_by
        The reason of its end: ``"gap"``, the `optimality_gap` was reached; ``"time"``,
        the `time_limit`; ``"search"``, nothing was left to try. Of several blocks,
        ``"time"`` if one was ended by it, else ``"search"`` if one was.
    prices
        The proof: the `price` (Int64) of a chunk of each `chunk_length` (Int32, in
        tokens), after the columns `block` and `by` if there are any. If the chunks of
        no bin can be worth more than z, all those of the group, worth s, need s / z
        bins, rounded up. A group whose bound needs no prices is left out.

    Examples
    --------
    >>> import fastpack
    >>> lengths = fastpack.LengthHistogram([3, 4, 5], [100, 100, 100])
    >>> fastpack.plan(lengths, context_length=10).n_bins
    134
    >>> plan = fastpack.plan(lengths, context_length=10, strategy="optimal")
    >>> plan.certificate.n_bins, plan.certificate.lower_bound, plan.certificate.gap
    (125, 125, 0.0)
    """

    n_bins: int
    lower_bound: int
    iterations: int
    seconds: float
    ended_by: EndedBy
    prices: pl.DataFrame

    @property
    def gap(self) -> float:
        """The bins above the bound, as a fraction of it."""
        return self.n_bins / self.lower_bound - 1 if self.lower_bound else 0.0

    def __eq__(self, other: object) -> bool:
        """Compare all, the prices too."""
        if not isinstance(other, Certificate):
            return NotImplemented
        is_same = self.as_dict() == other.as_dict()
        return is_same and self.prices.equals(other.prices)

    __hash__ = None  # type: ignore[assignment]  # frames have none

    def __str__(self) -> str:
        """Summarize it in a line."""
        return (
            f"{100 * self.gap:.3g} % above the bound, in {self.seconds:.3g} s, linear "
            f"programs: {self.iterations:,}, ended by: {_ENDS[self.ended_by]}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return all but the prices by name, as JSON can hold it."""
        names = ("n_bins", "lower_bound", "gap", *_SEARCHES_SCHEMA)
        return {name: getattr(self, name) for name in names}


class Proof(NamedTuple):
    """The proof that a search leaves beside a packing.

    Parameters
    ----------
    prices
        The `price` by `group` (its number) and `chunk_length`, the longest first.
    iterations, seconds, ended_by
        As those of `Certificate`.
    """

    prices: pl.DataFrame
    iterations: int
    seconds: float
    ended_by: EndedBy

    def bounds(self, groups: Sequence[Chunks], options: PackingOptions) -> list[int]:
        """Return the bins of each group that the prices prove to be needed.

        Raises DataError if they are no prices of these chunks.
        """
        bounds = [0] * len(groups)
        for (group,), part in self.prices.group_by("group", maintain_order=True):
            number = int(str(group))
            lengths = part["chunk_length"].cast(pl.Int64).to_numpy()
            prices = part["price"].to_numpy()
            chunks = groups[number]
            is_price = (prices >= 0) & (prices <= 2 * PRICE_UNIT)
            if not np.array_equal(lengths, chunks.lengths) or not is_price.all():
                msg = f"the prices of group {number} are not those of its chunks"
                raise DataError(msg)
            bounds[number] = _proven_bins(chunks, prices, options)
        return bounds


class Proofs(NamedTuple):
    """The proofs of all blocks of a plan, as tables.

    Parameters
    ----------
    prices
        Those of all; groups have the numbers that they have in the plan.
    searches
        The `iterations`, `seconds` and `ended_by` of each block, in a row.
    """

    prices: pl.DataFrame
    searches: pl.DataFrame

    @classmethod
    def join(cls, proofs: Sequence[Proof], n_groups: Sequence[int]) -> "Proofs":
        """Join the proofs of blocks that have so many groups each."""
        prices = [pl.DataFrame(schema=_PRICES_SCHEMA)]
        first = 0
        for proof, number in zip(proofs, n_groups, strict=True):
            group = (pl.col("group") + first).cast(pl.Int32)
            prices.append(proof.prices.with_columns(group))
            first += number
        rows = [proof[1:] for proof in proofs]
        searches = pl.DataFrame(rows, schema=_SEARCHES_SCHEMA, orient="row")
        return cls(pl.concat(prices), searches)

    def check(self) -> None:
        """Raise ValueError if the tables are not of the form that `join` gives."""
        for table, schema in zip(self, (_PRICES_SCHEMA, _SEARCHES_SCHEMA), strict=True):
            if table.schema != schema or any(table.null_count().row(0)):
                msg = f"a table of a proof has other columns, or nulls: {table.schema}"
                raise ValueError(msg)
        is_known = self.searches["ended_by"].is_in(get_args(EndedBy))
        if not is_known.all():
            msg = "`ended_by` has one that is unknown"
            raise ValueError(msg)

    def split(self, n_groups: Sequence[int]) -> Iterator[Proof]:
        """Give the proof of each block; raise DataError if there are others."""
        ends = np.cumsum([0, *n_groups])
        group = self.prices["group"].to_numpy()
        first = np.searchsorted(group, ends)
        is_right = self.searches.height == len(n_groups)
        if (
            not is_right
            or np.any(np.diff(group) < 0)
            or first[0]
            or first[-1] < len(group)
        ):
            msg = "the proof is of other blocks or groups"
            raise DataError(msg)
        for number, search in enumerate(self.searches.iter_rows()):
            prices = self.prices[first[number] : first[number + 1]]
            of_block = (pl.col("group") - ends[number]).cast(pl.Int32)
            yield Proof(prices.with_columns(of_block), *search)

    def certificate(
        self, n_bins: int, lower_bound: int, groups: pl.DataFrame
    ) -> Certificate:
        """Return the certificate of a plan with such `groups`, by their columns."""
        prices = self.prices.drop("group")
        if groups.width:
            prices = groups[self.prices["group"].to_list()].hstack(prices)
        ended_by = self.searches["ended_by"].to_list()
        return Certificate(
            n_bins=n_bins,
            lower_bound=lower_bound,
            iterations=int(self.searches["iterations"].sum()),
            seconds=float(self.searches["seconds"].sum()),
            ended_by=min(ended_by, key=list(_ENDS).index, default="gap"),
            prices=prices,
        )


_ENDS: dict[EndedBy, str] = {
    "time": "the time limit",
    "search": "nothing left to try",
    "gap": "the optimality gap",
}
"""The reasons of an end: of several blocks, the first of these is told."""


def price_table(
    prices: Sequence[Int64Array | None], groups: Sequence[Chunks]
) -> pl.DataFrame:
    """Return the prices of groups, by the lengths of their chunks, as in a `Proof`."""
    parts = [pl.DataFrame(schema=_PRICES_SCHEMA)]
    for group, chunks in enumerate(groups):
        if (of_group := prices[group]) is not None:
            columns = (np.full(of_group.size, group), chunks.lengths, of_group)
            data = dict(zip(_PRICES_SCHEMA, columns, strict=True))
            parts.append(pl.DataFrame(data).cast(_PRICES_SCHEMA))
    return pl.concat(parts)


def _proven_bins(chunks: Chunks, prices: Int64Array, options: PackingOptions) -> int:
    """Return the bins that the prices of chunk lengths prove to be needed."""
    problem = Problem.of_chunks(chunks, options)
    _, first = np.unique(options.footprints(chunks.lengths[::-1]), return_index=True)
    of_items = np.maximum.reduceat(prices[::-1], first)
    rounded = problem.rounded_down()
    if rounded.sizes.size == 0:
        return 0
    n_omitted = of_items.size - rounded.sizes.size
    return Knapsack(rounded).fill(of_items[n_omitted:]).bound
