"""Restored plans: the runs of a plan that took a search -> the plan, checked.

A plan by best-fit is planned anew wherever it is needed. A search takes longer, and if
its time was up, another one ends another way: so its plan travels as its runs.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.documents.grouped_histogram import Histogram
from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.block_plan import BlockPlan
from fastpack.packing.block_plans import plan_blocks
from fastpack.packing.optimal.certificate import Proofs
from fastpack.packing.placement import Placement
from fastpack.packing.validity import check_runs
from fastpack.schemas import RUNS_SCHEMA


def restore_blocks(
    histogram: Histogram, options: PackingOptions, table: pl.DataFrame, proofs: Proofs
) -> list[BlockPlan]:
    """Return the plans of all blocks that have such runs.

    Parameters
    ----------
    histogram, options
        The documents, and the rules.
    table
        The runs, as `PackingPlan.runs` has them.
    proofs
        The proofs of the searches.

    Raises
    ------
    FastpackError, PolarsError
        The runs are no packing of the documents by the rules, or the proofs are those
        of other chunks.
    """
    plans = plan_blocks(histogram, options)
    runs = _runs_of_table(table, histogram, options)
    n_groups = [len(plan.chunks) for plan in plans]
    ends = np.cumsum([0, *n_groups]).tolist()
    places = np.searchsorted(runs["group"], ends)
    if np.any(np.diff(runs["group"]) < 0) or places[0] or places[-1] < runs.size:
        msg = "the runs are no packing of the documents: their groups are in disorder"
        raise DataError(msg)
    restored = []
    first_bin = 0
    for i, (plan, proof) in enumerate(zip(plans, proofs.split(n_groups), strict=True)):
        of_block = runs[places[i] : places[i + 1]]
        of_block["group"] -= ends[i]
        of_block["first_bin"] -= first_bin
        n_bins = check_runs(of_block, plan.chunks, plan.options)
        placement = Placement(of_block, n_bins, proof)
        restored.append(
            BlockPlan(plan.histogram, options, plan.number, first_bin, placement)
        )
        first_bin += sum(n_bins)
    return restored


def _runs_of_table(
    table: pl.DataFrame, histogram: Histogram, options: PackingOptions
) -> npt.NDArray[Any]:
    """Return the runs of the table `PackingPlan.runs`.

    Groups have the numbers that they have in the histogram. Raises DataError or
    PolarsError if it is another table.
    """
    columns = table.select(pl.col(name) for name in RUNS_SCHEMA)
    if columns.schema != RUNS_SCHEMA or any(columns.null_count().row(0)):
        msg = f"a table of runs has other columns, or nulls: {dict(table.schema)}"
        raise DataError(msg)
    runs = np.empty(table.height, kernels.best_fit.RUN)
    for name in RUNS_SCHEMA:
        runs[name] = columns[name]
    lengths = columns["chunk_length"].cast(pl.Int64).to_numpy()
    runs["footprint"] = options.footprints(lengths)
    groups = histogram.encoder().encode(table.drop(RUNS_SCHEMA))
    runs["group"] = 0 if groups is None else groups
    return runs
