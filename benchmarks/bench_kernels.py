"""Count, plan, assign: each alone, warm, on arrays that are already in memory."""

import numpy as np

import fastpack
from fastpack.documents.batches import as_batch, split_batch
from fastpack.documents.counter import count_parts, merge_counters
from fastpack.documents.inputs import length_arrays
from fastpack.documents.length_table import LengthTable
from fastpack.packing.in_memory import assigners_for
from fastpack.packing.plan import PackingPlan
from fastpack.threads import map_in_threads

from .distributions import (
    CONTEXT_LENGTHS,
    DISTRIBUTIONS,
    DOCUMENTS,
    make_lengths,
)


def count(lengths):
    """Count an array of lengths."""
    table = LengthTable()
    table.add(lengths)
    return fastpack.LengthHistogram.of_table(table)


def assign(plan, lengths, columns):
    """Assign an array of lengths into columns of `plan.n_rows` rows."""
    documents, rows = plan.blocks[0].assigner().cursors.fill(lengths, columns)
    assert (documents, rows) == (lengths.size, plan.n_rows)


def stages_in_threads(lengths, options, columns):
    """Count, plan and assign an array of lengths, each part by a thread."""
    parts = split_batch(as_batch(lengths, ()))
    counters, _ = count_parts(parts)
    plan = PackingPlan(merge_counters(counters), options)
    assigners = assigners_for(plan.blocks[0], counters)
    ends = np.cumsum([assigner.cursors.rows_left for assigner in assigners]).tolist()

    def assign_part(assigner, part, start, end):
        (array,) = length_arrays(part.lengths)
        assigner.cursors.fill(array, {k: v[start:end] for k, v in columns.items()})

    map_in_threads(assign_part, assigners, parts, [0, *ends[:-1]], ends)


def bins_and_offsets(plan):
    """Return columns whose pages have been touched."""
    return {
        "bin": np.ones(plan.n_rows, np.int64),
        "bin_offset": np.ones(plan.n_rows, np.int32),
    }


class Stages:
    """Each stage, beside numpy.bincount: the price of looking at each document once."""

    params = (DOCUMENTS, CONTEXT_LENGTHS, DISTRIBUTIONS)
    param_names = ("documents", "context_length", "distribution")

    def setup(self, documents, context_length, distribution):
        self.lengths = make_lengths(distribution, documents, context_length)
        self.options = fastpack.PackingOptions(context_length=context_length)
        self.histogram = count(self.lengths)
        self.plan = PackingPlan(self.histogram, self.options)
        self.columns = bins_and_offsets(self.plan)
        assign(self.plan, self.lengths, self.columns)  # compile

    def time_bincount(self, documents, context_length, distribution):
        np.bincount(self.lengths)

    def time_count(self, documents, context_length, distribution):
        count(self.lengths)

    def time_plan(self, documents, context_length, distribution):
        PackingPlan(self.histogram, self.options)

    def time_assign(self, documents, context_length, distribution):
        assign(self.plan, self.lengths, self.columns)

    def time_count_plan_assign(self, documents, context_length, distribution):
        plan = PackingPlan(count(self.lengths), self.options)
        assign(plan, self.lengths, self.columns)

    def track_bins_over_lower_bound(self, documents, context_length, distribution):
        return self.plan.n_bins / self.plan.lower_bound

    def track_efficiency(self, documents, context_length, distribution):
        return self.plan.efficiency


class TenBillionDocuments:
    """Planning does not depend on the number of documents."""

    params = (CONTEXT_LENGTHS,)
    param_names = ("context_length",)

    def setup(self, context_length):
        histogram = count(make_lengths("web", min(max(DOCUMENTS), 10_000_000)))
        factor = 10**10 // histogram.n_documents
        self.histogram = fastpack.LengthHistogram(
            histogram.lengths, histogram.counts * factor
        )
        self.options = fastpack.PackingOptions(context_length=context_length)
        PackingPlan(self.histogram, self.options)  # compile

    def time_plan(self, context_length):
        PackingPlan(self.histogram, self.options)
