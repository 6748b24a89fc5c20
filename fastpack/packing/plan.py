"""PackingPlan: histogram -> runs, its figures and its file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs

from fastpack.documents.grouped_histogram import (
    GroupedHistogram,
    Histogram,
    parts_in_order_of,
    parts_of,
)
from fastpack.documents.groups import GroupEncoder, split_documents
from fastpack.documents.inputs import FrameLike, as_frame, as_lengths
from fastpack.errors import DataError, OptionTypeError
from fastpack.options import PackingOptions
from fastpack.outputs import check_output
from fastpack.packing.account import Account, account_for, sum_accounts, tabulate
from fastpack.packing.assigner import Assigner
from fastpack.packing.best_fit import place_groups
from fastpack.packing.chunks import Chunks, cut_into_chunks, refuse_long_documents
from fastpack.packing.cursors import Cursors
from fastpack.packing.plan_file import read_plan, write_plan
from fastpack.schemas import RUNS_SCHEMA
from fastpack.version import __version__


class PackingPlan(Account):
    """Best-fit decreasing over a histogram of document lengths.

    What it costs depends on how many different lengths there are, not on how many
    documents: about 1 ms at a context length of 2048, 4 ms at 8192, for ten
    thousand documents or ten billion. The packing is that of Ding et al. (2024),
    section 3; chunks of equal length, and bins of equal space, are placed together.

    Parameters
    ----------
    histogram
        The documents: a `LengthHistogram`, or with the option `by` a
        `GroupedHistogram`.
    options
        The rules.

    Attributes
    ----------
    histogram, options
        As given.
    n_documents, n_tokens : int
        Documents and their tokens.
    n_chunks : int
        Chunks that are packed.
    n_bins : int
        Training sequences.
    n_rows : int
        Rows of the assignment table: `n_chunks`, and one for each document of which
        nothing is packed.
    documents_empty, documents_dropped : int
        Documents of no tokens; documents that are left out for their length.
    documents_cut : int
        Documents longer than L that are split or truncated.
    packed, truncated, dropped : int
        Tokens that are packed, tokens cut off, tokens of dropped documents and
        remainders; together they are `n_tokens`.
    extra, alignment : int
        Tokens of capacity taken by `extra_tokens`, and lost to `align`.
    padding : int
        Tokens of capacity left unused; ``n_bins * L`` is packed + extra + alignment +
        padding.
    efficiency : float
        ``packed / (n_bins * L)``; 1.0 where there is no bin.
    lower_bound : int
        No packing by these rules has fewer bins: the largest of the tokens over L, the
        chunks over `max_documents`, Martello and Toth's L2 and Fekete and Schepers'
        dual feasible functions. Computed when first asked for.

    Raises
    ------
    DataError
        With ``long_documents="error"``, if a document is longer than L; or there are
        too few chunks for `bins_multiple`.

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

    def __init__(self, histogram: Histogram, options: PackingOptions) -> None:
        _check_type("options", options, PackingOptions)
        parts = parts_of(histogram, options)
        refuse_long_documents(parts, options)
        self.histogram = histogram
        self.options = options
        self._chunks = [cut_into_chunks(part, options) for part in parts]
        self._runs, n_bins = place_groups(self._chunks, options)
        self._accounts = [
            account_for(part, chunks, bins, options)
            for part, chunks, bins in zip(parts, self._chunks, n_bins, strict=True)
        ]
        super().__init__(**vars(sum_accounts(self._accounts, options)))
        self.n_rows = self.n_chunks + self.documents_empty + self.documents_dropped

    @property
    def runs(self) -> pl.DataFrame:
        """The plan itself, one row a run, in the order of placement.

        `chunk_length` (Int32): the length of the chunks placed, in tokens.
        `first_bin`, `bins` (Int64): the range of bins that took them.
        `chunks_per_bin` (Int32): how many each of these bins took.
        `bin_offset` (Int32): where the first of them starts in its bin, in tokens.
        With the option `by`, its columns come first. Bins are numbered as they were
        opened, before `shuffle_seed`.

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
        runs = pl.DataFrame(
            {name: np.ascontiguousarray(self._runs[name]) for name in RUNS_SCHEMA}
        )
        if isinstance(self.histogram, GroupedHistogram):
            groups: pl.DataFrame = self.histogram.groups[self._runs["group"].tolist()]
            return groups.hstack(runs)
        return runs

    @property
    def groups(self) -> pl.DataFrame | None:
        """The figures of each group: the columns `by`, `first_bin`, then the figures.

        None without the option `by`.

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
        if not isinstance(self.histogram, GroupedHistogram):
            return None
        figures = tabulate(self._accounts)
        first_bin = pl.col("n_bins").cum_sum() - pl.col("n_bins")
        return self.histogram.groups.hstack(
            figures.select(first_bin.alias("first_bin"), pl.all())
        )

    def assign(
        self, lengths: FrameLike, *, after: Histogram | None = None
    ) -> pl.DataFrame:
        """Assign documents, in their order, to the bins of this plan.

        A corpus may be assigned part by part, in any order and by any number of
        workers, with the rows that one pass over the whole would give: `after` says
        which documents come before a part.

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
        groups = None
        if isinstance(self.histogram, GroupedHistogram):
            frame = as_frame(lengths, "lengths")
            by, column = split_documents(frame, self.options.by_columns)
            groups = GroupEncoder(self.histogram.groups).encode(by)
        else:
            column = as_lengths(lengths)
        if after is None:
            return self.assigner().table(column, groups=groups)
        _check_type("after", after, type(self.histogram))
        assigner = self.assigner(self.cut(after), after.n_documents)
        return assigner.table(column, groups=groups)

    def cut(self, documents: Histogram) -> list[Chunks]:
        """Cut other documents by the same rules, in the order of this plan's groups."""
        parts = parts_in_order_of(self.histogram, documents)
        refuse_long_documents(parts, self.options)
        return [cut_into_chunks(part, self.options) for part in parts]

    def assigner(
        self, before: Sequence[Chunks] | None = None, first_document: int = 0
    ) -> Assigner:
        """Return what assigns the documents that come behind the chunks `before`."""
        return Assigner(self.cursors(before, first_document))

    def cursors(
        self, before: Sequence[Chunks] | None = None, first_document: int = 0
    ) -> Cursors:
        """Return the same for arrays, not tables."""
        return Cursors(
            self.options,
            self._chunks,
            self._runs,
            self.n_bins,
            before=before,
            first_document=first_document,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the version, the options and the figures, as JSON can hold them."""
        described: dict[str, Any] = {
            "version": __version__,
            "options": self.options.as_dict(),
            "figures": self.figures(),
        }
        if self.groups is not None:
            plain = cs.numeric() | cs.string() | cs.boolean()
            groups = self.groups.with_columns((~plain).cast(pl.String))
            described["groups"] = groups.to_dicts()
        return described

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the plan to a Parquet file: the table `runs`, all else as metadata.

        The file appears when it is complete, or not at all.

        Parameters
        ----------
        path
            Where, a name that ends in ``.parquet``.
        overwrite
            Whether a file may be replaced.

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
        output = Path(path)
        check_output(output, overwrite=overwrite)
        write_plan(
            output, self.runs, self.histogram, self.as_dict(), overwrite=overwrite
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "PackingPlan":
        """Read a plan that `save` wrote.

        Raises
        ------
        SourceNotFoundError, DataError
            There is no such file; it is not that of a plan, or its runs are not those
            that this version of fastpack plans.
        """
        runs, histogram, options = read_plan(Path(path))
        plan = cls(histogram, options)
        if not plan.runs.equals(runs):
            msg = (
                f"the runs in {path} are not those that fastpack {__version__} plans\n"
                "Hint: it was changed, or written by another version."
            )
            raise DataError(msg)
        return plan

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what the plan follows from: planning again is faster than copying."""
        return PackingPlan, (self.histogram, self.options)


def _check_type(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        msg = f"`{name}` must be a {kind.__name__}, got {value!r}"
        raise OptionTypeError(msg)
