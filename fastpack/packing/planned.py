"""PlannedBlocks: the plans of all blocks, with their figures and tables."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.groups import describe_groups
from fastpack.errors import OptionTypeError
from fastpack.option_checks import show
from fastpack.options import PackingOptions
from fastpack.packing.account import Account
from fastpack.packing.block_plan import BlockPlan
from fastpack.packing.block_plans import BlockPlans, plan_blocks
from fastpack.packing.optimal.certificate import Certificate
from fastpack.packing.placement import OnProgress
from fastpack.schemas import RUNS_SCHEMA
from fastpack.version import __version__


class PlannedBlocks(Account):
    """The state of a `PackingPlan`: the methods that use it are there.

    Attributes
    ----------
    histogram, options
        The documents, and the rules.
    blocks : BlockPlans
        The plan of each block; one of all documents without `block_documents`.
    """

    def __init__(
        self,
        histogram: Histogram,
        options: PackingOptions,
        *,
        blocks: Sequence[BlockPlan] | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        if not isinstance(options, PackingOptions):
            msg = (
                f"`options` must be a PackingOptions, got {show(options)}\n"
                "Hint: fastpack.plan takes the rules as keyword arguments."
            )
            raise OptionTypeError(msg)
        if blocks is None:
            blocks = plan_blocks(histogram, options)
            if options.strategy == "optimal":
                for block in blocks:
                    block.place(on_progress)
        self.histogram = histogram
        self.blocks = BlockPlans(blocks, options.block_documents)
        super().__init__(self.blocks.parts(), options)
        self.n_rows = self.n_chunks + self.documents_empty + self.documents_dropped

    @property
    def certificate(self) -> Certificate | None:
        """The proof of a plan by ``strategy="optimal"``, with its prices.

        None by best-fit.
        """
        if self.options.strategy == "best_fit":
            return None
        return self.blocks.proofs().certificate(
            self.n_bins, self.lower_bound, self.histogram.groups
        )

    @property
    def runs(self) -> pl.DataFrame:
        """The plan itself, one row a run, in the order of placement.

        `chunk_length` (Int32): the length of the chunks placed, in tokens.
        `first_bin`, `bins` (Int64): the range of bins that took them.
        `chunks_per_bin` (Int32): how many each of these bins took.
        `bin_offset` (Int32): where the first of them starts in its bin, in tokens.
        `block` (Int64), with the rule `block_documents`, and the columns of the rule
        `by` come first. Bins are numbered as they were opened, before `shuffle_seed`.

        Examples
        --------
        >>> import numpy as np
        >>> import fastpack
        >>> fastpack.plan(np.array([8, 6, 6, 4, 3]), context_length=8).runs
        shape: (4, 5)
        ┌──────────────┬───────────┬──────┬────────────────┬────────────┐
        │ chunk_length ┆ first_bin ┆ bins ┆ chunks_per_bin ┆ bin_offset │
        │ ---          ┆ ---       ┆ ---  ┆ ---            ┆ ---        │
        │ i32          ┆ i64       ┆ i64  ┆ i32            ┆ i32        │
        ╞══════════════╪═══════════╪══════╪════════════════╪════════════╡
        │ 8            ┆ 0         ┆ 1    ┆ 1              ┆ 0          │
        │ 6            ┆ 1         ┆ 2    ┆ 1              ┆ 0          │
        │ 4            ┆ 3         ┆ 1    ┆ 1              ┆ 0          │
        │ 3            ┆ 3         ┆ 1    ┆ 1              ┆ 4          │
        └──────────────┴───────────┴──────┴────────────────┴────────────┘
        """
        none = self.histogram.groups.clear().hstack(pl.DataFrame(schema=RUNS_SCHEMA))
        return pl.concat([none, *(block.runs() for block in self.blocks)])

    @property
    def groups(self) -> pl.DataFrame | None:
        """The figures of each group: the columns `by`, `first_bin`, then the figures.

        None without groups. With `block_documents`, they are the groups of each block,
        or the blocks if there is no `by`; the first column is `block` (Int64). The bins
        of a group are neighbours, from `first_bin` on; with `by` and a `shuffle_seed`
        they are not, and `first_bin` is null.

        Examples
        --------
        >>> import polars as pl
        >>> import fastpack
        >>> documents = pl.DataFrame(
        ...     {"source": ["web", "code", "web"], "n_tokens": [8, 6, 8]}
        ... )
        >>> plan = fastpack.plan(documents, context_length=8, by="source")
        >>> plan.groups.select("source", "first_bin", "n_bins", "padding")
        shape: (2, 4)
        ┌────────┬───────────┬────────┬─────────┐
        │ source ┆ first_bin ┆ n_bins ┆ padding │
        │ ---    ┆ ---       ┆ ---    ┆ ---     │
        │ str    ┆ i64       ┆ i64    ┆ i64     │
        ╞════════╪═══════════╪════════╪═════════╡
        │ code   ┆ 0         ┆ 1      ┆ 2       │
        │ web    ┆ 1         ┆ 2      ┆ 0       │
        └────────┴───────────┴────────┴─────────┘
        """
        if not self.histogram.by:
            return None
        figures = self.tabulate()
        before = pl.col("n_bins").cum_sum() - pl.col("n_bins")
        is_shuffled = self.options.shuffle_seed is not None and self.options.by
        first_bin = pl.when(not is_shuffled).then(before)
        figures = figures.select(first_bin.alias("first_bin"), pl.all())
        return self.histogram.groups.hstack(figures)

    def as_dict(self) -> dict[str, Any]:
        """Return the version, the options and the figures, as JSON can hold them."""
        described: dict[str, Any] = {"version": __version__}
        described |= {"options": self.options.as_dict(), "figures": self.figures()}
        if (certificate := self.certificate) is not None:
            described["certificate"] = certificate.as_dict()
        if (groups := self.groups) is not None:
            described["groups"] = describe_groups(groups)
        return described

    def __repr__(self) -> str:
        """Summarize the account, and the search if there was one."""
        certificate = self.certificate
        text = super().__repr__()
        return text if certificate is None else f"{text}\n  search    {certificate}"
