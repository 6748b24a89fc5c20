"""BlockPlan: the plan of documents that are packed by themselves: a block, or all."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.blocks import split_blocks
from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.options import BLOCK, PackingOptions
from fastpack.packing.account import Part
from fastpack.packing.assigner import Assigner, CorpusAssigner
from fastpack.packing.best_fit import place_groups
from fastpack.packing.chunks import Chunks, cut_into_chunks, refuse_long_documents
from fastpack.packing.cursors import Cursors, not_planned
from fastpack.schemas import RUNS_SCHEMA

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
    travels, and is planned where it is used. With its runs it travels as it is.

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
    ) -> None:
        self.histogram = histogram
        self.number = number
        self.first_bin = first_bin
        self.options = options.of_block(number)
        self._options_of_all = options

    def place(self) -> None:
        """Make the runs now, in this thread."""
        _ = self.n_bins

    @cached_property
    def _chunks(self) -> list[Chunks]:
        """The chunks of each group."""
        return [cut_into_chunks(part, self.options) for part in self.histogram.parts]

    @cached_property
    def _bins_of_groups(self) -> list[int]:
        """The number of bins of each group."""
        return self._placed[1]

    @cached_property
    def _placed(self) -> tuple[npt.NDArray[Any], list[int]]:
        """The runs, and the number of bins of each group."""
        try:
            records, n_bins = place_groups(self._chunks, self.options)
        except DataError as error:
            if self._is_whole:
                raise
            size = self._options_of_all.block_documents or 0
            first = self.number * size
            last = first + self.histogram.n_documents - 1
            msg = f"block {self.number:,}, documents {first:,} to {last:,}: {error}"
            raise DataError(msg) from error
        records["first_bin"] += self.first_bin
        return records, n_bins

    @property
    def _is_whole(self) -> bool:
        return self._options_of_all.block_documents is None

    @property
    def records(self) -> npt.NDArray[Any]:
        """The runs: records of dtype `fastpack.kernels.best_fit.RUN`."""
        return self._placed[0]

    @property
    def n_bins(self) -> int:
        """The number of bins of the block."""
        return sum(self._bins_of_groups)

    @property
    def n_chunks(self) -> int:
        """The packed chunks."""
        return sum(part.n_chunks for part in self._chunks)

    @property
    def n_unpacked(self) -> int:
        """Documents of which nothing is packed."""
        return sum(part.n_unpacked for part in self._chunks)

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
        """Return what the figures of each group follow from."""
        columns = (self.histogram.parts, self._chunks, self._bins_of_groups)
        return [Part(*part) for part in zip(*columns, strict=True)]

    def move_to(self, first_bin: int) -> None:
        """Let the bins begin elsewhere."""
        if "_placed" in self.__dict__:
            self.records["first_bin"] += first_bin - self.first_bin
        self.first_bin = first_bin

    def forget_runs(self) -> None:
        """Give the memory of the runs back; they are made again if they are needed."""
        self.__dict__.pop("_placed", None)

    def without_runs(self) -> "BlockPlan":
        """Return the same plan, its runs still to be made."""
        return BlockPlan(
            self.histogram, self._options_of_all, self.number, self.first_bin
        )

    def runs(self) -> pl.DataFrame:
        """Return the runs as a table: see `PackingPlan.runs`."""
        records = self.records
        runs = pl.DataFrame(
            {name: np.ascontiguousarray(records[name]) for name in RUNS_SCHEMA}
        )
        if self.histogram.by:
            groups: pl.DataFrame = self.histogram.groups[records["group"].tolist()]
            runs = groups.hstack(runs)
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
            self._chunks,
            self.records,
            first_bin=self.first_bin,
            n_bins=self.n_bins,
            first_document=first_document,
        )
        return Assigner(cursors, self.histogram.encoder())


class BlockPlans:
    """The plans of all blocks of a corpus, whose bin numbers run on.

    With the rule `block_documents`, no runs are kept: each plan that is given out is to
    be used and dropped.

    Parameters
    ----------
    plans
        The plan of each block, in their order; one of all documents without the rule.
    block_documents
        The rule.

    Attributes
    ----------
    block_documents
        As given.
    """

    def __init__(self, plans: Sequence[BlockPlan], block_documents: int | None) -> None:
        self._plans = plans
        self.block_documents = block_documents
        first_bin = 0
        for plan in plans:
            plan.move_to(first_bin)
            first_bin += plan.n_bins
            if block_documents is not None:
                plan.forget_runs()

    def __getitem__(self, number: int) -> BlockPlan:
        """Return the plan of a block; raise DataError if there is none."""
        if number >= len(self._plans):
            raise not_planned()
        plan = self._plans[number]
        return plan if self.block_documents is None else plan.without_runs()

    def __iter__(self) -> Iterator[BlockPlan]:
        """Give the plan of each block."""
        return map(self.__getitem__, range(len(self._plans)))

    def parts(self) -> list[list[Part]]:
        """Return what the figures of each group of each block follow from."""
        return [plan.parts() for plan in self._plans]

    def assigner(self, after: Histogram | None = None) -> CorpusAssigner:
        """Return what assigns documents, the first of which come after others."""
        before, first_document = {}, 0
        if after is not None:
            before = dict(split_blocks(after, self.block_documents))
            first_document = after.n_documents

        def open_block(number: int, first_document: int) -> Assigner:
            plan = self[number]
            chunks = plan.cut(before[number]) if number in before else ()
            return plan.assigner(chunks, first_document)

        return CorpusAssigner(open_block, self.block_documents, first_document)
