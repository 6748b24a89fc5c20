"""Assign: runs and document lengths, in their order -> bin and offset of each chunk.

Each chunk length has a cursor into its runs. A run of m bins and t chunks a bin deals
its chunks like cards, in t rounds: chunk j goes to bin ``first_bin + j % m`` at
``bin_offset + (j // m) * footprint``. Neighbours in the corpus lie apart,
and a cursor steps to the next bin with one addition until its round ends. Between
the rounds nothing is divided, searched or sorted, and nothing is held except a cursor
for each length: about 2 ns a document into memory that is already there.

Where documents come in groups that bins do not mix, a cursor belongs to a length and a
group: to the key ``length * n_groups + group``. Without groups, the key is the length.

Where the time goes (10 million log-normal lengths): a document costs four loads and
three stores (bin, offset, cursor) in 15 instructions, 1.5 ns; one that is cut costs
mispredicted branches on top, 14 ns. Measured and not kept: cutting into chunks first
and assigning in a second pass (+60 %), a branch-free step for long documents (+40 to
100 %, the position in `lengths` then waits for each load), documents two at a time
(+20 %), dividing to get the number of full chunks (+100 %).
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import Integer, kernel

DONE, FULL, UNPLANNED = range(3)
"""Why `assign` returned."""

NONE_IS_LONG = -1
"""`tokens_of_long` if the plan has no long document: a long one is unplanned."""

CURSOR = np.dtype(
    [
        ("bin", np.int64),
        ("end", np.int64),
        ("bin_offset", np.int32),
        ("run", np.int32),
    ],
    align=True,
)
"""Where the next chunk of one length goes: `bin`, unless it is the `end` of the
round; then the next round of `run`, or the next run. A key without chunks has
``bin == end == 0`` and `run` -1. Slot 0 is the exception: its `bin` and `end` both
count the unpacked documents still to come."""


class State(NamedTuple):
    """What assigning steps through: the cursors, one a slot, and the plan.

    `slots` is the largest key whose slot is its own number (see `slot_of`), `n_groups`
    the number of groups, 1 without. The `runs` of a key follow each other; their dtype
    is `fastpack.kernels.best_fit.RUN`.
    """

    cursors: npt.NDArray[Any]
    slots: int
    n_groups: int
    runs: npt.NDArray[Any]


class Rows(NamedTuple):
    """The columns of the assignment table that say which chunk a row is.

    `chunk_start` comes in as zeros, and only other values are written.
    """

    document: npt.NDArray[np.int64]
    chunk_start: npt.NDArray[np.int64]
    chunk_length: npt.NDArray[np.int32]


@kernel
def slot_of(
    key: Integer, slots: int, large_keys: npt.NDArray[np.int64] | None
) -> Integer:
    """Return the slot of the cursor of `key`; 0, that of no chunk, if it has none.

    Keys up to `slots` are their own slot. The slots of `large_keys`, ascending, come
    next: a table up to the largest key could be too large. If it is not, `large_keys`
    is None and the search is not even compiled.
    """
    if key <= slots:
        return key
    if large_keys is None:
        return 0
    i = np.searchsorted(large_keys, key)
    if i == large_keys.size or large_keys[i] != key:
        return 0
    return slots + 1 + int(i)


@kernel
def seek(
    state: State,
    large_keys: npt.NDArray[np.int64] | None,
    ranks: npt.NDArray[np.int64],
    n_unpacked: int,
) -> None:
    """Set each cursor to the chunk of its key that has the rank `ranks[slot]`.

    The rank of a chunk is the number of chunks of its key before it in the corpus.
    `ranks` is counted down to zero on the way. `n_unpacked` is the number of unpacked
    documents still to come. O(runs).
    """
    cursors, slots, n_groups, runs = state
    for i in range(cursors.size):
        cursors[i]["run"] = -1
    cursors[0]["bin"] = n_unpacked
    cursors[0]["end"] = n_unpacked
    for i in range(runs.size):
        key = np.int64(runs[i]["chunk_length"]) * n_groups + runs[i]["group"]
        slot = slot_of(key, slots, large_keys)
        bins = runs[i]["bins"]
        first = runs[i]["first_bin"]
        chunks = bins * runs[i]["chunks_per_bin"]
        started = cursors[slot]["run"] >= 0
        if started and cursors[slot]["bin"] != cursors[slot]["end"]:
            continue
        skipped = min(ranks[slot], chunks)
        ranks[slot] -= skipped
        # A run that is skipped whole is left at the end of its last round.
        rounds = (skipped - 1) // bins if skipped == chunks else skipped // bins
        cursors[slot]["bin"] = first + skipped - rounds * bins
        cursors[slot]["end"] = first + bins
        cursors[slot]["bin_offset"] = (
            runs[i]["bin_offset"] + rounds * runs[i]["footprint"]
        )
        cursors[slot]["run"] = i


@kernel
def next_round(
    cursors: npt.NDArray[Any], slot: Integer, runs: npt.NDArray[Any]
) -> bool:
    """Move a cursor at the end of its round to the next; False if there is none."""
    run = np.int64(cursors[slot]["run"])
    if run < 0:
        return False
    footprint = runs[run]["footprint"]
    last = runs[run]["bin_offset"] + (runs[run]["chunks_per_bin"] - 1) * footprint
    if cursors[slot]["bin_offset"] < last:
        cursors[slot]["bin_offset"] += footprint
    else:
        run += 1
        if (
            run == runs.size
            or runs[run]["chunk_length"] != runs[run - 1]["chunk_length"]
            or runs[run]["group"] != runs[run - 1]["group"]
        ):
            return False
        cursors[slot]["run"] = run
        cursors[slot]["end"] = runs[run]["first_bin"] + runs[run]["bins"]
        cursors[slot]["bin_offset"] = runs[run]["bin_offset"]
    cursors[slot]["bin"] = runs[run]["first_bin"]
    return True


@kernel
def assign(
    lengths: npt.NDArray[Any],
    groups: npt.NDArray[np.int32] | None,
    first_document: int,
    first_token: int,
    max_chunk: int,
    tokens_of_long: int | None,
    min_chunk: int | None,
    state: State,
    large_keys: npt.NDArray[np.int64] | None,
    chunks: Rows | None,
    bin: npt.NDArray[Any],  # noqa: A002 -- the column's name
    bin_offset: npt.NDArray[np.int32],
) -> tuple[Integer, Integer, Integer, int]:
    """Assign documents until all are done or the output arrays are full.

    What may be None is an argument of its own: Numba prunes by arguments alone.

    Parameters
    ----------
    lengths
        Document lengths in tokens, int32 or int64, shape (n,).
    groups
        The number of each document's group, shape (n,), or None.
    first_document, first_token
        The number of the first document, and its tokens that are assigned already.
    max_chunk, tokens_of_long
        The longest chunk, and the tokens assigned of a longer document: None for all,
        `max_chunk` to truncate it, 0 to drop it, or `NONE_IS_LONG`.
    min_chunk
        The shortest remainder that is assigned; None for any.
    state, large_keys
        The cursors, as `seek` set them up, and the keys whose slots are searched for.
    chunks
        Outputs that say which chunk a row is, or None if they are not asked for.
    bin, bin_offset
        Outputs, one row a chunk: its bin, int64 or int32, and its first token there,
        int32; both -1 if nothing of the document is packed.

    Returns
    -------
    documents, first_token, rows, reason
        The documents that are done, the tokens of the next one that are, the rows that
        are written, and `DONE`, `FULL`, or `UNPLANNED` if the plan has no place for a
        chunk of the next document.
    """
    cursors, slots, n_groups, runs = state
    # Unsigned throughout: a signed index is tested for being negative at each use.
    one = np.uint64(1)
    n = np.uint64(lengths.size)
    n_rows = np.uint64(bin.size)
    longest_slot = slots
    if groups is not None:
        longest_slot = (slots + 1) // n_groups - 1
    one_chunk = np.uint64(min(longest_slot, max_chunk))
    full_slot = slot_of(max_chunk, slots, large_keys)
    group = np.int64(0)
    token = np.int64(first_token)
    i = np.uint64(0)
    ahead = np.uint64(0)  # row - i
    stop = min(n, n_rows)
    while i < stop:
        left = np.int64(lengths[i])
        # The usual document is one chunk, and its cursor is in the middle of a round.
        if token == 0 and np.uint64(left) <= one_chunk:
            slot = np.uint64(left)
            if groups is not None:
                slot = slot * np.uint64(n_groups) + np.uint64(groups[i])
            target = cursors[slot]["bin"]
            if target != cursors[slot]["end"]:
                row = i + ahead
                bin[row] = target
                bin_offset[row] = cursors[slot]["bin_offset"]
                cursors[slot]["bin"] = target + 1
                if chunks is not None:
                    chunks.document[row] = first_document + np.int64(i)
                    chunks.chunk_length[row] = left
                i += one
                continue
        # The others: a document that is empty or long, or the end of a round.
        row = i + ahead
        if tokens_of_long is not None and left > max_chunk:
            left = np.int64(tokens_of_long)
        if min_chunk is not None and left > max_chunk:
            remainder = left % max_chunk
            if remainder < min_chunk:
                left -= remainder
        if groups is not None:
            group = np.int64(groups[i])
            full_slot = slot_of(max_chunk * n_groups + group, slots, large_keys)
        if left < 0:
            return i, token, row, UNPLANNED
        left -= token
        if left > max_chunk:
            # Full chunks: all of them are one run, in which each takes the next bin.
            target = cursors[full_slot]["bin"]
            end = min(cursors[full_slot]["end"], target + np.int64(n_rows - row))
            while left > max_chunk and target != end:
                bin[row] = target
                bin_offset[row] = 0
                if chunks is not None:
                    chunks.document[row] = first_document + np.int64(i)
                    chunks.chunk_start[row] = token
                    chunks.chunk_length[row] = max_chunk
                target += 1
                row += one
                token += max_chunk
                left -= max_chunk
            cursors[full_slot]["bin"] = target
            if left > max_chunk:
                return i, token, row, FULL if row == n_rows else UNPLANNED
        if row == n_rows:
            return i, token, row, FULL
        if left == 0:
            if cursors[0]["bin"] == 0:
                return i, token, row, UNPLANNED
            cursors[0]["bin"] -= 1
            cursors[0]["end"] -= 1
            bin[row] = -1
            bin_offset[row] = -1
        else:
            key = left
            if groups is not None:
                key = left * n_groups + group
            last = slot_of(key, slots, large_keys)
            if cursors[last]["bin"] == cursors[last]["end"]:
                if not next_round(cursors, last, runs):
                    return i, token, row, UNPLANNED
            bin[row] = cursors[last]["bin"]
            bin_offset[row] = cursors[last]["bin_offset"]
            cursors[last]["bin"] += 1
        if chunks is not None:
            chunks.document[row] = first_document + np.int64(i)
            chunks.chunk_start[row] = token
            chunks.chunk_length[row] = left
        i += one
        ahead = row + one - i
        stop = min(n, n_rows - ahead)
        token = np.int64(0)
    return i, token, i + ahead, DONE if i == n else FULL
