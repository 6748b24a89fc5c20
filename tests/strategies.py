"""What several files of tests draw from: lengths, documents with rules, sequences."""

from itertools import pairwise

import polars as pl
from hypothesis import strategies as st

from format_files import L
from oracle import RULES, Rules

lengths_lists = st.lists(st.integers(0, 90), max_size=60)


@st.composite
def packings(draw):
    """Draw documents and a combination of rules that do not contradict each other."""
    align = draw(st.sampled_from([1, 1, 2, 3, 8]))
    capacity = align * draw(st.integers(1, 12))
    extra = draw(st.integers(0, min(4, capacity - 1)))
    rules = Rules(
        context_length=capacity,
        long_documents=draw(st.sampled_from(RULES)),
        max_documents=draw(st.sampled_from([None, None, 1, 2, 3, 50])),
        extra_tokens=extra,
        align=align,
        min_chunk=draw(st.integers(1, min(5, capacity - extra))),
    )
    lengths = draw(st.lists(st.integers(0, 3 * capacity), max_size=40))
    by = draw(st.sampled_from([[], ["source"], ["source", "language"]]))
    sources = draw(st.sampled_from([["a"], ["b", "a", "web"]]))
    frame = pl.DataFrame(
        {
            "n_tokens": pl.Series(lengths, dtype=pl.Int32),
            "source": [draw(st.sampled_from(sources)) for _ in lengths],
            "language": [draw(st.integers(0, 2)) for _ in lengths],
        },
        schema_overrides={"source": pl.String, "language": pl.Int8},
    )
    seed = draw(st.sampled_from([None, 0, 1, 2**64 - 1]))
    return frame, rules, by, seed


def options_of(rules, by, seed, **more):
    """Return the options of a packing that was drawn."""
    return {
        **rules._asdict(),
        "by": by or None,
        "shuffle_seed": seed,
        **more,
    }


@st.composite
def sequences(draw):
    """Draw the chunks of some sequences of at most L tokens."""
    chunks = []
    for _ in range(draw(st.integers(0, 6))):
        tokens = draw(st.lists(st.integers(1, 65535), min_size=1, max_size=L))
        cuts = draw(st.sets(st.integers(1, len(tokens) - 1))) if len(tokens) > 1 else []
        ends = [0, *sorted(cuts), len(tokens)]
        chunks.append([tokens[a:b] for a, b in pairwise(ends)])
    return chunks
