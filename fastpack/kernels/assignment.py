"""Assign: runs and document lengths, in their order -> bin and offset of each chunk.

Each chunk length has a cursor into its runs. A run of m bins and t chunks a bin deals
its chunks like cards, in t rounds: chunk j goes to bin ``first_bin + j % m`` at
``bin_offset + (j // m) * chunk_length``. Neighbours in the corpus come to lie apart,
and a cursor steps to the next bin with one addition until its round ends. Between
the rounds nothing is divided, searched or sorted, and nothing is held but a cursor for
each length: about 2 ns a document into memory that is already there.

Where the time goes (10 million log-normal lengths): a document costs four loads and
three stores (bin, offset, cursor) in 15 instructions, 1.5 ns; one that is cut costs
mispredicted branches on top, 14 ns. Measured and not kept: cutting into chunks first
and assigning in a second pass (+60 %), a branch-free step for long documents (+40 to
100 %, the position in `lengths` then waits for each load), documents two at a time
(+20 %), dividing to get the number of full chunks (+100 %).
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import kernel

Integer: TypeAlias = int | np.integer[Any]

DONE = 0
FULL = 1
UNPLANNED = 2
"""Why `assign` returned."""

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
round; then the next round of `run`, or the run behind it. A length without chunks
has ``bin == end == 0`` and `run` -1. So has slot 0, but that both count the documents
still to come of which nothing is packed."""


@kernel
def slot_of(
    length: Integer, slots: int, long_lengths: npt.NDArray[np.int64] | None
) -> Integer:
    """Return where the cursor of `length` is; 0 for a length that is not planned.

    Lengths up to `slots` have the slot of their own number. Behind these follow those
    of `long_lengths`, ascending: a table up to the longest chunk could be too large.
    Where it is not, `long_lengths` is None and the search is not even compiled.
    Slot 0 is that of no chunk at all: see `CURSOR`.
    """
    if length <= slots:
        return length
    if long_lengths is None:
        return 0
    i = np.searchsorted(long_lengths, length)
    if i == long_lengths.size or long_lengths[i] != length:
        return 0
    return slots + 1 + int(i)


@kernel
def seek(
    cursors: npt.NDArray[Any],
    slots: int,
    long_lengths: npt.NDArray[np.int64] | None,
    runs: npt.NDArray[Any],
    ranks: npt.NDArray[np.int64],
    n_unpacked: int,
) -> None:
    """Set each cursor to the chunk of its length that has the rank `ranks[slot]`.

    The rank of a chunk is the number of chunks of its length before it in the corpus.
    `ranks` is counted down to zero on the way. `n_unpacked` documents are still to
    come of which nothing is packed. O(runs).
    """
    for i in range(cursors.size):
        cursors[i]["run"] = -1
    cursors[0]["bin"] = n_unpacked
    cursors[0]["end"] = n_unpacked
    for i in range(runs.size):
        length = np.int64(runs[i]["chunk_length"])
        slot = slot_of(length, slots, long_lengths)
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
        cursors[slot]["bin_offset"] = runs[i]["bin_offset"] + rounds * length
        cursors[slot]["run"] = i


@kernel
def next_round(
    cursors: npt.NDArray[Any], slot: Integer, runs: npt.NDArray[Any]
) -> bool:
    """Move a cursor at the end of its round to the next; False if there is none."""
    run = np.int64(cursors[slot]["run"])
    if run < 0:
        return False
    length = runs[run]["chunk_length"]
    last = runs[run]["bin_offset"] + (runs[run]["chunks_per_bin"] - 1) * length
    if cursors[slot]["bin_offset"] < last:
        cursors[slot]["bin_offset"] += length
    else:
        run += 1
        if run == runs.size or runs[run]["chunk_length"] != length:
            return False
        cursors[slot]["run"] = run
        cursors[slot]["end"] = runs[run]["first_bin"] + runs[run]["bins"]
        cursors[slot]["bin_offset"] = runs[run]["bin_offset"]
    cursors[slot]["bin"] = runs[run]["first_bin"]
    return True


