"""strategy="optimal" over many files: one plan, whoever searches, resumes or loads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

import fastpack
from corpora import (
    L,
    documents_of,
    files_of,
    pack,
    pack_tokens_of,
    read_sequences,
    read_shards,
    write_shards,
)
from fastpack.cli.main import main
from fastpack.packing import placement
from fastpack.packing.optimal import place
from fastpack.packing.optimal.effort import OutOfTimeError

_RNG = np.random.default_rng(5)


def _normal(n, context_length):
    lengths = _RNG.normal(0.3 * context_length, 0.05 * context_length, n)
    return np.clip(lengths, 1, context_length).astype(np.int64)


HARD = pl.DataFrame({"n_tokens": _normal(6000, L), "g": _RNG.integers(0, 3, 6000)})
"""Documents of which best-fit makes 4 % more sequences than are needed."""

HARD_TOKENS = pl.DataFrame(
    {"input_ids": [list(range(length)) for length in _normal(700, 64)]},
    {"input_ids": pl.List(pl.Int32)},
)

OPTIMAL = {"strategy": "optimal"}


@pytest.fixture
def no_search(monkeypatch):
    """Have searches fail: a plan that was found is not searched for again."""

    def fail(*_):
        raise AssertionError

    monkeypatch.setattr(placement, "place_optimally", fail)


@pytest.fixture
def time_is_up(monkeypatch):
    """Return a function that says whether the time of each search is up at once."""
    run = place.Search.run

    def set_up(*, is_up):
        def run_out(search):
            raise OutOfTimeError

        monkeypatch.setattr(place.Search, "run", run_out if is_up else run)

    return set_up


def outputs_of(target):
    """Return the bytes of the outputs, by name."""
    return {
        name: content
        for name, content in files_of(target).items()
        if not name.startswith("_fastpack")
    }


@pytest.mark.parametrize("rules", [{}, {"by": "g"}, {"block_documents": 2500}])
def test_as_in_memory(tmp_path, rules):
    corpus = write_shards(tmp_path / "corpus", 4, HARD)
    reports = []
    plan = pack(corpus, tmp_path / "out", progress=reports.append, **rules, **OPTIMAL)
    whole = fastpack.pack(HARD, context_length=L, **rules, **OPTIMAL)
    assert read_shards(tmp_path / "out", 4).equals(whole)
    assert plan.n_bins < 0.98 * fastpack.plan(HARD["n_tokens"], context_length=L).n_bins
    searches = [report for report in reports if report.step == "plan"]
    n_blocks = 3 if "block_documents" in rules else 1
    assert searches[0].shards == 0
    assert searches[-1].shards == searches[-1].n_shards == n_blocks
    assert searches[-1].documents == HARD.height
    if n_blocks == 1:
        assert searches[-1].gap == plan.certificate.gap
    saved = tmp_path / "out/_fastpack/plan.parquet"
    assert fastpack.PackingPlan.load(saved).as_dict() == plan.as_dict()
    pack(corpus, tmp_path / "one", workers=1, **rules, **OPTIMAL)
    assert outputs_of(tmp_path / "one") == outputs_of(tmp_path / "out")
    command = ["verify", tmp_path / "out", "--source", corpus]
    assert main(list(map(str, command))) == 0


def test_a_run_goes_on_by_its_plan(tmp_path, no_search, monkeypatch):
    corpus = write_shards(tmp_path / "corpus", 4, HARD)
    with monkeypatch.context() as patch:
        patch.undo()
        patch.setattr(placement, "place_optimally", place.place_optimally)
        pack(corpus, tmp_path / "out", **OPTIMAL)
    expected = outputs_of(tmp_path / "out")
    (tmp_path / "out/part-2.parquet").unlink()
    pack(corpus, tmp_path / "out", **OPTIMAL)
    assert outputs_of(tmp_path / "out") == expected


def test_what_a_lost_plan_wrote_is_written_again(tmp_path, time_is_up):
    corpus = write_shards(tmp_path / "corpus", 4, HARD)
    time_is_up(is_up=True)
    first = pack(corpus, tmp_path / "out", **OPTIMAL)
    assert first.certificate.ended_by == "time"
    (tmp_path / "out/_fastpack/plan.parquet").write_bytes(b"damaged")
    (tmp_path / "out/part-1.parquet").unlink()
    time_is_up(is_up=False)
    plan = pack(corpus, tmp_path / "out", **OPTIMAL)
    assert plan.n_bins < first.n_bins
    whole = fastpack.pack(HARD, context_length=L, **OPTIMAL)
    assert read_shards(tmp_path / "out", 4).equals(whole)


@pytest.fixture
def tokens(tmp_path, small_batches):
    small_batches(block=4000, part=8000, finest=1000, last=500)
    return write_shards(tmp_path / "corpus", 3, HARD_TOKENS, row_group_size=50)


def check_tokens(target):
    lists = HARD_TOKENS["input_ids"]
    expected = {number: [each.to_list()] for number, each in enumerate(lists)}
    assert documents_of(read_sequences(target)) == expected


def test_blocks_of_tokens(tmp_path, tokens):
    account = pack_tokens_of(tokens, tmp_path / "out", **OPTIMAL)
    check_tokens(tmp_path / "out")
    assert account.n_blocks > 2
    best_fit = pack_tokens_of(tokens, tmp_path / "best_fit")
    assert account.n_bins < best_fit.n_bins
    assert account.lower_bound >= best_fit.lower_bound
    with ThreadPoolExecutor(7) as executor:
        pack_tokens_of(tokens, tmp_path / "seven", executor=executor, **OPTIMAL)
    assert outputs_of(tmp_path / "seven") == outputs_of(tmp_path / "out")
    command = ["verify-tokens", tmp_path / "out"]
    assert main(list(map(str, command))) == 0


def test_blocks_of_documents_are_those_of_pack_tokens(tmp_path, tokens):
    rules = {"block_documents": 300, **OPTIMAL}
    pack_tokens_of(tokens, tmp_path / "out", **rules)
    rules["boundaries"] = ["seq_lengths", "chunk_starts"]
    whole = fastpack.pack_tokens(HARD_TOKENS, context_length=64, **rules)
    assert read_sequences(tmp_path / "out").equals(whole)
    lazy = fastpack.pack_tokens(HARD_TOKENS.lazy(), context_length=64, **rules)
    assert lazy.collect().equals(whole)


def test_a_block_that_is_packed_again_leaves_other_chunks(tmp_path, tokens, time_is_up):
    time_is_up(is_up=True)
    pack_tokens_of(tokens, tmp_path / "out", **OPTIMAL)
    (tmp_path / "out/sequences-000001.parquet").unlink()
    time_is_up(is_up=False)
    pack_tokens_of(tokens, tmp_path / "out", **OPTIMAL)
    check_tokens(tmp_path / "out")


def test_the_last_block_is_searched_once(tmp_path, tokens, small_batches, monkeypatch):
    """Its rows are counted first, then written: another search might find others."""
    small_batches(last=10**6)
    searches = []

    def count(*arguments):
        searches.append(arguments)
        return place.place_optimally(*arguments)

    monkeypatch.setattr(placement, "place_optimally", count)
    account = pack_tokens_of(tokens, tmp_path / "out", **OPTIMAL)
    check_tokens(tmp_path / "out")
    # Each block, the last one, and the whole corpus for the account.
    assert len(searches) == account.n_blocks + 2
