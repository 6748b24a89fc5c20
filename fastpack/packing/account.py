"""Account: what became of every document and every token of a packing."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import polars as pl

from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.sums import exact_sum
from fastpack.options import PackingOptions
from fastpack.packing.bounds import lower_bound
from fastpack.packing.chunks import Chunks
from fastpack.schemas import FIGURES


@dataclass(kw_only=True, eq=False, repr=False)
class Account:
    """The figures of a packing: every document and every token is in one of them.

    They are described where users meet them, at `fastpack.PackingPlan`.
    """

    context_length: int
    n_documents: int
    documents_empty: int
    documents_cut: int
    documents_dropped: int
    n_tokens: int
    packed: int
    truncated: int
    dropped: int
    n_chunks: int
    extra: int
    alignment: int
    n_bins: int
    parts: list[tuple[Chunks, PackingOptions]]

    @cached_property
    def lower_bound(self) -> int:
        """The least number of bins that is proven: see `fastpack.packing.bounds`.

        It takes as long as planning, so only who asks for it pays.
        """
        least = sum(lower_bound(chunks, options) for chunks, options in self.parts)
        multiple = self.parts[0][1].bins_multiple if self.parts else 1
        return -(-least // multiple) * multiple

    @property
    def padding(self) -> int:
        """Tokens of capacity left unused."""
        used = self.packed + self.extra + self.alignment
        return self.n_bins * self.context_length - used

    @property
    def efficiency(self) -> float:
        """``packed / (n_bins * L)``; 1.0 where there is no bin."""
        capacity = self.n_bins * self.context_length
        return self.packed / capacity if capacity else 1.0

    def figures(self) -> dict[str, Any]:
        """Return the figures by name, as JSON can hold them."""
        return {name: getattr(self, name) for name in FIGURES}

    def __repr__(self) -> str:
        """Summarise the account in six lines."""
        of_documents = (
            f"{self.documents_empty:,} empty, {self.documents_cut:,} cut, "
            f"{self.documents_dropped:,} dropped"
        )
        of_tokens = (
            f"{self.packed:,} packed, {self.truncated:,} truncated, "
            f"{self.dropped:,} dropped"
        )
        rows = {
            "documents": (self.n_documents, of_documents),
            "tokens": (self.n_tokens, of_tokens),
            "chunks": (self.n_chunks, ""),
            "sequences": (self.n_bins, f"lower bound {self.lower_bound:,}"),
            "padding": (self.padding, f"efficiency {100 * self.efficiency:.6g} %"),
        }
        if overhead := self.extra + self.alignment:
            note = f"{self.extra:,} extra, {self.alignment:,} alignment"
            rows["overhead"] = (overhead, note)
        width = max(5, *(len(f"{number:,}") for number, _ in rows.values()))
        title = (
            f"{type(self).__name__}: {self.n_documents:,} documents in "
            f"{self.n_bins:,} sequences of {self.context_length:,} tokens"
        )
        lines = [title]
        for name, (number, note) in rows.items():
            line = f"  {name:<10}{number:>{width},}"
            lines.append(f"{line}   ({note})" if note else line)
        return "\n".join(lines)


def account_for(
    histogram: LengthHistogram, chunks: Chunks, n_bins: int, options: PackingOptions
) -> Account:
    """Account for documents that were cut into `chunks` and put into bins."""
    n_chunks = chunks.n_chunks
    packed = exact_sum(chunks.lengths, chunks.counts)
    footprints = options.footprints(chunks.lengths)
    taken = packed
    if footprints is not chunks.lengths:
        taken = exact_sum(footprints, chunks.counts)
    extra = n_chunks * options.extra_tokens
    return Account(
        context_length=options.context_length,
        n_documents=histogram.n_documents,
        documents_empty=chunks.documents_empty,
        documents_cut=chunks.documents_cut,
        documents_dropped=chunks.documents_dropped,
        n_tokens=histogram.n_tokens,
        packed=packed,
        truncated=chunks.truncated,
        dropped=chunks.dropped,
        n_chunks=n_chunks,
        extra=extra,
        alignment=taken - packed - extra,
        n_bins=n_bins,
        parts=[(chunks, options)],
    )


def tabulate(accounts: Sequence[Account]) -> pl.DataFrame:
    """Return figures as a table, one row an account."""
    figures = [account.figures() for account in accounts]
    return pl.DataFrame(
        {name: _as_series([each[name] for each in figures], name) for name in FIGURES}
    )


def _as_series(values: list[Any], name: str) -> pl.Series:
    if name == "efficiency":
        return pl.Series(values, dtype=pl.Float64)
    # The padding of 2**50 bins of 2**20 tokens, say, is beyond Int64.
    fits = all(value < 2**63 for value in values)
    return pl.Series(values, dtype=pl.Int64 if fits else pl.Int128)


def sum_accounts(accounts: Sequence[Account], options: PackingOptions) -> Account:
    """Account for several groups together."""
    if len(accounts) == 1:
        return accounts[0]
    totals: dict[str, Any] = {
        field.name: sum(getattr(account, field.name) for account in accounts)
        for field in fields(Account)
        if field.name not in {"context_length", "parts"}
    }
    parts = [part for account in accounts for part in account.parts]
    return Account(**totals, context_length=options.context_length, parts=parts)
