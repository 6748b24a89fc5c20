"""Numbering: the numbers of bins by `by` and `shuffle_seed`."""

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import PackingOptions, VerificationError
from fastpack.kernels.shuffling import round_keys, shuffle_bins
from fastpack.verification.numbering import Numbering

RNG = np.random.default_rng(21)
DOCUMENTS = pl.DataFrame(
    {
        "source": RNG.choice(["web", "code", "books"], 500),
        "n_tokens": RNG.integers(0, 40, 500),
    }
)
LENGTHS = DOCUMENTS["n_tokens"]


def exchange(table, first, second):
    """Exchange the numbers of two bins."""
    return table.with_columns(pl.col("bin").replace({first: second, second: first}))


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**64 - 1])
@pytest.mark.parametrize("n_bins", [1, 2, 100, 4097])
def test_places_are_those_before_the_shuffle(seed, n_bins):
    options = PackingOptions(context_length=8, shuffle_seed=seed)
    numbering = Numbering(options, np.array([0, n_bins]), has_groups=False)
    shuffled = np.arange(n_bins)
    shuffle_bins(shuffled, n_bins, round_keys(seed))
    assert numbering.places(shuffled).tolist() == list(range(n_bins))
    assert [numbering.bin_at(place) for place in range(n_bins)] == shuffled.tolist()


@pytest.mark.parametrize("bins", [3, 1000])  # summed up at a time
def test_the_order_of_groups(small_batches, bins):
    small_batches(bins=bins)
    options = {"context_length": 32, "by": "source"}
    table = fastpack.pack(DOCUMENTS, **options)
    groups = fastpack.plan(DOCUMENTS, **options).groups
    assert groups["source"].to_list() == ["books", "code", "web"]
    fastpack.verify(table, DOCUMENTS, **options)
    exchanged = exchange(table, 0, groups["first_bin"][1])
    message = r"not among those of its group: .* in the order of \['source'\]$"
    with pytest.raises(VerificationError, match=message):
        fastpack.verify(exchanged, DOCUMENTS, **options)
    # By their columns' values, not as they come: those of the other groups first.
    n_bins = groups["n_bins"].sum()
    rolled = (pl.col("bin") + groups["n_bins"][2]) % n_bins
    with pytest.raises(VerificationError, match="not among those of its group"):
        fastpack.verify(table.with_columns(bin=rolled), DOCUMENTS, **options)
    # Of one group, bins may have any numbers that the rules leave open.
    fastpack.verify(exchange(table, 0, 3), DOCUMENTS, **options)
    fastpack.verify(exchanged, LENGTHS, context_length=32)


@pytest.mark.parametrize("bins", [3, 1000])
@pytest.mark.parametrize("rules", [{}, {"by": "source"}, {"bins_multiple": 64}])
def test_the_numbering_of_a_seed(small_batches, bins, rules):
    small_batches(bins=bins)
    options = {"context_length": 32, "shuffle_seed": 7, **rules}
    table = fastpack.pack(DOCUMENTS, **options)
    documents = DOCUMENTS if "by" in rules else LENGTHS
    fastpack.verify(table, documents, **options)
    unshuffled = fastpack.pack(DOCUMENTS, **{**options, "shuffle_seed": None})
    message = (
        "bin .* does not have the number .* before `shuffle_seed` 7 shuffles them"
        "|bin .* is not among those of its group: .* before `shuffle_seed` 7"
    )
    for damaged in (
        unshuffled,
        fastpack.pack(DOCUMENTS, **{**options, "shuffle_seed": 8}),
        table.with_columns(bin=pl.col("bin").max() - pl.col("bin")),
    ):
        with pytest.raises(VerificationError, match=message):
            fastpack.verify(damaged, documents, **options)
        if not rules:  # without a seed, bins may have any numbers
            fastpack.verify(damaged, documents, context_length=32)


def test_two_bins_of_a_seed_exchanged():
    options = {"context_length": 32, "shuffle_seed": 7}
    table = fastpack.pack(LENGTHS, **options)
    at_start = table.filter(bin_offset=0).sort("chunk_length")
    shortest, longest = at_start["bin"][0], at_start["bin"][-1]
    with pytest.raises(VerificationError, match="does not have the number"):
        fastpack.verify(exchange(table, shortest, longest), LENGTHS, **options)


def test_shuffled_bins_that_are_wrong_are_named():
    options = {"context_length": 32, "shuffle_seed": 7}
    table = fastpack.pack(LENGTHS, **options)
    n_bins = table["bin"].max() + 1
    without_5 = table.with_columns(
        bin=pl.when(pl.col("bin") >= 5).then(pl.col("bin") + 1).otherwise("bin")
    )
    for damaged, message in (
        (without_5, "bin 5 is empty"),
        (table.with_columns(pl.col("bin").replace(3, 10**18)), "is empty"),
        (table.with_columns(pl.col("bin").replace(n_bins - 1, 3)), "bin 3 (holds|is)"),
    ):
        with pytest.raises(VerificationError, match=message):
            fastpack.verify(damaged, LENGTHS, **options)


def test_a_seed_without_the_groups(tmp_path):
    # The order of bins before the shuffle is known within groups only.
    options = {"context_length": 32, "shuffle_seed": 7, "by": "source"}
    DOCUMENTS.write_parquet(tmp_path / "part.parquet")
    fastpack.pack_files(tmp_path / "part.parquet", tmp_path / "out", **options)
    from fastpack.files.verify_files import read_assignment, verify_files

    figures = verify_files(read_assignment(tmp_path / "out", {}))
    assert figures["unchecked"] == [
        "lengths of the documents: only how many have which is known",
        "groups, and the order of bins: not given is 'source'",
    ]
