"""BlockPlans: the plans of all blocks of a corpus."""

from collections.abc import Iterator, Sequence

from fastpack.documents.blocks import check_blocks, split_blocks
from fastpack.documents.grouped_histogram import Histogram, check_groups
from fastpack.options import PackingOptions
from fastpack.packing.account import Part
from fastpack.packing.assigner import Assigner, CorpusAssigner
from fastpack.packing.block_plan import BlockPlan
from fastpack.packing.chunks import refuse_long_documents
from fastpack.packing.cursors import not_planned
from fastpack.packing.optimal.certificate import Proofs


def plan_blocks(histogram: Histogram, options: PackingOptions) -> list[BlockPlan]:
    """Return the plan of each block, still to be placed.

    Raises
    ------
    OptionError, OptionTypeError
        The histogram has other groups than the rules make.
    DataError
        Its blocks are not those of the rules, or documents are too long.
    """
    check_groups(histogram, options)
    check_blocks(histogram, options.block_documents)
    refuse_long_documents(histogram.parts, options)
    return [
        BlockPlan(block, options, number)
        for number, block in split_blocks(histogram, options.block_documents)
    ]


class BlockPlans:
    """The plans of all blocks of a corpus, whose bin numbers run on.

    With the rule `block_documents`, no runs are kept, except those that took a search:
    each plan that is given out is to be used and dropped.

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
        """Return the groups of each block, with all that their figures follow from."""
        return [plan.parts() for plan in self._plans]

    def proofs(self) -> Proofs:
        """Return the proofs of the blocks."""
        proofs = [plan.proof for plan in self._plans if plan.proof is not None]
        return Proofs.join(proofs, [len(plan.chunks) for plan in self._plans])

    def assigner(self, after: Histogram | None = None) -> CorpusAssigner:
        """Return an assigner of documents; the first of them come after others."""
        before, first_document = {}, 0
        if after is not None:
            before = dict(split_blocks(after, self.block_documents))
            first_document = after.n_documents

        def open_block(number: int, first_document: int) -> Assigner:
            plan = self[number]
            chunks = plan.cut(before[number]) if number in before else ()
            return plan.assigner(chunks, first_document)

        return CorpusAssigner(open_block, self.block_documents, first_document)
