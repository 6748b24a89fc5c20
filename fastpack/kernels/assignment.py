"""Assign: runs and document lengths, in their order -> bin and offset of each chunk.

Each chunk length has a cursor into its runs. A run of m bins and t chunks a bin deals
its chunks like cards, in t rounds: chunk j goes to bin ``first_bin + j % m`` at
``bin_offset + (j // m) * footprint``. Neighbours in the corpus come to lie apart,
and a cursor steps to the next bin with one addition until its round ends. Between
the rounds nothing is divided, searched or sorted, and nothing is held but a cursor for
each length: about 2 ns a document into memory that is already there.

Where documents come in groups that bins do not mix, a cursor belongs to a length and a
group: to the key ``length * n_groups + group``. Without groups, the key is the length.

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
round; then the next round of `run`, or the run behind it. A key without chunks
has ``bin == end == 0`` and `run` -1. So has slot 0, but that both count the documents
still to come of which nothing is packed."""


@kernel
def slot_of(
    key: Integer, slots: int, large_keys: npt.NDArray[np.int64] | None
) -> Integer:
    """Return where the cursor of `key` is; 0 for a key that is not planned.

    Keys up to `slots` have the slot of their own number. Behind these follow those
    of `large_keys`, ascending: a table up to the largest could be too large. Where it
    is not, `large_keys` is None and the search is not even compiled. Slot 0 is that of
    no chunk at all: see `CURSOR`.
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
    cursors: npt.NDArray[Any],
    slots: int,
    large_keys: npt.NDArray[np.int64] | None,
    n_groups: int,
    runs: npt.NDArray[Any],
    ranks: npt.NDArray[np.int64],
    n_unpacked: int,
) -> None:
    """Set each cursor to the chunk of its key that has the rank `ranks[slot]`.

    The rank of a chunk is the number of chunks of its key before it in the corpus.
    `ranks` is counted down to zero on the way. `n_unpacked` documents are still to
    come of which nothing is packed. O(runs).
    """
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
    first_document: int,
    first_token: int,
    max_chunk: int,
    longest: int | None,
    min_chunk: int | None,
    groups: npt.NDArray[np.int32] | None,
    n_groups: int,
    cursors: npt.NDArray[Any],
    slots: int,
    large_keys: npt.NDArray[np.int64] | None,
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
    max_chunk
        The longest chunk, in tokens.
    longest
        How many tokens of a document longer than that are assigned: None for all, the
        longest chunk to truncate, 0 to drop it; -1 where there can be none.
    min_chunk
        Shorter remainders of documents that are cut are left out; None where there
        are none.
    groups, n_groups
        The groups of the documents, shape (n,), and how many there are; or None, and
        then `n_groups` is 1.
    cursors, slots, large_keys, runs
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
                if document is not None:
                    document[row] = first_document + np.int64(i)
                    chunk_length[row] = left
                i += one
                continue
        # The others: a document that is empty or long, or the end of a round.
        row = i + ahead
        if longest is not None and left > max_chunk:
            left = np.int64(longest)
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
                if document is not None:
                    document[row] = first_document + np.int64(i)
                    chunk_start[row] = token
                    chunk_length[row] = max_chunk
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
        if document is not None:
            document[row] = first_document + np.int64(i)
            chunk_start[row] = token
            chunk_length[row] = left
        i += one
        ahead = row + one - i
        stop = min(n, n_rows - ahead)
        token = np.int64(0)
    return i, token, i + ahead, DONE if i == n else FULL
