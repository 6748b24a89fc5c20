"""Sentences of a report: figures in words."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from fastpack.documents.histogram import LengthHistogram
from fastpack.packing.plan import PackingPlan

_ENDED_BY = {
    "gap": "optimality gap",
    "time": "time limit",
    "search": "end of what it tries",
}


def answer(
    comparison: pl.DataFrame, context_length: int, histogram: LengthHistogram
) -> Iterator[str]:
    """Say what packing is good for, in three sentences.

    Parameters
    ----------
    comparison
        The table of `compare`, of all strategies.
    context_length
        The context length of which the first two sentences are.
    histogram
        The corpus.
    """
    if not histogram.n_tokens:
        return
    n_documents = histogram.n_documents
    rows = rows_of(comparison, context_length)
    joined, packed = rows["concatenate"], rows["best_fit"]
    cut = "no document"
    if joined["documents_cut"]:
        cut = _of_all(joined["documents_cut"], n_documents)
        fit = joined["documents_cut_unnecessarily"]
        cut += f", {fit:,} of them no longer than a sequence"
    tokens = count_of(context_length, "token")
    yield f"Concatenation into sequences of {tokens} cuts {cut}."
    if not packed["n_bins"]:
        yield "Best-fit packing, by its rules, leaves nothing to pack."
        return
    lost = packed["tokens_left_out"]
    leaves_out = f"; it leaves out {count_of(lost, 'token')}" if lost else ""
    sequences = count_of(packed["n_bins"], "sequence")
    yield (
        f"Best-fit packing {_cuts(packed)} and makes {sequences}, "
        f"{_more(packed, joined)}{leaves_out}."
    )
    longest = max(comparison["context_length"])
    if longest > context_length:
        rows = rows_of(comparison, longest)
        joined, packed = rows["concatenate"], rows["best_fit"]
        yield (
            f"With sequences of {longest:,} tokens, concatenation would cut "
            f"{_of_all(joined['documents_cut'], n_documents)}, best-fit packing "
            f"{_of_all(packed['documents_cut'], n_documents)}, in "
            f"{count_of(packed['n_bins'], 'sequence')}, {_more(packed, joined)}."
        )


def packing_in_words(
    rows: dict[str, dict[str, Any]], figures: dict[str, Any], plan: PackingPlan
) -> Iterator[str]:
    """Say what packing makes of the corpus: `rows` of `compare`, `quality` figures."""
    if not plan.n_bins:
        yield "There is nothing to pack."
        return
    joined, packed = rows["concatenate"], rows["best_fit"]
    yield (
        f"Concatenation cuts {count_of(joined['documents_cut'], 'document')}, "
        f"{joined['documents_cut_unnecessarily']:,} of them no longer than a sequence."
    )
    yield (
        f"Best-fit packing {_cuts(packed)} and makes {packed['n_bins']:,} sequences, "
        f"{_more(packed, joined)}."
    )
    if (certificate := plan.certificate) is not None:
        fewer = packed["n_bins"] - plan.n_bins
        yield (
            f"Optimal packing makes {plan.n_bins:,}, {fewer:,} fewer than best-fit "
            f"({percent(fewer / packed['n_bins'])}), after a search of "
            f"{certificate.seconds:.3g} seconds and "
            f"{count_of(certificate.iterations, 'linear program')}, ended by the "
            f"{_ENDED_BY[certificate.ended_by]}."
        )
    unused = plan.padding / (plan.options.context_length * plan.n_bins)
    yield f"{_gap(figures)}; {percent(unused)} of the capacity is padding."
    if lost := packed["tokens_left_out"]:
        what = f"{count_of(lost, 'token')} ({percent(lost / plan.n_tokens)} of all)"
        if plan.documents_dropped:
            what = f"{count_of(plan.documents_dropped, 'document')} whole, {what}"
        yield f"Best-fit packing leaves out {what}, which concatenation keeps."
    if plan.extra or plan.alignment:
        yield (
            f"Of the capacity, {plan.extra:,} tokens are reserved for those added to "
            f"chunks, and {plan.alignment:,} are lost to alignment."
        )
    yield (
        f"A sequence holds {figures['chunks_per_bin_mean']:,.1f} documents on "
        f"average, {figures['chunks_per_bin_median']:,} in the median, "
        f"{figures['chunks_per_bin_max']:,} at most."
    )


def _cuts(packed: dict[str, Any]) -> str:
    cut, fitting = packed["documents_cut"], packed["documents_cut_unnecessarily"]
    if not cut:
        return "cuts none"
    longer = f"{fitting:,} of them no longer than" if fitting else "all longer than"
    return f"cuts {cut:,}, {longer} a sequence,"


def _more(packed: dict[str, Any], joined: dict[str, Any]) -> str:
    more = packed["n_bins"] - joined["n_bins"]
    if not more:
        return "as many as concatenation"
    share = percent(abs(packed["n_bins_over_concatenation"]))
    word = "more" if more > 0 else "fewer"
    return f"{abs(more):,} {word} than concatenation ({share})"


def _gap(figures: dict[str, Any]) -> str:
    if not figures["gap"]:
        return "No packing has fewer sequences"
    share = percent(figures["gap_share"])
    return f"The best possible packing has at most {figures['gap']:,} fewer ({share})"


def rows_of(comparison: pl.DataFrame, context_length: int) -> dict[str, dict[str, Any]]:
    """Return the rows of `compare` at one context length, by strategy."""
    rows = comparison.filter(pl.col("context_length") == context_length)
    return {row["strategy"]: row for row in rows.to_dicts()}


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(share: float) -> str:
    """Return a share in per cent, with three digits."""
    return f"{100 * share:.3g} %"


def _of_all(number: int, n_documents: int) -> str:
    if not number:
        return "none"
    share = percent(number / n_documents)
    return f"{count_of(number, 'document')} ({share} of all)"