@kernel
def assign(
    lengths: npt.NDArray[Any],
    first_document: int,
    first_token: int,
    context_length: int,
    longest: int | None,
    cursors: npt.NDArray[Any],
    slots: int,
    long_lengths: npt.NDArray[np.int64] | None,
    runs: npt.NDArray[Any],
    document: Any,
    chunk_start: Any,
    chunk_length: Any,
    bin: npt.NDArray[Any],  # noqa: A002 -- the column's name
    bin_offset: npt.NDArray[np.int32],
) -> tuple[Integer, Integer, Integer, int]:
    """Assign documents until all are done or the output arrays are full.

    Parameters
    ----------
    lengths
        Document lengths in tokens, int32 or int64, shape (n,).
    first_document
        The number of the first document, in the output `document`.
    first_token
        Tokens of the first document that an earlier call has assigned.
    context_length
        L, in tokens.
    longest
        How many tokens of a document longer than L are assigned: None for all, L to
        truncate, 0 to drop it; -1 where there can be none.
    cursors, slots, long_lengths, runs
        The state, as `seek` set it up, and what it is read with; `cursors` is changed.
    document, chunk_start, chunk_length, bin, bin_offset
        Outputs, one row a chunk: the number of the document, the first token of the
        chunk in it, its tokens, its bin and its first token there. int64 but for
        `chunk_length` and `bin_offset`, which are int32; `bin` may be int32 too. The
        first three may be None together: they are then not asked for. `chunk_start`
        comes in as zeros, and only other values are written. Where nothing is packed,
        the bin and its offset are -1.

    Returns
    -------
    documents
        How many documents are done.
    first_token
        How many tokens of the next one are.
    rows
        How many rows are written.
    reason
        `DONE`, `FULL`, or `UNPLANNED` where the plan has no place for a chunk of the
        next document.
    """
    # Unsigned throughout: a signed index is tested for being negative at each use.
    one = np.uint64(1)
    n = np.uint64(lengths.size)
    n_rows = np.uint64(bin.size)
    one_chunk = np.uint64(min(slots, context_length))
    full_slot = slot_of(context_length, slots, long_lengths)
    token = np.int64(first_token)
    i = np.uint64(0)
    shift = np.uint64(0)  # row - i
    stop = min(n, n_rows)
    while i < stop:
        left = np.int64(lengths[i])
        # The usual document is one chunk, and its cursor is in the middle of a round.
        if token == 0 and np.uint64(left) <= one_chunk:
            slot = np.uint64(left)
            target = cursors[slot]["bin"]
            if target != cursors[slot]["end"]:
                row = i + shift
                bin[row] = target
                bin_offset[row] = cursors[slot]["bin_offset"]
                cursors[slot]["bin"] = target + 1
                if document is not None:
                    document[row] = first_document + np.int64(i)
                    chunk_length[row] = left
                i += one
                continue
        # The others: a document that is empty or long, or the end of a round.
        row = i + shift
        if longest is not None and left > context_length:
            left = np.int64(longest)
        if left < 0:
            return i, token, row, UNPLANNED
        left -= token
        if left > context_length:
            # Full chunks: all of them are one run, in which each takes the next bin.
            target = cursors[full_slot]["bin"]
            end = min(cursors[full_slot]["end"], target + np.int64(n_rows - row))
            while left > context_length and target != end:
                bin[row] = target
                bin_offset[row] = 0
                if document is not None:
                    document[row] = first_document + np.int64(i)
                    chunk_start[row] = token
                    chunk_length[row] = context_length
                target += 1
                row += one
                token += context_length
                left -= context_length
            cursors[full_slot]["bin"] = target
            if left > context_length:
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
            last = slot_of(left, slots, long_lengths)
            if cursors[last]["bin"] == cursors[last]["end"]:
                if not next_round(cursors, last, runs):
                    return i, token, row, UNPLANNED
            bin[row] = cursors[last]["bin"]
            bin_offset[row] = cursors[last]["bin_offset"]
            cursors[last]["bin"] += 1
        if document is not None:
            document[row] = first_document + np.int64(i)
            chunk_start[row] = token
            chunk_length[row] = left
        i += one
        shift = row + one - i
        stop = min(n, n_rows - shift)
        token = np.int64(0)
    return i, token, i + shift, DONE if i == n else FULL
