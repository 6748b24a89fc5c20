"""quality(): chunks and space in the bins of a plan, and its distance from a bound."""

from typing import Any

import numpy as np
import polars as pl

from fastpack.errors import OptionTypeError
from fastpack.option_checks import show
from fastpack.packing.block_plan import BlockPlan
from fastpack.packing.plan import PackingPlan
from fastpack.packing.profile import profile_of


def quality(plan: PackingPlan) -> dict[str, Any]:
    """Measure how good a plan is, without assigning it.

    Parameters
    ----------
    plan
        The plan. Time depends on the number of its runs, not of documents.

    Returns
    -------
    dict
        `n_bins`; `lower_bound`, the number of bins that is proven to be needed; `gap`
        and `gap_share`, the bins above the bound, and that as a fraction of it;
        `chunks_per_bin_mean`, `_median`, `_p99` and `_max`, the chunks in a bin;
        `bins_not_full` and `bins_not_full_share`, the bins with space left, and that as
        a fraction of all; `iterations`, `seconds` and `ended_by`, those of its
        `Certificate`, or None if it has none.

    Examples
    --------
    >>> import numpy as np
    >>> import fastpack
    >>> plan = fastpack.plan(np.array([8, 6, 6, 4, 3]), context_length=8)
    >>> figures = fastpack.quality(plan)
    >>> figures["gap"], figures["chunks_per_bin_max"], figures["bins_not_full"]
    (0, 2, 3)
    """
    if not isinstance(plan, PackingPlan):
        msg = (
            f"`plan` must be a PackingPlan, got {show(plan)}\n"
            "Hint: fastpack.plan makes one."
        )
        raise OptionTypeError(msg)
    bins = bins_of(plan)
    n_bins, lower_bound = plan.n_bins, plan.lower_bound
    chunks = bins["chunks"].to_numpy()
    up_to = np.cumsum(bins["bins"].to_numpy())

    def quantile(share: float) -> int:
        """Return the quantile `share` of the chunks in a bin."""
        return int(chunks[np.searchsorted(up_to, share * n_bins)]) if n_bins else 0

    not_full = int(bins.filter(pl.col("space") > 0)["bins"].sum())
    certificate = plan.certificate
    of_search = ("iterations", "seconds", "ended_by")
    return {
        "n_bins": n_bins,
        "lower_bound": lower_bound,
        "gap": n_bins - lower_bound,
        "gap_share": n_bins / lower_bound - 1 if lower_bound else 0.0,
        "chunks_per_bin_mean": plan.n_chunks / n_bins if n_bins else 0.0,
        "chunks_per_bin_median": quantile(0.5),
        "chunks_per_bin_p99": quantile(0.99),
        "chunks_per_bin_max": int(chunks.max(initial=0)),
        "bins_not_full": not_full,
        "bins_not_full_share": not_full / n_bins if n_bins else 0.0,
        **{name: getattr(certificate, name, None) for name in of_search},
    }


def bins_of(plan: PackingPlan) -> pl.DataFrame:
    """Count the bins of a plan by their chunks and their space.

    Neighbouring bins that the same runs filled are alike, so the changes from one bin
    to the next are summed up. O(runs log runs), for any number of bins.

    Returns
    -------
    polars.DataFrame
        One row a pair of `chunks` (in a bin) and `space` (tokens left in it),
        ascending; `bins` (the number of such bins). All Int64.
    """
    tables = [_bins_of_block(block) for block in plan.blocks]
    empty = pl.DataFrame(schema=dict.fromkeys(("chunks", "space", "bins"), pl.Int64))
    return _add_up(pl.concat([empty, *tables]))


def _add_up(table: pl.DataFrame) -> pl.DataFrame:
    alike = table.group_by("chunks", "space").agg(pl.col("bins").sum())
    return alike.sort("chunks", "space")


def _bins_of_block(plan: BlockPlan) -> pl.DataFrame:
    profile = profile_of(plan.records)
    return _add_up(
        pl.DataFrame(
            {
                "chunks": profile.chunks,
                "space": plan.options.context_length - profile.filled,
                "bins": profile.bins,
            }
        )
    )
