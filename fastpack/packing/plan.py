"""PackingPlan: histogram -> runs, its figures and its file."""

import os
from collections.abc import Mapping
from typing import Any

import polars as pl

from fastpack.documents.batches import as_batch
from fastpack.documents.blocks import check_blocks
from fastpack.documents.grouped_histogram import Histogram, check_groups
from fastpack.documents.inputs import FrameLike
from fastpack.errors import DataError
from fastpack.outputs import check_output
from fastpack.packing.optimal.certificate import Proofs
from fastpack.packing.plan_file import (
    SavedPlan,
    check_certificate,
    invalid_plans_name,
    read_plan,
    write_plan,
)
from fastpack.packing.planned import PlannedBlocks
from fastpack.packing.restored import restore_blocks
from fastpack.storage.location import Location, StrPath, locate, path_here
from fastpack.version import __version__


class PackingPlan(PlannedBlocks):
    """The packing of a histogram of document lengths.

    It is best-fit decreasing, that of Ding et al. (2024), section 3; chunks of equal
    length, and bins of equal space, are placed together. Planning time depends on the
    number of distinct lengths, not of documents: 0.2 ms at a context length of 2048,
    0.5 ms at 8192, for ten thousand documents or ten billion. By
    ``strategy="optimal"`` it is searched for, which takes seconds, and has a
    `certificate`; such a plan travels as its runs, and is not searched for again.

    Parameters
    ----------
    histogram
        The documents: a `LengthHistogram`, or with the rules `by` or `block_documents`
        a `GroupedHistogram`, whose first column with the latter is `block`.
    options
        The rules.
    blocks
        The plans of all blocks in their order, if they are made already.
    on_progress
        Called as a search finds something better.

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
        L, the chunks over `max_documents`, Martello and Toth's L2, Fekete and Schepers'
        dual feasible functions, and the proof of a search. Computed on first use.

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
        write_plan(output, self.saved(), self.as_dict(), overwrite=overwrite)

    def saved(self) -> SavedPlan:
        """Return the plan as its file holds it."""
        proofs = None if self.certificate is None else self.blocks.proofs()
        return SavedPlan(self.histogram, self.options, self.runs, proofs)

    @classmethod
    def load(
        cls,
        path: StrPath | Location,
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> "PackingPlan":
        """Read a plan that `save` wrote, or `pack_files`.

        Best-fit is planned anew and compared. A plan that took a search is checked: all
        chunks are packed by the rules, and the prices prove the bound.

        Parameters
        ----------
        path, storage_options
            The file, or the folder that `pack_files` wrote; or the URL of one, and the
            options of its store, as Polars takes them.

        Raises
        ------
        SourceNotFoundError, DataError
            There is no such file, it is not that of a plan, it was changed, or this
            version plans other runs.
        """
        saved, description = read_plan(locate(path, storage_options))
        if saved.proofs is not None:
            with invalid_plans_name(path):
                plan = cls._restore(saved, saved.proofs)
                check_certificate(plan.certificate, description)
            return plan
        plan = cls(saved.histogram, saved.options)
        if not plan.runs.equals(saved.runs):
            msg = (
                f"the runs in {path} are not those that fastpack {__version__} plans\n"
                "Hint: it was changed, or written by another version."
            )
            raise DataError(msg)
        return plan

    @classmethod
    def _restore(cls, saved: SavedPlan, proofs: Proofs) -> "PackingPlan":
        """Take a plan that took a search; raise DataError if it is not valid."""
        blocks = restore_blocks(saved.histogram, saved.options, saved.runs, proofs)
        return cls(saved.histogram, saved.options, blocks=blocks)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the histogram and the rules: planning again is faster than copying.

        Except if that took a search: such a plan is pickled as its runs, and checked.
        """
        if self.options.strategy == "best_fit":
            return PackingPlan, (self.histogram, self.options)
        return PackingPlan._restore, (self.saved(), self.blocks.proofs())
