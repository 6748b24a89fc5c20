"""Assign: runs and document lengths, in their order -> bin and offset of each chunk.

Each chunk length has a cursor into its runs. A run of m bins and t chunks a bin deals
its chunks like cards, in t rounds: chunk j goes to bin ``first_bin + j % m`` at
``bin_offset + (j // m) * chunk_length``. Neighbours in the corpus come to lie apart,
and a cursor steps to the next bin with one addition until its round ends. Between
the rounds nothing is divided, searched or sorted, and nothing is held but a cursor for
each length: 1.5 to 2 ns a document into memory that is already there.

Where the time goes (10 million log-normal lengths): a document costs three stores
(bin, offset, cursor), and the processor does about one a cycle. A document that is cut
costs a mispredicted branch or two on top, 10 ns. Measured and not
kept: cutting into chunks first and assigning in a second pass (+60 %), a branch-free
step for long documents (+40 to 100 %, the position in `lengths` then waits for each
load), documents two at a time (+20 %).
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fastpack.kernels.jit import kernel

Integer: TypeAlias = int | np.integer[Any]

SPLIT = 0
TRUNCATE = 1
DROP = 2
"""What is done with a document that is longer than the context length."""

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
has ``bin == end == 0`` and `run` -1."""


@kernel
def slot_of(
    length: Integer, slots: int, long_lengths: npt.NDArray[np.int64] | None
) -> Integer:
    """Return where the cursor of `length` is; -1 for a length that is not planned.

    Lengths up to `slots` have the slot of their own number. Behind these follow those
    of `long_lengths`, ascending: a table up to the longest chunk could be too large.
    Where it is not, `long_lengths` is None and the search is not even compiled.
    """
    if length <= slots:
        return length
    if long_lengths is None:
        return -1
    i = np.searchsorted(long_lengths, length)
    if i == long_lengths.size or long_lengths[i] != length:
        return -1
    return slots + 1 + int(i)


@kernel
def seek(
    cursors: npt.NDArray[Any],
    slots: int,
    long_lengths: npt.NDArray[np.int64] | None,
    runs: npt.NDArray[Any],
    ranks: npt.NDArray[np.int64],
) -> None:
    """Set each cursor to the chunk of its length that has the rank `ranks[slot]`.

    The rank of a chunk is the number of chunks of its length before it in the corpus.
    `ranks` is counted down to zero on the way. O(runs).
    """
    for i in range(cursors.size):
        cursors[i]["run"] = -1
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
    long_documents: int,
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
    long_documents
        `SPLIT`, `TRUNCATE` or `DROP`.
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
    n = lengths.size
    n_rows = bin.size
    one_chunk = np.uint64(min(slots, context_length))
    full_slot = slot_of(context_length, slots, long_lengths)
    i = 0
    shift = 0  # row - i
    # A document that an earlier call began is not a usual one.
    stop = min(n, n_rows) if first_token == 0 else 0
    while i < n:
        # The usual document is one chunk, and its cursor is in the middle of a round.
        while i < stop:
            length = np.int64(lengths[np.uint64(i)])
            if np.uint64(length) > one_chunk:
                break
            slot = np.uint64(length)
            target = cursors[slot]["bin"]
            if target == cursors[slot]["end"]:
                break
            row = np.uint64(i + shift)
            bin[row] = target
            bin_offset[row] = cursors[slot]["bin_offset"]
            cursors[slot]["bin"] = target + 1
            if document is not None:
                document[row] = first_document + i
                chunk_length[row] = length
            i += 1
        if i == n:
            break
        # An empty document, a long one, the end of a round, or no room for more.
        length = np.int64(lengths[i])
        if length > context_length:
            if long_documents == TRUNCATE:
                length = np.int64(context_length)
            elif long_documents == DROP:
                length = np.int64(0)
        token = np.int64(first_token)
        first_token = 0
        at = i + shift
        if length - token > context_length:
            # Full chunks are the first thing that is packed: one run, of a bin each.
            if full_slot < 0:
                return i, token, at, UNPLANNED
            target = cursors[full_slot]["bin"]
            end = cursors[full_slot]["end"]
            while length - token > context_length and at < n_rows and target != end:
                bin[at] = target
                bin_offset[at] = 0
                if document is not None:
                    document[at] = first_document + i
                    chunk_start[at] = token
                    chunk_length[at] = context_length
                target += 1
                token += context_length
                at += 1
            cursors[full_slot]["bin"] = target
            if length - token > context_length:
                return i, token, at, FULL if at == n_rows else UNPLANNED
        if at == n_rows:
            return i, token, at, FULL
        taken = length - token
        if taken == 0:
            bin[at] = -1
            bin_offset[at] = -1
        else:
            last_slot = slot_of(taken, slots, long_lengths)
            if last_slot < 0:
                return i, token, at, UNPLANNED
            if cursors[last_slot]["bin"] == cursors[last_slot]["end"]:
                if not next_round(cursors, last_slot, runs):
                    return i, token, at, UNPLANNED
            bin[at] = cursors[last_slot]["bin"]
            bin_offset[at] = cursors[last_slot]["bin_offset"]
            cursors[last_slot]["bin"] += 1
        if document is not None:
            document[at] = first_document + i
            chunk_start[at] = token
            chunk_length[at] = taken
        i += 1
        shift = at + 1 - i
        stop = min(n, n_rows - shift)
    return i, 0, i + shift, DONE
