"""Batches that were started: what the kernel checks of them, and how that is said."""

from concurrent.futures import Future
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.options import PackingOptions


class StartedBatch(NamedTuple):
    """Rows as the kernel takes them, and what is checked of them afterwards."""

    batch: pl.DataFrame
    first_row: int
    document: npt.NDArray[np.int64] | None
    columns: "kernels.verification.Columns"
    groups: npt.NDArray[np.int32] | None
    found: npt.NDArray[np.int32] | None
    is_start: npt.NDArray[np.bool_]
    tokens: Int64Array


class RunningBatch(NamedTuple):
    """A batch, and what the kernel will say of it."""

    started: StartedBatch
    result: "Future[tuple[int, int, int]]"


def check_rows(
    started: StartedBatch,
    limits: "kernels.verification.Limits",
    state: np.void,
    bins: "kernels.verification.Bins",
) -> tuple[int, int, int]:
    """Return the row where the kernel stopped, the reason, and the documents ended."""
    with np.errstate(over="ignore"):  # hashes, where kernels are plain Python
        row, reason, n_ended = kernels.verification.check_rows(
            started.document,
            started.columns,
            started.groups,
            limits,
            state,
            started.tokens,
            bins,
        )
    return int(row), int(reason), int(n_ended)


def describe(reason: int, options: PackingOptions) -> str:
    """Say what is wrong with a row, by the reason that the kernel gives."""
    kernel = kernels.verification
    return {
        kernel.NOT_IN_ORDER: (
            "a chunk does not start where the one before it in its document ends"
        ),
        kernel.SPLIT: (
            "a document is in several chunks, and `long_documents` is "
            f"{options.long_documents!r}"
        ),
        kernel.NOT_WHOLE: (
            "a chunk that is not the last of its document is shorter than it has to be"
        ),
        kernel.BAD_CHUNK: (
            "a chunk is longer than it may be, or has no tokens beside others"
        ),
        kernel.SHORT: (
            "the remainder of a document is shorter than `min_chunk` "
            f"{options.min_chunk:,}"
        ),
        kernel.BAD_BIN: "a chunk has no bin, or one where nothing is packed",
        kernel.BAD_OFFSET: (
            "a chunk starts before its bin, or where `align` does not let it"
        ),
        kernel.OVER_CAPACITY: "a chunk ends behind the end of its bin",
        kernel.BAD_DOCUMENT: ("`document` does not count the documents from 0 on"),
    }[reason]
