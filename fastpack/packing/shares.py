"""Shares: a plan, dealt out to the parts of a corpus in their order.

A part needs the plans of its own blocks alone. Of a block that it does not have whole,
it needs the runs of its own chunks, and the rank of the first of each. With ten
thousand groups that is a hundredth of the plan, which is not gone through again for
each of many files.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.documents.blocks import split_blocks
from fastpack.documents.grouped_histogram import Histogram
from fastpack.documents.sums import Int64Array, merge_counts
from fastpack.packing.assigner import Assigner, CorpusAssigner
from fastpack.packing.best_fit import take_runs
from fastpack.packing.block_plan import BlockPlan, chunk_keys
from fastpack.packing.block_plans import BlockPlans
from fastpack.packing.chunks import cut_numbered
from fastpack.packing.cursors import Cursors, Slots, not_planned


class Share(NamedTuple):
    """The part of the plan of a block that one part of it takes.

    It has 12 bytes a distinct length.

    Parameters
    ----------
    places
        The chunk lengths, in their groups, that the part has: their places in the
        index of the plan.
    ranks
        The chunks of each in all parts before.
    n_rows
        The rows of this part.
    first_document, n_chunks, n_unpacked
        The documents of all parts before; the chunks from this part on, and the
        documents of which nothing is packed.
    """

    places: npt.NDArray[np.int32]
    ranks: Int64Array
    n_rows: int
    first_document: int
    n_chunks: int
    n_unpacked: int

    def assigner(self, plan: BlockPlan) -> Assigner:
        """Return an assigner of the documents of the part, by the plan of the block."""
        n_runs = plan.index.n_runs[self.places]
        ends = np.cumsum(n_runs)
        firsts = ends - n_runs
        numbers = np.repeat(plan.index.first_run[self.places] - firsts, n_runs)
        numbers += np.arange(numbers.size)
        runs = take_runs(plan.records, numbers)
        n_groups = max(len(plan.histogram.parts), 1)
        lengths = runs["chunk_length"][firsts].astype(np.int64)
        keys = lengths * n_groups + runs["group"][firsts]
        longest = int(lengths.max(initial=0))
        cursors = Cursors(
            plan.options,
            Slots(longest, n_groups, lambda: keys),
            runs,
            first_bin=plan.first_bin,
            n_bins=plan.n_bins,
            ranks=(keys, self.ranks),
            n_chunks=self.n_chunks,
            n_unpacked=self.n_unpacked,
            first_document=self.first_document,
        )
        return Assigner(cursors, plan.histogram.encoder())


class CorpusShare(NamedTuple):
    """The part of the plan of a corpus that one part of it takes.

    Parameters
    ----------
    block_documents
        The rule.
    first_document
        The number of the first document of the part.
    n_rows
        The rows of the part.
    blocks
        The blocks of which the part has documents, by their numbers, in their order:
        its share of each; None if it has the whole block.
    """

    block_documents: int | None
    first_document: int
    n_rows: int
    blocks: dict[int, Share | None]

    def assigner(self, plans: Sequence[BlockPlan]) -> CorpusAssigner:
        """Return an assigner of the part's documents, by the plans of its blocks."""
        by_number = {plan.number: plan for plan in plans}

        def open_block(number: int, first_document: int) -> Assigner:
            if number not in self.blocks:
                raise not_planned()
            plan, share = by_number[number], self.blocks[number]
            if share is None:
                return plan.assigner(first_document=first_document)
            return share.assigner(plan)

        return CorpusAssigner(open_block, self.block_documents, self.first_document)


class Dealer:
    """Deals the plan of a block out to its parts, one after the other.

    Parameters
    ----------
    plan
        The plan of the block.
    first_document
        The number of its first document in the corpus.
    """

    def __init__(self, plan: BlockPlan, first_document: int = 0) -> None:
        self._encoder = plan.histogram.encoder()
        self._options = plan.options
        self._keys = plan.index.keys
        self._ranks = np.zeros(self._keys.size, np.int64)
        self._documents = first_document
        self._chunks_left = plan.n_chunks
        self._unpacked_left = plan.n_unpacked

    def deal(self, documents: Histogram) -> Share:
        """Return the share of the next part; raise DataError if it was not planned."""
        groups, lengths, counts = documents.numbered()
        numbers = self._encoder.encode(documents.groups)
        if numbers is not None:
            groups = numbers[groups].astype(np.int64)
        chunks = cut_numbered(groups, lengths, counts, self._options)
        keys = chunk_keys(chunks.groups, chunks.lengths)
        keys, counts = merge_counts(keys, chunks.counts)
        places = np.searchsorted(self._keys, keys)
        if np.any(places == self._keys.size) or np.any(self._keys[places] != keys):
            raise not_planned()
        n_chunks = int(counts.sum())
        share = Share(
            places.astype(np.int32),
            self._ranks[places],
            n_rows=n_chunks + chunks.n_unpacked,
            first_document=self._documents,
            n_chunks=self._chunks_left,
            n_unpacked=self._unpacked_left,
        )
        self._ranks[places] += counts
        self._documents += documents.n_documents
        self._chunks_left -= n_chunks
        self._unpacked_left -= chunks.n_unpacked
        return share


class CorpusDealer:
    """Deals the plan of a corpus out to its parts, one after the other.

    Parameters
    ----------
    blocks
        The plans of all blocks.
    """

    def __init__(self, blocks: BlockPlans) -> None:
        self._blocks = blocks
        self._block_documents = blocks.block_documents
        self._documents = 0
        self._number = -1
        self._dealer: Dealer | None = None

    def deal(self, documents: Histogram) -> CorpusShare:
        """Return the share of the next part; raise DataError if it was not planned."""
        blocks: dict[int, Share | None] = {}
        n_rows = 0
        for number, part in split_blocks(documents, self._block_documents):
            blocks[number] = None
            if number != self._number:
                self._number = number
                n_rows += self._begin_block(part)
            elif self._dealer is None and part.n_documents:  # the whole was dealt
                raise not_planned()
            if self._dealer is not None:
                blocks[number] = share = self._dealer.deal(part)
                n_rows += share.n_rows
        first_document = self._documents
        self._documents += documents.n_documents
        return CorpusShare(self._block_documents, first_document, n_rows, blocks)

    def _begin_block(self, part: Histogram) -> int:
        """Begin to deal a block, of which this is the first part.

        Returns its rows if it is the whole block, which is not planned here then.
        """
        plan = self._blocks[self._number]
        self._dealer = None
        whole = plan.histogram
        if part.n_documents == whole.n_documents and part == whole:
            return plan.n_chunks + plan.n_unpacked
        self._dealer = Dealer(plan, self._number * (self._block_documents or 0))
        return 0
