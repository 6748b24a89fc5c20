import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastpack.kernels import hashing

RNG = np.random.default_rng(0)
KEYS = RNG.integers(0, 2**64, (2, hashing.SECTION), np.uint64)
NOTHING = np.zeros(3, np.int64)


@pytest.fixture(autouse=True)
def wrap():
    with np.errstate(over="ignore"):  # where kernels are plain Python
        yield


def hash_one(values, before=(), after=(), room=None, keys=KEYS):
    """Return the hashes of one chunk in its room."""
    n_added = len(before) + len(after)
    fill = np.array([*(before or [0]), *(after or [0]), 7]).astype(values.dtype)
    hashes = np.zeros((1, 2), np.uint64)
    hashing.hash_chunks(
        values,
        np.array([0]),
        np.array([values.size]),
        np.array([room or values.size + n_added]),
        len(before),
        len(after),
        fill,
        keys,
        hashes,
    )
    return tuple(hashes[0].tolist())


def mix(value):
    z = (value + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def hash_plainly(values):
    """Return the hashes of values in one section, in plain Python."""
    sums = [mix(0), mix(0)]
    for place, value in enumerate(values):
        bits = value % 2**64
        bits ^= bits >> 32
        for number in (0, 1):
            sums[number] = (sums[number] + bits * int(KEYS[number, place])) % 2**64
    return tuple(sums)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_a_chunk(values):
    assert hash_one(np.array(values, np.int64)) == hash_plainly(values)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint32, np.uint64])
def test_integers_of_other_widths_are_the_same(dtype):
    values = RNG.integers(0, 128, 9)
    assert hash_one(values.astype(dtype)) == hash_plainly(values.tolist())


def test_what_is_added_is_as_if_it_were_there():
    values = np.array([5, 6])
    added = hash_one(values, before=[1], after=[2], room=6)
    assert added == hash_one(np.array([1, 5, 6, 2, 7, 7]))


@pytest.mark.parametrize("place", [0, 1, 2**14 - 1, 2**14, 2**14 + 1, 40_000])
def test_each_value_of_a_long_chunk_counts(place):
    values = np.zeros(40_001, np.int32)
    other = values.copy()
    other[place] = 1
    first, second = hash_one(values), hash_one(other)
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_sections_have_not_the_same_hash_in_another_order():
    values = np.repeat(np.arange(2, dtype=np.int32), hashing.SECTION)
    assert hash_one(values) != hash_one(values[::-1].copy())


def test_columns_are_hashed_one_after_the_other():
    hashes = np.zeros((1, 2), np.uint64)
    one = np.array([0]), np.array([2]), np.array([2])
    swapped = hashes.copy()
    columns = np.array([1, 2]), np.array([3, 4])
    for number in (0, 1):
        hashing.hash_chunks(columns[number], *one, 0, 0, NOTHING, KEYS, hashes)
        hashing.hash_chunks(columns[1 - number], *one, 0, 0, NOTHING, KEYS, swapped)
    assert (hashes != swapped).all()


def cut(lengths, max_chunk, min_chunk, rule):
    columns = np.empty((3, 99), np.int64)
    n_chunks = hashing.cut_documents(
        np.array(lengths),
        max_chunk,
        min_chunk,
        rule == "split",
        rule == "truncate",
        *columns,
    )
    return columns[:, :n_chunks].T.tolist()


@pytest.mark.parametrize(
    ("rule", "min_chunk", "chunks"),
    [
        ("split", 1, [[1, 0, 3], [2, 0, 4], [3, 0, 4], [3, 4, 4], [3, 8, 1]]),
        ("split", 2, [[1, 0, 3], [2, 0, 4], [3, 0, 4], [3, 4, 4]]),
        ("truncate", 1, [[1, 0, 3], [2, 0, 4], [3, 0, 4]]),
        ("drop", 1, [[1, 0, 3], [2, 0, 4]]),
    ],
)
def test_documents_are_cut(rule, min_chunk, chunks):
    assert cut([0, 3, 4, 9], 4, min_chunk, rule) == chunks


def test_sums_do_not_depend_on_the_order():
    n = 20
    names = RNG.integers(0, 2**64, n, np.uint64)
    buckets, rooms = RNG.integers(0, 3, n), RNG.integers(1, 9, n)
    hashes = RNG.integers(0, 2**64, (n, 2), np.uint64)

    def add(order, names=names, rooms=rooms):
        sums = np.zeros((3, 2), np.uint64)
        arrays = [each[order] for each in (buckets, names, rooms, hashes)]
        hashing.add_to_buckets(*arrays, sums)
        return sums.tolist()

    order = np.arange(n)
    assert add(RNG.permutation(n)) == add(order)
    assert add(order, names=names[::-1].copy()) != add(order)
    assert add(order, rooms=rooms[::-1].copy()) != add(order)
    twice = np.append(order, 0)
    assert add(twice) != add(order)
