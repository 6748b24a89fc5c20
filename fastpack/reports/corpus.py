"""Count a corpus in one pass: its lengths, and what concatenation cuts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack import kernels
from fastpack.documents.batches import Documents
from fastpack.documents.counter import BlockCounter
from fastpack.documents.histogram import LengthHistogram
from fastpack.documents.inputs import length_arrays
from fastpack.options import PackingOptions
from fastpack.packing.placement import OnProgress
from fastpack.packing.plan import PackingPlan
from fastpack.threads import map_in_threads, n_threads


class CutCounts(NamedTuple):
    """The documents that a strategy cuts, and the number of cuts.

    Parameters
    ----------
    documents_cut
        Documents with a cut inside.
    documents_cut_unnecessarily
        Those of them that have at most L tokens.
    cuts
        Cuts inside documents.
    """

    documents_cut: int
    documents_cut_unnecessarily: int
    cuts: int


class Concatenation(NamedTuple):
    """The cuts of concatenation at one context length, as the kernel counts them."""

    state: np.void
    cuts_by_length: npt.NDArray[np.int64]

    @property
    def cut_counts(self) -> CutCounts:
        """The cuts up to now."""
        return CutCounts(*(int(self.state[name]) for name in CutCounts._fields))


class ContextCount(NamedTuple):
    """A corpus at one context length.

    Parameters
    ----------
    plan
        The packing by the rules, and with it the options.
    best_fit
        The best-fit packing: the same, unless the rule `strategy` is another.
    concatenation
        The cuts by concatenation.
    """

    plan: PackingPlan
    best_fit: PackingPlan
    concatenation: Concatenation

    @property
    def options(self) -> PackingOptions:
        """The rules of the packing, the context length among them."""
        return self.plan.options


class CorpusCount(NamedTuple):
    """The result of one pass over a corpus.

    Parameters
    ----------
    histogram
        The lengths of all documents, of all groups together.
    contexts
        One record a context length, in the order of the options.
    """

    histogram: LengthHistogram
    contexts: list[ContextCount]


def _concatenate(
    lengths: npt.NDArray[Any],
    options: Sequence[PackingOptions],
    concatenations: Sequence[Concatenation],
) -> None:
    """Go on with all concatenations, at the same time if there are enough lengths."""

    def concatenate(each: PackingOptions, concatenation: Concatenation) -> None:
        kernels.concatenation.concatenate(lengths, each.context_length, *concatenation)

    if n_threads(lengths.size * len(options)) > 1:
        map_in_threads(concatenate, options, concatenations)
    else:
        for each, concatenation in zip(options, concatenations, strict=True):
            concatenate(each, concatenation)


def count_corpus(
    documents: Documents,
    options: Sequence[PackingOptions],
    on_progress: OnProgress | None = None,
) -> CorpusCount:
    """Count documents and cuts in one pass, batch by batch.

    Parameters
    ----------
    documents
        The corpus.
    options
        The options for each context length; they differ in nothing that cuts documents.
    on_progress
        Called as the search for a plan finds something better.
    """
    size = options[0].block_documents
    counter = BlockCounter(documents.name, documents.by, size)
    concatenations = [
        Concatenation(
            np.array([(each.context_length, 0, 0, 0)], kernels.concatenation.STATE)[0],
            np.zeros(65, np.int64),
        )
        for each in options
    ]
    for batch in documents.batches():
        counter.add(batch)
        for array in length_arrays(batch.lengths):
            _concatenate(array, options, concatenations)
    histogram = counter.histogram()
    contexts = []
    for each, concatenation in zip(options, concatenations, strict=True):
        plan = best_fit = PackingPlan(histogram, each, on_progress=on_progress)
        if each.strategy != "best_fit":
            best_fit = PackingPlan(histogram, replace(each, strategy="best_fit"))
        contexts.append(ContextCount(plan, best_fit, concatenation))
    return CorpusCount(histogram.total(), contexts)
