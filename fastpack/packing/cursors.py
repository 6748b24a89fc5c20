"""Cursors: runs + lengths in document order -> arrays of rows.

There is one for each chunk length, in each group: they take a corpus array by array,
and any cut of it gives the same rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastpack import kernels
from fastpack.documents.sums import Int64Array
from fastpack.errors import DataError
from fastpack.options import PackingOptions
from fastpack.packing.chunks import Chunks

Columns = dict[str, npt.NDArray[Any]]
"""Columns of the assignment table, by name."""

_LARGEST_TABLE = 1 << 20
"""Keys up to this are their own slot; larger ones are searched for. Not below the
number of groups."""


class Cursors:
    """The state of an assignment between one array of lengths and the next.

    Parameters
    ----------
    options
        The rules of the packing.
    slots
        The places of the cursors.
    runs
        The plan, or the runs of it that are needed: records of dtype
        `fastpack.kernels.best_fit.RUN`, those of a length and group together.
    first_bin, n_bins
        The bins of all groups, neighbours: those that `shuffle_seed` numbers anew.
    ranks
        The chunks in all documents before the first: their keys, and how many each has.
        Each length starts at this rank. None if there are none.
    n_chunks, n_unpacked
        The chunks of the plan that are still to come, and the documents of which
        nothing is packed.
    first_document
        The row index of the first document.

    Attributes
    ----------
    has_nulls : bool
        Whether there are documents of which nothing is packed.
    rows_left, next_document : int
        The rows that are still to be filled, and the row index of the next document.
    """

    def __init__(
        self,
        options: PackingOptions,
        slots: "Slots",
        runs: npt.NDArray[Any],
        *,
        first_bin: int,
        n_bins: int,
        ranks: tuple[Int64Array, Int64Array] | None,
        n_chunks: int,
        n_unpacked: int,
        first_document: int,
    ) -> None:
        self._max_chunk = options.max_chunk
        self._tokens_of_long = _tokens_of_long(options)
        self._min_chunk = options.min_chunk if options.min_chunk > 1 else None
        self._first_bin = first_bin
        self._n_bins = n_bins
        self._seed = options.shuffle_seed
        self.has_nulls = n_unpacked > 0
        self.rows_left = n_chunks + n_unpacked
        self.next_document = first_document
        self._first_token = 0
        self._large_keys = slots.large_keys
        self._state = kernels.assignment.State(
            cursors=np.zeros(slots.size, kernels.assignment.CURSOR),
            slots=slots.table,
            n_groups=slots.n_groups,
            runs=runs,
        )
        left = np.zeros(slots.size, np.int64)
        if ranks is not None:
            keys, counts = ranks
            left[slots.of(keys)] = counts
        kernels.assignment.seek(self._state, self._large_keys, left, n_unpacked)
        if n_unpacked < 0 or left.any():
            raise not_planned()

    @classmethod
    def after(
        cls,
        before: Sequence[Chunks],
        options: PackingOptions,
        chunks: Sequence[Chunks],
        runs: npt.NDArray[Any],
        *,
        first_bin: int,
        n_bins: int,
        first_document: int,
    ) -> "Cursors":
        """Return cursors that start after the chunks `before`, of each group.

        `chunks` are those that were planned, of each group; `runs` the whole plan.
        """
        n_groups = max(len(chunks), 1)
        longest = max((int(part.lengths[:1].sum()) for part in chunks), default=0)
        slots = Slots(longest, n_groups, lambda: _keys_of(chunks, n_groups))
        ranks = None
        if before:
            counts = np.concatenate([part.counts for part in before])
            ranks = _keys_of(before, n_groups), counts
        return cls(
            options,
            slots,
            runs,
            first_bin=first_bin,
            n_bins=n_bins,
            ranks=ranks,
            n_chunks=_sum(chunks, "n_chunks") - _sum(before, "n_chunks"),
            n_unpacked=_sum(chunks, "n_unpacked") - _sum(before, "n_unpacked"),
            first_document=first_document,
        )

    def fill(
        self,
        lengths: npt.NDArray[Any],
        columns: Columns,
        groups: npt.NDArray[np.int32] | None = None,
        *,
        first_document: int | None = None,
    ) -> tuple[int, int]:
        """Assign the next documents until all are done or the columns are full.

        Parameters
        ----------
        lengths
            Document lengths, read-only int32 or int64. If the columns were full within
            a document, it comes first again.
        columns
            `bin` and `bin_offset`, and all or none of `document`, `chunk_start`
            (which must hold zeros) and `chunk_length`.
        groups
            The number of each document's group, if there are groups.
        first_document
            The number of the first document in `document`; None counts on.

        Returns
        -------
        documents, rows
            The documents that are done, and the rows written.
        """
        chunks = None
        if "document" in columns:
            chunks = kernels.assignment.Rows(
                columns["document"], columns["chunk_start"], columns["chunk_length"]
            )
        documents, first_token, rows, reason = kernels.assignment.assign(
            lengths,
            groups,
            self.next_document if first_document is None else first_document,
            self._first_token,
            self._max_chunk,
            self._tokens_of_long,
            self._min_chunk,
            self._state,
            self._large_keys,
            chunks,
            columns["bin"],
            columns["bin_offset"],
        )
        if reason == kernels.assignment.UNPLANNED:
            raise not_planned(self.next_document + documents, lengths[documents])
        self.next_document += int(documents)
        self.rows_left -= int(rows)
        self._first_token = int(first_token)
        if self._seed is not None:
            kernels.shuffling.shuffle_bins(
                columns["bin"][:rows],
                self._n_bins,
                kernels.shuffling.round_keys(self._seed),
                self._first_bin,
            )
        return int(documents), int(rows)


class Slots:
    """The place of the cursor of each key: ``chunk length * n_groups + group``.

    Parameters
    ----------
    longest
        The longest chunk that was planned.
    n_groups
        The number of groups.
    keys
        Gives all keys that were planned; called only if some are large.

    Attributes
    ----------
    n_groups
        As above.
    table : int
        Keys up to this are their own slot.
    large_keys : numpy.ndarray or None
        The larger ones, ascending; their slots come next. None if there are none.
    size : int
        The number of slots.
    """

    def __init__(
        self, longest: int, n_groups: int, keys: Callable[[], Int64Array]
    ) -> None:
        self.n_groups = n_groups
        largest_key = (longest + 1) * n_groups - 1
        self.table = min(largest_key, _LARGEST_TABLE)
        self.large_keys: Int64Array | None = None
        self.size = self.table + 1
        if largest_key > _LARGEST_TABLE:
            planned = keys()
            self.large_keys = np.sort(planned[planned > _LARGEST_TABLE])
            self.size += self.large_keys.size

    def of(self, keys: Int64Array) -> Int64Array:
        """Return the slots of keys; raise DataError if one was not planned."""
        slots = keys.copy()
        is_large = keys > self.table
        if is_large.any():
            large = keys[is_large]
            if self.large_keys is None or not np.isin(large, self.large_keys).all():
                raise not_planned()
            places = np.searchsorted(self.large_keys, large)
            slots[is_large] = self.table + 1 + places
        return slots


def _keys_of(chunks: Sequence[Chunks], n_groups: int) -> Int64Array:
    """Return ``length * n_groups + group`` of each length of each group."""
    keys = [part.lengths * n_groups + group for group, part in enumerate(chunks)]
    return np.concatenate([np.empty(0, np.int64), *keys])


def _sum(chunks: Sequence[Chunks], name: str) -> int:
    return sum(getattr(part, name) for part in chunks)


def _tokens_of_long(options: PackingOptions) -> int | None:
    """Return the tokens assigned of a long document, as the kernel takes it."""
    return {
        "split": None,
        "truncate": options.max_chunk,
        "drop": 0,
        "error": kernels.assignment.NONE_IS_LONG,
    }[options.long_documents]


def not_planned(row: int | None = None, length: int | None = None) -> DataError:
    """Return the error about documents that are not those of the plan."""
    where = "" if row is None else f": the document in row {row:,} has {length} tokens"
    msg = (
        f"`lengths` holds chunks that the plan has no place for{where}\n"
        "Hint: assign the lengths that were planned, each once."
    )
    return DataError(msg)
