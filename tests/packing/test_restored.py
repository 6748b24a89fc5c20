"""Plans that took a search: taken as their runs are, or refused."""

import json
import pickle

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import DataError, PackingPlan
from fastpack.packing import placement, plan_file
from fastpack.schemas import RUNS_SCHEMA

_LENGTHS = np.random.default_rng(2).normal(27, 3.6, 400)
FRAME = pl.DataFrame(
    {"n_tokens": np.clip(_LENGTHS, 1, 60).astype(int), "g": ["a", "b", "c", "b"] * 100}
)
RULES = {"context_length": 60, "max_documents": 4, "strategy": "optimal"}
GROUPED = {"by": "g", "block_documents": 150, **RULES}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a plan in groups of several blocks, and the file of it."""
    plan = fastpack.plan(FRAME, **GROUPED)
    path = tmp_path_factory.mktemp("plan") / "plan.parquet"
    plan.save(path)
    return plan, path


def damaged(saved, tmp_path, runs=None, **metadata):
    """Write the file of a plan with other runs, or other metadata."""
    plan, path = saved
    description = json.loads(pl.read_parquet_metadata(path)["fastpack"])
    description |= metadata
    changed = tmp_path / "damaged.parquet"
    runs = plan.runs if runs is None else runs
    runs.write_parquet(changed, metadata={"fastpack": json.dumps(description)})
    return changed


def test_no_search_is_needed(saved, tmp_path, monkeypatch):
    plan, path = saved
    pickled = pickle.dumps(plan)

    def fail(*_):
        raise AssertionError

    monkeypatch.setattr(placement, "place_optimally", fail)
    table = plan.assign(FRAME)
    for other in (PackingPlan.load(path), pickle.loads(pickled)):
        assert other.runs.equals(plan.runs)
        assert other.as_dict() == plan.as_dict()
        assert other.assign(FRAME).equals(table)
        again = tmp_path / f"{id(other)}.parquet"
        other.save(again)
        assert again.read_bytes() == path.read_bytes()
    assert PackingPlan.load(damaged(saved, tmp_path)).runs.equals(plan.runs)


def at(row, **columns):
    """Return a function that changes columns in one row of the runs."""
    is_row = pl.int_range(pl.len()) == row
    changed = {
        name: pl.when(is_row)
        .then(pl.lit(value))
        .otherwise(name)
        .cast(RUNS_SCHEMA[name])
        for name, value in columns.items()
    }
    return lambda runs: runs.with_columns(**changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.DataFrame.reverse, "groups are in disorder"),
        (lambda runs: runs[1:], "not every chunk of a length|not those of the chunks"),
        (lambda runs: pl.concat([runs[:1], runs]), "a run has|not every chunk"),
        (lambda runs: runs.drop("bins"), "bins"),
        (lambda runs: runs.cast({"bins": pl.Int32}), "other columns"),
        (at(3, bins=None), "nulls"),
        (at(0, bins=0), "`bins` of a run is less than"),
        (at(0, first_bin=-1), "`first_bin` of a run"),
        (at(0, first_bin=2**62), "more bins than chunks"),
        (at(0, bins=2**62), "more chunks than there are"),
        (at(0, bin_offset=7), "overlap, or leave a hole"),
        (at(0, chunk_length=59), "not those of the chunks"),
        (lambda runs: runs.with_columns(g=pl.lit("a")), "in disorder|not those of"),
        (lambda runs: runs.with_columns(g=pl.lit("z")), "'z'"),
        (lambda runs: runs.with_columns(g=pl.lit(1)), "groups have the columns"),
        (lambda runs: runs.with_columns(block=pl.lit(7, pl.Int64)), "'block': 7"),
    ],
)
def test_damaged_runs(saved, tmp_path, change, message):
    path = damaged(saved, tmp_path, change(saved[0].runs))
    with pytest.raises(DataError, match=message) as caught:
        PackingPlan.load(path)
    assert "damaged.parquet" in str(caught.value)
    assert "Hint" in str(caught.value)


def test_runs_that_overfill_bins(tmp_path):
    """One bin less: its chunk goes to another, which is full."""
    plan = fastpack.plan([30] * 4, context_length=60, strategy="optimal")
    plan.save(tmp_path / "plan.parquet")
    one = plan.runs.with_columns(
        bins=pl.lit(1, pl.Int64), chunks_per_bin=pl.lit(4, pl.Int32)
    )
    path = damaged((plan, tmp_path / "plan.parquet"), tmp_path, one)
    with pytest.raises(DataError, match="more tokens than `context_length`"):
        PackingPlan.load(path)


def with_price(price):
    return lambda prices: prices.with_columns(price=price)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("prices", with_price(pl.col("price") + 2**31), "prices of group"),
        ("prices", with_price(-pl.col("price")), "prices of group"),
        ("prices", with_price(pl.lit(0, pl.Int64)), "is not what its runs"),
        ("prices", lambda prices: prices[1:], "prices of group"),
        ("prices", pl.DataFrame.clear, "is not what its runs"),
        ("prices", pl.DataFrame.reverse, "other blocks or groups"),
        ("prices", lambda prices: prices.drop("price"), "other columns"),
        ("searches", lambda searches: searches[1:], "other blocks or groups"),
        ("searches", lambda table: table.with_columns(ended_by=pl.lit("?")), "unknown"),
        (
            "searches",
            lambda table: table.cast({"seconds": pl.Float32}),
            "other columns",
        ),
    ],
)
def test_damaged_proofs(saved, tmp_path, name, change, message):
    table = getattr(saved[0].blocks.proofs(), name)
    text = plan_file._as_text(change(table))
    path = damaged(saved, tmp_path, **{name: text})
    with pytest.raises(DataError, match=message) as caught:
        PackingPlan.load(path)
    assert "Hint" in str(caught.value)


@pytest.mark.parametrize(
    ("claim", "value"),
    [("lower_bound", 10**6), ("n_bins", 1), ("gap", 0.0), ("ended_by", "time")],
)
def test_certificates_that_claim_too_much(saved, tmp_path, claim, value):
    certificate = saved[0].certificate.as_dict()
    if certificate[claim] == value:
        value = 0.5
    path = damaged(saved, tmp_path, certificate={**certificate, claim: value})
    with pytest.raises(DataError, match="is not what its runs"):
        PackingPlan.load(path)


def test_files_without_a_proof(saved, tmp_path):
    for name in ("prices", "searches", "certificate"):
        path = damaged(saved, tmp_path, **{name: None})
        with pytest.raises(DataError, match="is not"):
            PackingPlan.load(path)


def test_pickles_are_checked(saved):
    _, (state, proofs) = saved[0].__reduce__()
    broken = state._replace(runs=state.runs.reverse())
    with pytest.raises(DataError, match="no packing of the documents"):
        PackingPlan._restore(broken, proofs)


def test_arrays_of_workers_may_be_read_only(saved):
    """Ray maps the results of workers; bins of a block move when those before end."""
    (block, *_) = saved[0].blocks
    buffers = []
    text = pickle.dumps(block, protocol=5, buffer_callback=buffers.append)
    copy = pickle.loads(text, buffers=[bytes(buffer) for buffer in buffers])
    copy.move_to(7)
    assert np.array_equal(copy.records["first_bin"], block.records["first_bin"] + 7)
