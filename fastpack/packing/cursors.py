"""Cursors: runs + lengths in document order -> arrays of rows.

There is one for each chunk length, in each group: they take a corpus array by array,
and any cut of it gives the same rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.chunks import Chunks

_SLOTS = 1 << 20
"""The largest key that has its cursor at the place of its own number; not below the
number of groups."""


class Cursors:
    """The state of an assignment between one array of lengths and the next.

    Parameters
    ----------
    options
        The rules of the packing.
    chunks
        The chunks that were planned, of each group; one group if there are none.
    runs
        The plan: records of dtype `fastpack.kernels.best_fit.RUN`.
    n_bins
        The bins of all groups.
    before
        The chunks of all documents before the first, of each group: each length starts
        at this rank.
    first_document
        The row index of the first document.
    """

    def __init__(
        self,
        options: PackingOptions,
        chunks: Sequence[Chunks],
        runs: npt.NDArray[Any],
        n_bins: int,
        *,
        before: Sequence[Chunks] | None,
        first_document: int,
    ) -> None:
        from fastpack.kernels import assignment  # noqa: PLC0415

        self._kernel = assignment
        self._max_chunk = options.max_chunk
        self._longest = {
            "split": None,
            "truncate": options.max_chunk,
            "drop": 0,
            "error": -1,
        }[options.long_documents]
        self._min_chunk = options.min_chunk if options.min_chunk > 1 else None
        self._n_groups = max(len(chunks), 1)
        self._runs = runs
        self._n_bins = n_bins
        self._seed = options.shuffle_seed
        n_unpacked = sum(each.n_unpacked for each in chunks)
        n_chunks = sum(each.n_chunks for each in chunks)
        if before is not None:
            n_unpacked -= sum(each.n_unpacked for each in before)
            n_chunks -= sum(each.n_chunks for each in before)
        self.has_nulls = n_unpacked > 0
        self.rows_left = n_chunks + n_unpacked
        self.next_document = first_document
        longest = max((int(each.lengths[:1].sum()) for each in chunks), default=0)
        largest = (longest + 1) * self._n_groups - 1
        self._slots = min(largest, _SLOTS)
        self._large_keys = None
        n_cursors = self._slots + 1
        if largest > _SLOTS:
            keys = self._keys_of(chunks)
            self._large_keys = np.sort(keys[keys > _SLOTS])
            n_cursors += self._large_keys.size
        self._cursors = np.zeros(n_cursors, assignment.CURSOR)
        ranks = np.zeros(n_cursors, np.int64)
        if before is not None:
            slots = self._slots_of(self._keys_of(before))
            ranks[slots] = [n for each in before for n in each.counts.tolist()]
        assignment.seek(
            self._cursors,
            self._slots,
            self._large_keys,
            self._n_groups,
            self._runs,
            ranks,
            n_unpacked,
        )
        if n_unpacked < 0 or ranks.any():
            raise _not_planned()

    def _keys_of(self, chunks: Sequence[Chunks]) -> npt.NDArray[np.int64]:
        """Return what tells chunks of one length and group from all others."""
        keys = [
            each.lengths * self._n_groups + group for group, each in enumerate(chunks)
        ]
        return np.concatenate([np.empty(0, np.int64), *keys])

    def _slots_of(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return where the cursors of planned chunks are."""
        slots = keys.copy()
        is_large = keys > self._slots
        if is_large.any():
            if (
                self._large_keys is None
                or not np.isin(keys[is_large], self._large_keys).all()
            ):
                raise _not_planned()
            slots[is_large] = (
                self._slots + 1 + np.searchsorted(self._large_keys, keys[is_large])
            )
        return slots

    def fill(
        self,
        lengths: npt.NDArray[Any],
        columns: dict[str, npt.NDArray[Any]],
        *,
        groups: npt.NDArray[np.int32] | None = None,
        first_token: int = 0,
        first_document: int = 0,
    ) -> tuple[int, int, int]:
        """Assign documents until all are done or the columns are full.

        Parameters
        ----------
        lengths
            Document lengths, read-only int32 or int64.
        columns
            `bin` and `bin_offset`, and all or none of `document`, `chunk_start`
            (which must hold zeros) and `chunk_length`.
        groups
            The number of each document's group, if there are groups.
        first_token
            Tokens of the first document that are assigned already.
        first_document
            The number of the first document in `document`.

        Returns
        -------
        documents, first_token, rows
            Documents done, tokens done of the next, rows written.
        """
        documents, next_token, rows, reason = self._kernel.assign(
            lengths,
            first_document,
            first_token,
            self._max_chunk,
            self._longest,
            self._min_chunk,
            groups,
            self._n_groups,
            self._cursors,
            self._slots,
            self._large_keys,
            self._runs,
            columns.get("document"),
            columns.get("chunk_start"),
            columns.get("chunk_length"),
            columns["bin"],
            columns["bin_offset"],
        )
        if reason == self._kernel.UNPLANNED:
            raise _not_planned(self.next_document + documents, lengths[documents])
        if self._seed is not None:
            self._shuffle(columns["bin"][:rows], self._seed)
        return int(documents), int(next_token), int(rows)

    def _shuffle(self, bins: npt.NDArray[Any], seed: int) -> None:
        from fastpack.kernels.shuffling import round_keys, shuffle_bins  # noqa: PLC0415

        shuffle_bins(bins, self._n_bins, round_keys(seed))


def _not_planned(row: int | None = None, length: int | None = None) -> DataError:
    where = "" if row is None else f": the document in row {row:,} has {length} tokens"
    msg = (
        f"`lengths` holds chunks that the plan has no place for{where}\n"
        "Hint: assign the lengths that were planned, each once."
    )
    return DataError(msg)
