"""PackingPlan: histogram -> runs, its figures and its file."""

import os
from collections.abc import Sequence
from typing import Any

import polars as pl

from fastpack.documents.batches import as_batch
from fastpack.documents.blocks import check_blocks, split_blocks
from fastpack.documents.grouped_histogram import Histogram, check_groups
from fastpack.documents.groups import describe_groups
from fastpack.documents.inputs import FrameLike
from fastpack.errors import DataError, OptionTypeError
from fastpack.options import PackingOptions
from fastpack.outputs import check_output
from fastpack.packing.account import Account
from fastpack.packing.block_plan import BlockPlan, BlockPlans
from fastpack.packing.chunks import refuse_long_documents
from fastpack.packing.plan_file import read_plan, write_plan
from fastpack.schemas import RUNS_SCHEMA
from fastpack.storage.location import Location, StrPath, locate, path_here
from fastpack.version import __version__


class PackingPlan(Account):
    """Best-fit decreasing over a histogram of document lengths.

    Planning time depends on the number of distinct lengths, not of documents: about
    1 ms at a context length of 2048, 4 ms at 8192, for ten thousand documents or ten
    billion. The packing is that of Ding et al. (2024), section 3; chunks of equal
    length, and bins of equal space, are placed together.

    Parameters
    ----------
    histogram
        The documents: a `LengthHistogram`, or with the rules `by` or `block_documents`
        a `GroupedHistogram`, whose first column with the latter is `block`.
    options
        The rules.
    blocks
        The plans of all blocks in their order, if they are made already.

    Attributes
    ----------
    n_documents, documents_empty, documents_cut, documents_dropped : int
        Documents; those of no tokens, those with a cut inside (longer than a chunk may
        be, L less `extra_tokens`, and split or truncated), those left out.
    n_tokens, packed, truncated, dropped : int
        Tokens; those that are packed, those thrown away behind a cut, those of dropped
        documents and remainders. The first is the sum of the others.
    n_chunks, n_bins, n_rows : int
        Packed chunks, training sequences, and rows of the assignment table: a chunk
        each, and one for each document of which nothing is packed.
    extra, alignment, padding : int
        Tokens of capacity taken by `extra_tokens`, lost to `align`, and left unused;
        ``n_bins * L`` is packed + extra + alignment + padding.
    efficiency : float
        ``packed / (n_bins * L)``; 1.0 if there is no bin.
    lower_bound : int
        The proven least number of bins, by these rules: the largest of the tokens over
        L, the chunks over `max_documents`, Martello and Toth's L2 and Fekete and
        Schepers' dual feasible functions. Computed on first use.

    Raises
    ------
    DataError
        A document is too long, by ``long_documents="error"``, or there are too few
        chunks for `bins_multiple`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastpack
    >>> plan = fastpack.plan(np.array([8, 6, 6, 4, 3]), context_length=8)
    >>> print(plan)
    PackingPlan: 5 documents in 4 sequences of 8 tokens
      documents     5   (0 empty, 0 cut, 0 dropped)
      tokens       27   (27 packed, 0 truncated, 0 dropped)
      chunks        5
      sequences     4   (lower bound 4)
      padding       5   (efficiency 84.375 %)
    """

    def __init__(
        self,
        histogram: Histogram,
        options: PackingOptions,
        *,
        blocks: Sequence[BlockPlan] | None = None,
    ) -> None:
        if not isinstance(options, PackingOptions):
            msg = f"`options` must be a PackingOptions, got {options!r}"
            raise OptionTypeError(msg)
        check_groups(histogram, options)
        if blocks is None:
            check_blocks(histogram, options.block_documents)
            refuse_long_documents(histogram.parts, options)
            blocks = [
                BlockPlan(block, options, number)
                for number, block in split_blocks(histogram, options.block_documents)
            ]
        self.histogram = histogram
        self.blocks = BlockPlans(blocks, options.block_documents)
        super().__init__(self.blocks.parts(), options)
        self.n_rows = self.n_chunks + self.documents_empty + self.documents_dropped

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

    def assign(
        self, lengths: FrameLike, *, after: Histogram | None = None
    ) -> pl.DataFrame:
        """Assign documents, in their order, to the bins of this plan.

        A corpus may be assigned part by part, in any order and by any number of
        workers: the rows are those of one pass over the whole.

        Parameters
        ----------
        lengths
            The lengths that were planned, or a part of them: as for `fastpack.plan`.
        after
            The histogram of all documents before the first of `lengths`.

        Returns
        -------
        polars.DataFrame
            The assignment table, as `fastpack.pack` gives it: one row a chunk, in
            document order; `document` counts from the first document of the corpus.

        Raises
        ------
        DataError
            The lengths are not those that were planned.

        Examples
        --------
        >>> import numpy as np
        >>> import fastpack
        >>> first, second = np.array([8, 6, 6]), np.array([4, 3])
        >>> plan = fastpack.plan(np.concatenate([first, second]), context_length=8)
        >>> plan.assign(second, after=fastpack.LengthHistogram.from_lengths(first))
        shape: (2, 5)
        ┌──────────┬─────────────┬──────────────┬─────┬────────────┐
        │ document ┆ chunk_start ┆ chunk_length ┆ bin ┆ bin_offset │
        │ ---      ┆ ---         ┆ ---          ┆ --- ┆ ---        │
        │ i64      ┆ i64         ┆ i32          ┆ i64 ┆ i32        │
        ╞══════════╪═════════════╪══════════════╪═════╪════════════╡
        │ 3        ┆ 0           ┆ 4            ┆ 3   ┆ 0          │
        │ 4        ┆ 0           ┆ 3            ┆ 3   ┆ 4          │
        └──────────┴─────────────┴──────────────┴─────┴────────────┘
        """
        batch = as_batch(lengths, self.options.by_columns)
        if after is not None:
            check_groups(after, self.options, "after")
            check_blocks(after, self.options.block_documents, "after")
        return self.blocks.assigner(after).table(batch)

    def as_dict(self) -> dict[str, Any]:
        """Return the version, the options and the figures, as JSON can hold them."""
        described: dict[str, Any] = {"version": __version__}
        described |= {"options": self.options.as_dict(), "figures": self.figures()}
        if (groups := self.groups) is not None:
            described["groups"] = describe_groups(groups)
        return described

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the plan to a Parquet file, which appears when it is complete.

        The file has the table `runs`, and all else as metadata.

        Parameters
        ----------
        path, overwrite
            The file, named ``*.parquet``, and whether it may be replaced.

        Raises
        ------
        OutputExistsError, OptionError, SourceNotFoundError
            There is such a file, or it could not be one, or its folder is absent.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> import numpy as np
        >>> import fastpack
        >>> plan = fastpack.plan(np.array([8, 6, 6, 4, 3]), context_length=8)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "plan.parquet")
        ...     plan.save(file)
        ...     fastpack.PackingPlan.load(file).n_bins
        4
        """
        output = path_here(path, "path")
        check_output(output, overwrite=overwrite)
        write_plan(
            output, self.runs, self.histogram, self.as_dict(), overwrite=overwrite
        )

    @classmethod
    def load(cls, path: StrPath | Location) -> "PackingPlan":
        """Read a plan that `save` wrote, or `pack_files`; the path may be a URL.

        Raises
        ------
        SourceNotFoundError, DataError
            There is no such file, it is not that of a plan, or this version plans other
            runs.
        """
        runs, histogram, options = read_plan(locate(path))
        plan = cls(histogram, options)
        if not plan.runs.equals(runs):
            msg = (
                f"the runs in {path} are not those that fastpack {__version__} plans\n"
                "Hint: it was changed, or written by another version."
            )
            raise DataError(msg)
        return plan

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the histogram and the rules: planning again is faster than copying."""
        return PackingPlan, (self.histogram, self.options)
