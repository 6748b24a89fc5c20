"""BlockPlan: the plan of documents that are packed by themselves: a block, or all."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.options import BLOCK, PackingOptions
from fastpack.packing.account import Part
from fastpack.packing.assigner import Assigner
from fastpack.packing.best_fit import join_runs
from fastpack.packing.chunks import Chunks, cut_into_chunks, refuse_long_documents
from fastpack.packing.cursors import Cursors
from fastpack.packing.optimal.certificate import Proof
from fastpack.packing.placement import OnProgress, Placement, place, table_of_runs

_SPAN = 2**31
"""Chunks are shorter."""


def chunk_keys(groups: Int64Array, lengths: Int64Array) -> Int64Array:
    """Return a key for each pair: ascending by group, and within, longest first."""
    return (groups + 1) * _SPAN - lengths


class RunIndex(NamedTuple):
    """The runs of each chunk length in each group, in the order of the runs.

    Parameters
    ----------
    keys
        The group and the length, as `chunk_keys` gives them: ascending.
    first_run, n_runs
        The place of the first run, and how many there are.
    """

    keys: Int64Array
    first_run: Int64Array
    n_runs: Int64Array


class BlockPlan:
    """The plan of a block. Its runs are made when they are first asked for.

    Until then it is little more than a histogram, which is a tenth of their size; so it
    travels, and is planned where it is used. Runs that took a search are kept, and
    travel with it: only before the time limit would another search end the same way.

    Parameters
    ----------
    histogram
        The documents of the block, in their groups by the rule `by`.
    options
        The rules of the whole.
    number
        The number of the block; 0 without the rule `block_documents`.
    first_bin
        The first bin of the block.
    placement
        The chunks in their places, with bins from 0 on; None if they are still to be
        placed.

    Attributes
    ----------
    histogram, number, first_bin
        As above.
    options
        The rules of the block.
    """

    def __init__(
        self,
        histogram: Histogram,
        options: PackingOptions,
        number: int = 0,
        first_bin: int = 0,
        placement: Placement | None = None,
    ) -> None:
        self.histogram = histogram
        self.number = number
        self.first_bin = first_bin
        self.options = options.of_block(number)
        self._options_of_all = options
        self._placement: Placement | None = None
        if placement is not None:
            self._keep(placement)

    def place(self, on_progress: OnProgress | None = None) -> Placement:
        """Make the runs now, in this thread, if they are not made yet."""
        if self._placement is not None:
            return self._placement
        try:
            return self._keep(place(self.chunks, self.options, on_progress))
        except DataError as error:
            if self._is_whole:
                raise
            size = self._options_of_all.block_documents or 0
            first = self.number * size
            last = first + self.histogram.n_documents - 1
            msg = f"block {self.number:,}, documents {first:,} to {last:,}: {error}"
            raise DataError(msg) from error

    def _keep(self, placement: Placement) -> Placement:
        placement.runs["first_bin"] += self.first_bin
        self._placement = placement
        return placement

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Have runs that can be moved, and of the one flavour that kernels take."""
        self.__dict__.update(state)
        if self._placement is not None and not self._placement.runs.flags.writeable:
            # As Ray gives arrays to all of its workers.
            runs = join_runs([self._placement.runs])
            self._placement = self._placement._replace(runs=runs)

    @cached_property
    def chunks(self) -> list[Chunks]:
        """The chunks of each group."""
        return [cut_into_chunks(part, self.options) for part in self.histogram.parts]

    @cached_property
    def _bins_of_groups(self) -> list[int]:
        """The number of bins of each group."""
        return self.place().n_bins

    @property
    def _is_whole(self) -> bool:
        return self._options_of_all.block_documents is None

    @property
    def records(self) -> npt.NDArray[Any]:
        """The runs: records of dtype `fastpack.kernels.best_fit.RUN`."""
        return self.place().runs

    @property
    def proof(self) -> Proof | None:
        """The proof of a search; None without one."""
        return self.place().proof if self._keeps_runs else None

    @property
    def n_bins(self) -> int:
        """The number of bins of the block."""
        return sum(self._bins_of_groups)

    @property
    def n_chunks(self) -> int:
        """The packed chunks."""
        return sum(part.n_chunks for part in self.chunks)

    @property
    def n_unpacked(self) -> int:
        """Documents of which nothing is packed."""
        return sum(part.n_unpacked for part in self.chunks)

    @cached_property
    def index(self) -> RunIndex:
        """The runs of each chunk length."""
        groups, lengths = (
            self.records[name].astype(np.int64) for name in ("group", "chunk_length")
        )
        keys = chunk_keys(groups, lengths)
        first_run = np.flatnonzero(np.diff(keys, prepend=-1))
        n_runs = np.diff(first_run, append=keys.size)
        return RunIndex(keys[first_run], first_run, n_runs)

    def parts(self) -> list[Part]:
        """Return the groups, with all that their figures follow from."""
        proven = [0] * len(self.chunks)
        if self.proof is not None:
            proven = self.proof.bounds(self.chunks, self.options)
        columns = (self.histogram.parts, self.chunks, self._bins_of_groups, proven)
        return [Part(*part) for part in zip(*columns, strict=True)]

    def move_to(self, first_bin: int) -> None:
        """Let the bins begin elsewhere."""
        if self._placement is not None:
            self._placement.runs["first_bin"] += first_bin - self.first_bin
        self.first_bin = first_bin

    def forget_runs(self) -> None:
        """Give the memory of the runs back; they are made again if they are needed.

        Except if they took a search: then they are kept.
        """
        if not self._keeps_runs:
            self._placement = None

    def without_runs(self) -> "BlockPlan":
        """Return the same plan, its runs still to be made, except if it keeps them."""
        if self._keeps_runs:
            return self
        return BlockPlan(
            self.histogram, self._options_of_all, self.number, self.first_bin
        )

    @property
    def _keeps_runs(self) -> bool:
        return self.options.strategy == "optimal"

    def runs(self) -> pl.DataFrame:
        """Return the runs as a table: see `PackingPlan.runs`."""
        runs = table_of_runs(self.records, self.histogram)
        if not self._is_whole:
            number = np.full(runs.height, self.number, np.int64)
            runs.insert_column(0, pl.Series(BLOCK, number))
        return runs

    def cut(self, documents: Histogram) -> list[Chunks]:
        """Cut other documents by the same rules, in the order of this plan's groups."""
        parts = self.histogram.parts_of(documents)
        refuse_long_documents(parts, self.options)
        return [cut_into_chunks(part, self.options) for part in parts]

    def assigner(
        self, before: Sequence[Chunks] = (), first_document: int = 0
    ) -> Assigner:
        """Return an `Assigner` that starts after the chunks `before`, of each group.

        `first_document` is the number of its first document in the corpus.
        """
        cursors = Cursors.after(
            before,
            self.options,
            self.chunks,
            self.records,
            first_bin=self.first_bin,
            n_bins=self.n_bins,
            first_document=first_document,
        )
        return Assigner(cursors, self.histogram.encoder())
