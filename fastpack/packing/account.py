"""Account: the figures of a packing, for every document and every token."""

from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import polars as pl

from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.sums import exact_sum
from fastpack.options import PackingOptions
from fastpack.packing.bounds import lower_bounds
from fastpack.packing.chunks import Chunks
from fastpack.schemas import FIGURES


class Part(NamedTuple):
    """The documents of one group, the chunks they were cut into, and their bins.

    `proven` is the number of bins that a search proved to be needed, 0 without one.
    """

    histogram: LengthHistogram
    chunks: Chunks
    n_bins: int
    proven: int


class Account:
    """The figures of a packing: every document and every token is in one of them.

    They are described where users meet them, at `fastpack.PackingPlan`.

    Parameters
    ----------
    blocks
        The groups of each block, one if there are none; one block if there are none.
    options
        The rules.
    """

    def __init__(
        self, blocks: Sequence[Sequence[Part]], options: PackingOptions
    ) -> None:
        self.options = options
        self._blocks = blocks
        self._parts = parts = [part for block in blocks for part in block]
        chunks = [part.chunks for part in parts]
        self.n_documents = sum(part.histogram.n_documents for part in parts)
        self.documents_empty = sum(each.documents_empty for each in chunks)
        self.documents_cut = sum(each.documents_cut for each in chunks)
        self.documents_dropped = sum(each.documents_dropped for each in chunks)
        self.n_tokens = sum(part.histogram.n_tokens for part in parts)
        self.truncated = sum(each.truncated for each in chunks)
        self.dropped = sum(each.dropped for each in chunks)
        self.packed = self.n_tokens - self.truncated - self.dropped
        self.n_chunks = sum(each.n_chunks for each in chunks)
        self.n_bins = sum(part.n_bins for part in parts)
        self.extra = self.n_chunks * options.extra_tokens
        self.alignment = 0
        if options.align > 1:
            footprints = sum(
                exact_sum(options.footprints(each.lengths), each.counts)
                for each in chunks
            )
            self.alignment = footprints - self.packed - self.extra

    @cached_property
    def lower_bound(self) -> int:
        """The proven least number of bins: see `fastpack.packing.bounds`.

        Computed on first use: it takes as long as planning.
        """
        bounds, multiple = iter(self._bounds), self.options.bins_multiple
        return sum(
            _round_up(sum(islice(bounds, len(block))), multiple)
            for block in self._blocks
        )

    @cached_property
    def _bounds(self) -> list[int]:
        """The lower bound of each part, all at once."""
        bounds = lower_bounds([part.chunks for part in self._parts], self.options)
        proven = [part.proven for part in self._parts]
        return list(map(max, bounds, proven))

    @property
    def padding(self) -> int:
        """Tokens of capacity left unused."""
        used = self.packed + self.extra + self.alignment
        return self.n_bins * self.options.context_length - used

    @property
    def efficiency(self) -> float:
        """``packed / (n_bins * L)``; 1.0 if there is no bin."""
        capacity = self.n_bins * self.options.context_length
        return self.packed / capacity if capacity else 1.0

    def figures(self) -> dict[str, Any]:
        """Return the figures by name, as JSON can hold them."""
        return {name: getattr(self, name) for name in FIGURES}

    def tabulate(self) -> pl.DataFrame:
        """Return the figures of each part, in a row."""
        # The number of the bins of a block is a multiple, not that of each group.
        multiple = 1 if self.options.by_columns else self.options.bins_multiple
        accounts = [Account([[part]], self.options) for part in self._parts]
        for account, bound in zip(accounts, self._bounds, strict=True):
            account.lower_bound = _round_up(bound, multiple)
        figures = [account.figures() for account in accounts]
        columns = {name: [each[name] for each in figures] for name in FIGURES}
        return pl.DataFrame(
            {name: _as_series(values, name) for name, values in columns.items()}
        )

    def _lines(self) -> dict[str, tuple[int, str]]:
        """Return the number and the note of each line of `repr`, by its name."""
        of_documents = (
            f"{self.documents_empty:,} empty, {self.documents_cut:,} cut, "
            f"{self.documents_dropped:,} dropped"
        )
        of_tokens = (
            f"{self.packed:,} packed, {self.truncated:,} truncated, "
            f"{self.dropped:,} dropped"
        )
        lines = {
            "documents": (self.n_documents, of_documents),
            "tokens": (self.n_tokens, of_tokens),
            "chunks": (self.n_chunks, ""),
            "sequences": (self.n_bins, f"lower bound {self.lower_bound:,}"),
            "padding": (self.padding, f"efficiency {as_percentage(self.efficiency)}"),
        }
        if overhead := self.extra + self.alignment:
            note = f"{self.extra:,} extra, {self.alignment:,} alignment"
            lines["overhead"] = (overhead, note)
        return lines

    def __repr__(self) -> str:
        """Summarize the account, a line for each kind of figure."""
        numbers = self._lines()
        width = max(5, *(len(f"{number:,}") for number, _ in numbers.values()))
        title = (
            f"{type(self).__name__}: {self.n_documents:,} documents in "
            f"{self.n_bins:,} sequences of {self.options.context_length:,} tokens"
        )
        lines = [title]
        for name, (number, note) in numbers.items():
            line = f"  {name:<10}{number:>{width},}"
            lines.append(f"{line}   ({note})" if note else line)
        return "\n".join(lines)


def as_percentage(share: float) -> str:
    """Return a share in percent: 100 is all of it, not nearly all."""
    text = f"{100 * share:,.6g}"
    return "99.9999 %" if text == "100" and share < 1 else f"{text} %"


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _as_series(values: list[Any], name: str) -> pl.Series:
    if name == "efficiency":
        return pl.Series(values, dtype=pl.Float64)
    # The padding of 2**50 bins of 2**20 tokens, say, is beyond Int64.
    fits = all(value < 2**63 for value in values)
    return pl.Series(values, dtype=pl.Int64 if fits else pl.Int128)
