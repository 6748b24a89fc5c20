"""What the same lengths, rules and seed gave before, they give now.

An assignment is part of the public interface: golden.json holds a hash of each, over
all rules. It is written anew (``python tests/test_golden.py``) only by a change that
means to change results, which the changelog then says.
"""

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import fastpack

GOLDEN = Path(__file__).with_name("golden.json")

_N_DOCUMENTS = 600


def numbers(seed, size=_N_DOCUMENTS):
    """Draw 64-bit numbers by SplitMix64: they do not depend on NumPy's generators."""
    with np.errstate(over="ignore"):
        z = np.arange(1, size + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def corpus(seed, most_bits):
    """Return documents whose lengths have up to so many bits, about as many of each."""
    bits = numbers(seed) % np.uint64(most_bits + 1)
    lengths = numbers(seed + 1) % (np.uint64(1) << bits)
    source = numbers(seed + 2) % np.uint64(5)
    return pl.DataFrame(
        {
            "n_tokens": lengths.astype(np.int64),
            "source": [("web", "code", "books", "chat", "law")[i] for i in source],
            "year": (source % np.uint64(2)).astype(np.int16) + 2024,
        }
    )


def cases():
    """Name documents and rules; every rule by itself, and many together."""
    yield "paper", None, {"context_length": 8}
    single = {
        "context_length": [1, 2, 7, 8, 509, 512, 2048, 2**31 - 1],
        "long_documents": ["truncate", "drop"],
        "max_documents": [1, 2, 5],
        "extra_tokens": [1, 2],
        "align": [2, 64],
        "min_chunk": [2, 100],
        "by": ["source", "year", ["year", "source"]],
        "shuffle_seed": [0, 1, 2**64 - 1],
        "bins_multiple": [2, 7, 64],
    }
    for name, values in single.items():
        for value in values:
            yield f"{name}={value}", (1, 12), {"context_length": 512, name: value}
    together = itertools.product(
        (64, 96, 1000),
        ("split", "truncate"),
        (None, 3),
        (0, 2),
        (1, 4, 8),
        (1, 5),
        (None, "source"),
        (None, 7),
        (1, 4),
    )
    names = (*list(single),)
    for number, values in enumerate(together):
        if number % 11 == 0:  # a prime: all values meet all others
            rules = dict(zip(names, values, strict=True))
            yield f"together {number}", (number, 5 + number % 7), rules
    for size in (1, 7, 100, 599, 600, 10**9):
        rules = {"context_length": 512, "block_documents": size}
        yield f"block_documents={size}", (1, 12), rules
    in_blocks = itertools.product(
        (64, 1000),
        ("split", "drop"),
        (None, 3),
        (0, 2),
        (1, 4),
        (1, 5),
        (None, ["year", "source"]),
        (None, 7),
        (1, 2),
        (40, 250),
    )
    for number, values in enumerate(in_blocks):
        if number % 53 == 0:
            rules = dict(zip((*names, "block_documents"), values, strict=True))
            yield f"blocks together {number}", (number, 5 + number % 7), rules


def documents_of(seed_and_bits):
    if seed_and_bits is None:
        return pl.DataFrame({"n_tokens": [8, 6, 6, 4, 3]})
    return corpus(*seed_and_bits)


def digest(table):
    """Hash rows: all values as Int64, null as -1."""
    columns = table.select(pl.all().cast(pl.Int64).fill_null(-1)).get_columns()
    data = b"".join(column.to_numpy().astype("<i8").tobytes() for column in columns)
    return hashlib.sha256(data).hexdigest()[:16]


def plan_of(documents, rules):
    by = rules.get("by")
    columns = [] if by is None else [by] if isinstance(by, str) else by
    return fastpack.plan(documents.select(*columns, "n_tokens"), **rules)


def result_of(documents, rules):
    """Return what is held: the rows, the runs, and some figures."""
    plan = plan_of(documents, rules)
    runs = plan.runs.select(
        "chunk_length", "first_bin", "bins", "chunks_per_bin", "bin_offset"
    )
    return {
        "rows": digest(fastpack.pack(documents, **rules)),
        "runs": digest(runs),
        "figures": [plan.n_chunks, plan.n_bins, plan.lower_bound, plan.padding],
    }


CASES = {name: (documents, rules) for name, documents, rules in cases()}


@pytest.fixture(scope="module")
def golden():
    return json.loads(GOLDEN.read_text("utf-8"))


def test_cases_are_those_of_the_file(golden):
    assert list(CASES) == list(golden)
    assert len(CASES) > 100


@pytest.mark.parametrize("name", CASES)
def test_results_are_those_of_the_file(name, golden):
    seed_and_bits, rules = CASES[name]
    assert result_of(documents_of(seed_and_bits), rules) == golden[name]


@pytest.mark.parametrize("name", list(CASES)[::5])
def test_lazy_frames_and_files_too(name, golden, tmp_path):
    seed_and_bits, rules = CASES[name]
    documents = documents_of(seed_and_bits)
    lazy = fastpack.pack(documents.lazy(), **rules)
    assert digest(lazy.collect()) == golden[name]["rows"]
    sources = tmp_path / "corpus"
    sources.mkdir()
    for number, start in enumerate(range(0, documents.height, 150)):
        part = documents[start : start + 150]
        part.write_parquet(sources / f"{number}.parquet")
    fastpack.pack_files(sources, tmp_path / "assignment", **rules)
    written = pl.read_parquet(tmp_path / "assignment" / "*.parquet")
    assert digest(written) == golden[name]["rows"]


if __name__ == "__main__":
    results = {
        name: result_of(documents_of(seed_and_bits), rules)
        for name, (seed_and_bits, rules) in CASES.items()
    }
    lines = [
        f"{json.dumps(name)}: {json.dumps(each)}" for name, each in results.items()
    ]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
