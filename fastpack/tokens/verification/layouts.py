"""Layouts: where the chunks of sequences are, checked."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError, VerificationError
from fastpack.options import PackingOptions
from fastpack.tokens.columns import ListColumn
from fastpack.tokens.verification.boundaries import (
    LAYOUTS,
    OF_VALUES,
    WITH_ENDS,
    FlatLists,
    FoundLayout,
    boundaries_of,
)


def read_lists(sequences: pl.DataFrame, name: str, first_row: int) -> FlatLists:
    """Read a column of lists of integers."""
    column = ListColumn(sequences.get_column(name), first_row)
    values = np.concatenate([part.array for part in column.parts()])
    return FlatLists(
        values.astype(np.int64), column.lengths.to_numpy().astype(np.int64)
    )


def wrong_sequences(is_wrong: npt.NDArray[np.bool_], first_row: int, what: str) -> None:
    """Raise VerificationError if a sequence is wrong; `first_row` is the first one."""
    if is_wrong.any():
        row = first_row + int(is_wrong.argmax())
        msg = f"sequence {row:,} {what}"
        raise VerificationError(msg)


class LayoutReader:
    """Reads where the chunks of sequences are, and checks that all boundaries agree.

    Parameters
    ----------
    names
        The columns of the sequences.
    options
        The rules of the packing.
    is_padded
        Whether sequences are to be L tokens long.

    Attributes
    ----------
    boundaries
        The boundaries that the sequences have. Chunks are where the first one says.
    knows_lengths
        Whether it says how long chunks are, without the gaps behind them.

    Raises
    ------
    DataError
        Nothing says where chunks are.
    """

    def __init__(
        self, names: Sequence[str], options: PackingOptions, *, is_padded: bool
    ) -> None:
        # Without their ends, the last chunk could be padding.
        first = LAYOUTS if not is_padded else WITH_ENDS
        said = [name for name in first if name in names]
        if not said:
            msg = (
                "nothing says where the chunks of a sequence are: no "
                f"{', '.join(first)}\n"
                "Hint: sequences can be verified by their boundaries; ask for one of "
                "them when they are packed."
            )
            raise DataError(msg)
        others = [name for name in LAYOUTS if name in names and name != said[0]]
        self.boundaries = [said[0], *others]
        self.knows_lengths = options.align == 1 or said[0] != "cu_seqlens"
        self._options = options
        self._is_padded = is_padded

    def read(
        self, sequences: pl.DataFrame, sizes: Int64Array, first_row: int
    ) -> FoundLayout:
        """Read the layout of some sequences.

        Parameters
        ----------
        sequences
            The sequences.
        sizes
            The values of each.
        first_row
            The number of the first one.

        Raises
        ------
        VerificationError
            A sequence is too long or too short, or its boundaries cannot be.
        """
        options = self._options
        first = self.boundaries[0]
        lists = read_lists(sequences, first, first_row)

        def check(is_wrong: npt.NDArray[np.bool_], what: str) -> None:
            wrong_sequences(is_wrong, first_row, what)

        context_length, extra = options.context_length, options.extra_tokens
        if self._is_padded:
            check(sizes != context_length, f"is not of {context_length:,} tokens")
        check(sizes > context_length, f"has more tokens than {context_length:,}")
        check(sizes == 0, "has no tokens")
        if first in OF_VALUES:
            check(lists.lengths != sizes, f"has not as many `{first}` as tokens")
        check(lists.lengths == 0, f"has no `{first}`")
        layout = LAYOUTS[first](lists, sizes, options)
        n_chunks = layout.n_chunks
        check(n_chunks == 0, f"has no chunks by its `{first}`")
        lengths = layout.rooms if layout.lengths is None else layout.lengths
        is_wrong = (lengths <= extra) | (lengths > context_length)
        wrong = np.zeros(sizes.size, np.bool_)
        wrong[layout.sequences[is_wrong]] = True
        check(wrong, f"has a chunk by its `{first}` that cannot be so long")
        check(layout.used > sizes, f"is shorter than its `{first}` say")
        if not self._is_padded:
            check(layout.used < sizes, f"has tokens behind its `{first}`")
        check(
            n_chunks > options.max_chunks_per_bin,
            f"has more chunks than `max_documents` {options.max_documents}",
        )
        for name in self.boundaries:
            right = boundaries_of(name, layout, sizes)
            differ = _differ(read_lists(sequences, name, first_row), right)
            check(differ, f"has other `{name}` than its `{first}` say")
        return layout


def _differ(found: FlatLists, right: FlatLists) -> npt.NDArray[np.bool_]:
    """Say which lists differ."""
    differ: npt.NDArray[np.bool_] = found.lengths != right.lengths
    if not differ.any():
        wrong = np.flatnonzero(found.values != right.values)
        differ[np.searchsorted(np.cumsum(right.lengths), wrong, side="right")] = True
    return differ
