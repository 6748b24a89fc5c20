"""PackedSequences: any sequence of an assignment, of tokens that lie anywhere."""

import multiprocessing
import operator
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastpack
from fastpack import (
    DataError,
    DataTypeError,
    OptionError,
    OptionTypeError,
    PackedSequences,
    SourceNotFoundError,
)
from strategies import options_of, packings

L = 8
LENGTHS = [3, 0, 20, 8, 5, 1, 2, 4]
BOUNDARIES = (
    "seq_lengths",
    "cu_seqlens",
    "seq_start_id",
    "position_ids",
    "segment_ids",
    "documents",
    "chunk_starts",
)


def make_documents(lengths, dtype=pl.Int32, name="input_ids"):
    """Return documents of which each token says where it is."""
    ends = np.cumsum(lengths, dtype=np.int64)
    tokens = np.arange(100, 100 + (ends[-1] if ends.size else 0))
    lists = [
        tokens[end - n : end].tolist() for end, n in zip(ends, lengths, strict=True)
    ]
    return pl.DataFrame({name: lists}, schema={name: pl.List(dtype)})


DOCUMENTS = make_documents(LENGTHS)
TABLE = fastpack.pack(LENGTHS, context_length=L)


def as_arrays(documents):
    """Return flat values and offsets."""
    lengths = documents.to_series().list.len().to_list()
    arrays = {
        name: documents[name].explode(empty_as_null=False).to_numpy()
        for name in documents.columns
    }
    return {**arrays, "offsets": np.cumsum([0, *lengths])}


def expected_sequences(documents, table, options, before=(), after=(), pad=None):
    """Build all sequences, in plain Python, with all boundaries."""
    sequences = []
    n_extra = len(before) + len(after)
    lists = documents.to_series().to_list()
    chunks = table.drop_nulls("bin").sort("bin", "bin_offset")
    for _, rows in chunks.group_by("bin", maintain_order=True):
        item = {"input_ids": [], "position_ids": [], "segment_ids": []}
        item |= {"seq_lengths": [], "cu_seqlens": [0]}
        columns = rows.select("document", "chunk_start", "chunk_length", "bin_offset")
        for number, (document, start, length, offset) in enumerate(columns.rows(), 1):
            tokens = lists[document][start : start + length]
            assert len(item["input_ids"]) == offset
            tokens = [*before, *tokens, *after]
            room = -(-len(tokens) // options.align) * options.align
            gap = room - len(tokens)
            item["input_ids"] += tokens + gap * [pad]
            item["position_ids"] += range(room)
            item["segment_ids"] += len(tokens) * [number] + gap * [0]
            item["seq_lengths"].append(length + n_extra)
            item["cu_seqlens"].append(len(item["input_ids"]))
        if pad is not None:
            n_pads = options.context_length - len(item["input_ids"])
            for name, value in (
                ("input_ids", pad),
                ("position_ids", 0),
                ("segment_ids", 0),
            ):
                item[name] += n_pads * [value]
        item["seq_start_id"] = item["cu_seqlens"][:-1]
        item["documents"] = rows["document"].to_list()
        item["chunk_starts"] = rows["chunk_start"].to_list()
        sequences.append(item)
    return sequences


def as_lists(items):
    return [{name: values.tolist() for name, values in item.items()} for item in items]


@given(packed=packings(), ids=st.booleans(), padded=st.booleans())
def test_all_sequences(packed, ids, padded):
    frame, rules, by, seed = packed
    options = options_of(rules, by, seed)
    if options["long_documents"] == "error":
        options["long_documents"] = "split"
    extra = min(options["extra_tokens"], 2)
    options["extra_tokens"] = extra
    before, after = ([1], [2]) if extra == 2 else ([1], []) if ids else ([], [2])
    if extra == 0:
        before, after = [], []
    pad = 0 if padded or options["align"] > 1 else None
    table = fastpack.pack(frame, **options)
    documents = make_documents(frame["n_tokens"].to_list())
    sequences = PackedSequences(
        table,
        as_arrays(documents),
        boundaries=BOUNDARIES,
        pad_id=pad,
        bos_id=before[0] if before else None,
        eos_id=after[0] if after else None,
        **options,
    )
    packing = fastpack.PackingOptions(**options)
    expected = expected_sequences(documents, table, packing, before, after, pad)
    assert as_lists(sequences) == expected
    assert len(sequences) == len(expected)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pad_id": 0, "align": 2},
        {"eos_id": 9, "min_chunk": 3, "block_documents": 3},
    ],
)
def test_the_rows_of_pack_tokens(options):
    documents = DOCUMENTS.with_columns(labels=pl.col("input_ids") * 2)
    asked = {"columns": "labels", "boundaries": BOUNDARIES[:5], **options}
    rows = fastpack.pack_tokens(documents, context_length=L, **asked)
    rules = {name: each for name, each in options.items() if not name.endswith("_id")}
    rules["extra_tokens"] = int("eos_id" in options)
    table = fastpack.pack(LENGTHS, context_length=L, **rules)
    asked["boundaries"] = ("documents", *BOUNDARIES[:5])
    sequences = PackedSequences(table, documents, context_length=L, **asked)
    assert as_lists(sequences) == rows.to_dicts()
    schema = {name: each.dtype for name, each in sequences[0].items()}
    assert schema == {
        name: rows[name].explode().to_numpy().dtype for name in rows.columns
    }


# Where tokens lie


def as_stream(documents, folder):
    documents.write_ipc_stream(folder / "tokens.arrow")
    return str(folder / "tokens.arrow")


def as_file(documents, folder, **options):
    documents.write_ipc(folder / "tokens.arrow", **options)
    return folder / "tokens.arrow"


def as_files(documents, folder):
    paths = []
    for number, rows in enumerate((documents[:0], documents[:5], documents[5:])):
        paths.append(folder / f"{number}.arrow")
        rows.write_ipc(paths[-1])
    return paths


def as_npy(documents, folder):
    paths = {}
    for name, array in as_arrays(documents).items():
        paths[name] = folder / f"{name}.npy"
        np.save(paths[name], array)
    return paths


def as_raw(documents, folder):
    mapped = {}
    for name, array in as_arrays(documents).items():
        array.tofile(folder / name)
        mapped[name] = np.memmap(folder / name, array.dtype, "r")
    return mapped


PLACES = {
    "frame": lambda documents, _: documents,
    "chunks": lambda documents, _: pl.concat(
        [documents[:3], documents[3:4], documents[4:]], rechunk=False
    ),
    "arrow table": lambda documents, _: documents.to_arrow(),
    "arrow file": as_file,
    "arrow batches": lambda *each: as_file(*each, record_batch_size=2),
    "arrow stream": as_stream,
    "arrow files": as_files,
    "arrays": lambda documents, _: as_arrays(documents),
    "npy": as_npy,
    "raw": as_raw,
}
"""The same documents in other places."""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dtype", [pl.UInt16, pl.Int64])
def test_tokens_anywhere(place, dtype, tmp_path):
    mask = make_documents(LENGTHS, pl.Float32, "mask")
    documents = make_documents(LENGTHS, dtype).hstack(mask)
    sequences = PackedSequences(
        TABLE, PLACES[place](documents, tmp_path), columns="mask", context_length=L
    )
    expected = expected_sequences(
        documents, TABLE, fastpack.PackingOptions(context_length=L)
    )
    for _ in range(2):
        for item, right in zip(sequences, expected, strict=True):
            assert list(item) == ["input_ids", "mask", "seq_lengths"]
            assert item["input_ids"].tolist() == item["mask"].tolist()
            assert item["input_ids"].tolist() == right["input_ids"]
            assert item["seq_lengths"].tolist() == right["seq_lengths"]
            assert item["input_ids"].dtype == str(dtype).lower()
            assert item["mask"].dtype == np.float32
        sequences = pickle.loads(pickle.dumps(sequences))


@pytest.mark.parametrize("place", ["frame", "arrays"])
def test_columns_of_booleans(place, tmp_path):
    documents = DOCUMENTS.with_columns(
        mask=pl.col("input_ids").list.eval(pl.element() % 3 == 0)
    )
    documents = PLACES[place](documents, tmp_path)
    sequences = PackedSequences(
        TABLE, documents, columns={"mask": True}, context_length=L, pad_id=0
    )
    for item in sequences:
        n_tokens = item["seq_lengths"].sum()
        right = np.where(np.arange(L) < n_tokens, item["input_ids"] % 3 == 0, True)
        assert item["mask"].dtype == bool
        assert (item["mask"] == right).all()


def test_a_column_of_half_floats():
    documents = DOCUMENTS.with_columns(
        weights=pl.col("input_ids").cast(pl.List(pl.Float16)) / 4
    )
    columns = {"weights": 0.25}
    sequences = PackedSequences(
        TABLE, documents, columns=columns, context_length=L, pad_id=1
    )
    for item in sequences:
        assert item["weights"].dtype == np.float16
        assert (item["weights"] == (item["input_ids"] / 4).astype(np.float16)).all()


def test_arrays_of_a_fixed_size(tmp_path):
    tokens = pl.Series("x", [[1, 2], [3, 4], [5, 6]], dtype=pl.Array(pl.Int16, 2))
    tokens.to_frame().write_ipc(tmp_path / "x.arrow", record_batch_size=2)
    table = fastpack.pack([2, 2, 2], context_length=4)
    for documents in (tokens, tmp_path / "x.arrow"):
        sequences = PackedSequences(table, documents, "x", context_length=4)
        assert [item["x"].tolist() for item in sequences] == [[1, 2, 3, 4], [5, 6]]


def test_a_part_of_a_mapped_file_is_mapped_again(tmp_path):
    documents = as_raw(DOCUMENTS, tmp_path)
    arrays = as_arrays(DOCUMENTS)
    np.concatenate([[7, 7], arrays["input_ids"]]).astype(np.int32).tofile(
        tmp_path / "b"
    )
    mapped = np.memmap(tmp_path / "b", np.int32, "r", offset=4)[1:]
    documents["input_ids"] = np.asarray(mapped)
    sequences = PackedSequences(TABLE, documents, context_length=L)
    again = pickle.loads(pickle.dumps(sequences))
    assert as_lists(again) == as_lists(sequences)
    assert as_lists(again) == as_lists(
        PackedSequences(TABLE, DOCUMENTS, context_length=L)
    )


# Indices


def test_indices():
    sequences = PackedSequences(TABLE, DOCUMENTS, context_length=L)
    items = as_lists(sequences)
    n = len(sequences)
    assert n == len(items) == TABLE["bin"].max() + 1
    assert as_lists([sequences[-1], sequences[np.int32(2)], sequences[-n]]) == [
        items[-1],
        items[2],
        items[0],
    ]
    assert as_lists(sequences[1:3]) == items[1:3]
    assert as_lists(sequences[::-2]) == items[::-2]
    assert sequences[5:3] == []
    for several in ([2, 0, -1], np.array([2, 0, n - 1]), (2, 0, -1)):
        assert as_lists(sequences[several]) == [items[2], items[0], items[-1]]
    for number in (n, -n - 1, 2**40):
        message = rf"sequence {number:,} is out of range: there are {n}"
        with pytest.raises(IndexError, match=message):
            sequences[number]
    for index in ("0", 1.0, None):
        with pytest.raises(OptionTypeError, match=f"got {index!r}\nHint: such as"):
            sequences[index]
    for index in ([1.5], ["0"], np.array([True])):
        with pytest.raises((TypeError, DeprecationWarning)):  # NumPy before 2.3 warns
            sequences[index]
    assert repr(sequences) == f"<PackedSequences: {n} of 8 tokens, input_ids int32>"


def test_items_are_copies():
    documents = as_arrays(DOCUMENTS)
    sequences = PackedSequences(
        TABLE, documents, context_length=L, boundaries=BOUNDARIES
    )
    items = as_lists(sequences)
    for item in sequences:
        for name in item:
            item[name] += 1
    assert as_lists(sequences) == items


def test_no_documents():
    table = fastpack.pack([0, 0], context_length=L)
    sequences = PackedSequences(
        table,
        {"input_ids": np.zeros(0, np.int8), "offsets": np.zeros(3, int)},
        context_length=L,
    )
    assert len(sequences) == 0
    assert sequences[:] == []


# Assignments in files


def write_assignment(folder, keep=None, **options):
    """Write documents and their assignment, in two shards; return both paths."""
    for number, rows in enumerate((slice(0, 3), slice(3, None))):
        part = DOCUMENTS.with_row_index("id")[rows]
        (folder / "corpus").mkdir(exist_ok=True)
        part.write_parquet(folder / f"corpus/{number}.parquet")
    fastpack.pack_files(
        folder / "corpus",
        folder / "assignment",
        pl.col("input_ids").list.len(),
        keep=keep,
        context_length=L,
        **options,
    )
    return folder / "assignment"


@pytest.mark.parametrize("keep", [None, "id"])
def test_the_folder_of_a_run(keep, tmp_path):
    folder = write_assignment(tmp_path, keep, extra_tokens=1)
    DOCUMENTS.write_ipc(tmp_path / "tokens.arrow")
    sequences = PackedSequences(
        folder, tmp_path / "tokens.arrow", eos_id=7, boundaries="documents"
    )
    table = fastpack.pack(LENGTHS, context_length=L, extra_tokens=1)
    right = PackedSequences(
        table, DOCUMENTS, eos_id=7, context_length=L, boundaries="documents"
    )
    assert sequences.context_length == L
    assert as_lists(sequences) == as_lists(right)
    pickled = pickle.dumps(sequences)
    assert len(pickled) < 3000
    assert as_lists(pickle.loads(pickled)) == as_lists(right)


def test_the_file_of_an_assignment(tmp_path):
    TABLE.write_parquet(tmp_path / "table.parquet")
    with pytest.raises(OptionError, match="`context_length` is not given"):
        PackedSequences(tmp_path / "table.parquet", DOCUMENTS)
    sequences = PackedSequences(tmp_path / "table.parquet", DOCUMENTS, context_length=L)
    lazy = PackedSequences(
        pl.scan_parquet(tmp_path / "table.parquet"), DOCUMENTS, context_length=L
    )
    assert as_lists(sequences) == as_lists(lazy)


def test_a_table_in_any_order_that_numbers_its_documents():
    table = TABLE.sort("bin", "bin_offset", nulls_last=True)
    sequences = PackedSequences(table, DOCUMENTS, context_length=L)
    right = PackedSequences(TABLE, DOCUMENTS, context_length=L)
    assert as_lists(sequences) == as_lists(right)


def test_columns_of_other_integer_types():
    right = as_lists(PackedSequences(TABLE, DOCUMENTS, context_length=L))
    for table in (
        TABLE.to_pandas(),
        TABLE.cast({"document": pl.UInt8, "bin": pl.Int128}),
    ):
        assert as_lists(PackedSequences(table, DOCUMENTS, context_length=L)) == right


def test_other_rules_than_those_of_the_files(tmp_path):
    folder = write_assignment(tmp_path)
    with pytest.raises(OptionError, match="`context_length` was given as 16"):
        PackedSequences(folder, DOCUMENTS, context_length=16)
    with pytest.raises(OptionError, match="`align` was given as 2"):
        PackedSequences(folder, DOCUMENTS, align=2)
    with pytest.raises(OptionError, match="`extra_tokens` is 0, but"):
        PackedSequences(folder, DOCUMENTS, eos_id=2)
    assert len(PackedSequences(folder, DOCUMENTS, context_length=8, align=1))


def test_folders_that_are_no_run(tmp_path):
    with pytest.raises(SourceNotFoundError, match="no assignment at"):
        PackedSequences(tmp_path / "nowhere", DOCUMENTS)
    with pytest.raises(SourceNotFoundError, match="holds no assignment"):
        PackedSequences(tmp_path, DOCUMENTS)
    folder = write_assignment(tmp_path)
    other = folder / "other.parquet"
    TABLE.write_parquet(other)
    with pytest.raises(DataError, match=r"other\.parquet is no file of a run"):
        PackedSequences(folder, DOCUMENTS)
    other.unlink()
    first = (folder / "0.parquet").read_bytes()
    (folder / "0.parquet").unlink()
    with pytest.raises(DataError, match="is not complete"):
        PackedSequences(folder, DOCUMENTS)
    (folder / "0.parquet").write_bytes(first)
    (folder / "1.parquet").unlink()
    with pytest.raises(DataError, match="has 3 documents, and `documents` 8"):
        PackedSequences(folder, DOCUMENTS)
    (folder / "x.txt").write_text("no Parquet")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        PackedSequences(folder / "x.txt", DOCUMENTS)


def test_a_folder_of_sequences(tmp_path, small_batches):
    small_batches(block=40)
    write_assignment(tmp_path)
    target = tmp_path / "sequences"
    account = fastpack.pack_token_files(tmp_path / "corpus", target, context_length=L)
    assert account.n_blocks == 2  # and a last one, which begins with no document
    with pytest.raises(DataError, match=r"\.parquet is no file of a run that assigned"):
        PackedSequences(target, DOCUMENTS)


# Other processes


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork, while threads run
def test_in_processes(method, tmp_path):
    folder = write_assignment(tmp_path)
    documents = as_npy(DOCUMENTS, tmp_path)
    sequences = PackedSequences(folder, documents)
    context = multiprocessing.get_context(method)
    if method == "fork":  # it is shared, not pickled
        with context.Pool(2, initializer=_share, initargs=(sequences,)) as pool:
            found = pool.map(_shared_tokens, range(len(sequences)))
    else:
        with ProcessPoolExecutor(2, context) as pool:
            numbers = range(len(sequences))
            items = pool.map(operator.getitem, [sequences] * len(numbers), numbers)
            found = [item["input_ids"].tolist() for item in items]
    assert found == [item["input_ids"].tolist() for item in sequences]


def _share(sequences):
    global _SHARED  # noqa: PLW0603 -- one a process
    _SHARED = sequences


def _shared_tokens(number):
    return _SHARED[number]["input_ids"].tolist()


def test_files_that_changed_since(tmp_path):
    folder = write_assignment(tmp_path)
    documents = as_npy(DOCUMENTS, tmp_path)
    pickled = pickle.dumps(PackedSequences(folder, documents))
    in_memory = pickle.dumps(PackedSequences(TABLE, documents, context_length=L))
    np.save(documents["input_ids"], np.arange(3))
    for each in (pickled, in_memory):
        with pytest.raises(DataError, match=r"input_ids\.npy cannot be mapped"):
            pickle.loads(each)
    documents["input_ids"].unlink()
    with pytest.raises(
        SourceNotFoundError, match=r"no file of tokens: .*input_ids\.npy"
    ):
        pickle.loads(in_memory)
    path = as_file(DOCUMENTS, tmp_path)
    pickled = pickle.dumps(PackedSequences(TABLE, path, context_length=L))
    DOCUMENTS[1:].write_ipc(path)
    with pytest.raises(DataError, match="the files of packed sequences were changed"):
        pickle.loads(pickled)


# Bad input


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (LENGTHS[:-1], "has 8 documents, and `documents` 7"),
        ([*LENGTHS, 1], "has 8 documents, and `documents` 9"),
        ([3, 0, 20, 8, 4, 1, 2, 4], "a chunk that is not in its document 4"),
        (
            [3, 0, 20, 8, 6, 1, 2, 4],
            "document 4 has 6 tokens, and the assignment packs 5",
        ),
        (
            [3, 1, 20, 8, 5, 1, 2, 4],
            "document 1 has 1 tokens, and the assignment packs 0",
        ),
        ([3, 0, 21, 8, 5, 1, 2, 4], "document 2 has 21 tokens"),
        (LENGTHS[::-1], "a chunk that is not in its document"),
    ],
)
def test_documents_that_were_not_packed(lengths, message):
    with pytest.raises(DataError, match=message):
        PackedSequences(TABLE, make_documents(lengths), context_length=L)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"bin_offset": pl.col("bin_offset") + 1},
            "begins outside of its bin|is not filled",
        ),
        ({"bin": pl.col("bin") + 1}, "bin 0 is not filled"),
        ({"bin": pl.col("bin") * 2**40}, "bin 1 is not filled"),
        ({"bin": pl.lit(None, pl.Int64)}, "a chunk without a bin"),
        ({"bin": pl.lit(0)}, "a bin without a chunk"),
        ({"document": pl.lit(0)}, "has 1 documents, and `documents` 8"),
        ({"document": pl.col("document") - 1}, "has 7 documents, and `documents` 8"),
        (
            {"document": pl.col("document").replace({0: -5})},
            "row 0 .* names no document",
        ),
        ({"chunk_start": pl.lit(2**62)}, "that is not in its document"),
        ({"chunk_start": pl.col("chunk_start") - 1}, "that is not in its document"),
        ({"chunk_length": pl.lit(2**40)}, "that is not in its document"),
        ({"chunk_length": -pl.col("chunk_length")}, "that is not in its document"),
    ],
)
def test_tables_that_are_no_assignment(change, message):
    with pytest.raises(DataError, match=message):
        PackedSequences(TABLE.with_columns(**change), DOCUMENTS, context_length=L)


def test_a_part_of_a_table():
    with pytest.raises(
        DataError, match=r"documents, and `documents` 8|packs 0 of them"
    ):
        PackedSequences(TABLE.filter(pl.col("bin") < 2), DOCUMENTS, context_length=L)
    with pytest.raises(DataError, match="column that is absent: 'bin'"):
        PackedSequences(TABLE.drop("bin"), DOCUMENTS, context_length=L)


def test_other_rules():
    for rules in ({"eos_id": 1}, {"align": 2, "pad_id": 0}, {"context_length": 7}):
        with pytest.raises(DataError, match=r"is not filled|not in its|outside|packs"):
            PackedSequences(TABLE, DOCUMENTS, **{"context_length": L, **rules})


ARRAYS = as_arrays(DOCUMENTS)


@pytest.mark.parametrize(
    ("documents", "error", "message"),
    [
        ({"input_ids": ARRAYS["input_ids"]}, DataError, "absent: 'offsets'"),
        ({**ARRAYS, "offsets": [0]}, DataTypeError, "must be a 1-D array"),
        (
            {**ARRAYS, "input_ids": np.zeros((2, 2))},
            DataTypeError,
            r"of shape \(2, 2\)",
        ),
        ({**ARRAYS, "input_ids": np.zeros(43)}, DataTypeError, "lists of integers"),
        ({**ARRAYS, "input_ids": np.array(["a"])}, DataTypeError, "got <U1"),
        ({**ARRAYS, "offsets": ARRAYS["offsets"] + 1}, DataError, "must begin with 0"),
        (
            {**ARRAYS, "offsets": ARRAYS["offsets"][::-1] - 43},
            DataError,
            "begin with 0",
        ),
        (
            {**ARRAYS, "offsets": ARRAYS["offsets"] * 1.0},
            DataTypeError,
            "n \\+ 1 integers",
        ),
        (
            {**ARRAYS, "offsets": ARRAYS["offsets"][:0]},
            DataTypeError,
            "n \\+ 1 integers",
        ),
        ({**ARRAYS, "input_ids": ARRAYS["input_ids"][1:]}, DataError, "has 42 values"),
        ({**ARRAYS, "offsets": np.array([0, 5, 3, 43])}, DataError, "got 3 in row 2"),
        ({**ARRAYS, "input_ids": "x.npy"}, SourceNotFoundError, "no file of tokens"),
        (DOCUMENTS.lazy(), DataTypeError, "is a LazyFrame"),
        (DOCUMENTS.rename({"input_ids": "x"}), DataError, "absent: 'input_ids'"),
        (DOCUMENTS.select(input_ids=1.5), DataTypeError, "must hold lists of integers"),
        ("x.parquet", DataError, "must be Arrow IPC files"),
        ("x.npy", DataError, "arrays go by name"),
        ("x.arrow", SourceNotFoundError, "no file of tokens"),
        ([], DataError, "`documents` is empty"),
        (7, DataTypeError, "cannot be read as a table"),
    ],
)
def test_documents_that_cannot_be_read(documents, error, message):
    with pytest.raises(error, match=message):
        PackedSequences(TABLE, documents, context_length=L)


def test_files_that_cannot_be_mapped(tmp_path):
    path = tmp_path / "tokens.arrow"

    def check(message, error=DataError, documents=path, **options):
        with pytest.raises(error, match=message):
            PackedSequences(TABLE, documents, context_length=L, **options)

    DOCUMENTS.write_ipc(path, compression="lz4")
    check(r"tokens\.arrow: `input_ids` cannot be mapped: it is compressed")
    DOCUMENTS.select(input_ids=pl.col("input_ids").cast(pl.List(pl.Boolean))).write_ipc(
        path
    )
    check("must hold lists of integers", DataTypeError)
    mask = pl.col("input_ids").cast(pl.List(pl.Boolean)).alias("mask")
    DOCUMENTS.with_columns(mask).write_ipc(path)
    check("or holds booleans", columns="mask")
    check(r"tokens\.arrow: `documents` names a column that is absent", columns="x")
    offsets = np.cumsum([0, *DOCUMENTS["input_ids"].list.len()], dtype=np.int64)
    DOCUMENTS.select("input_ids").write_ipc(path, compression="uncompressed")
    falling = offsets.copy()
    falling[3] = 0
    content = path.read_bytes()
    assert offsets.tobytes() in content
    path.write_bytes(content.replace(offsets.tobytes(), falling.tobytes()))
    check("the offsets of `input_ids` fall")
    (tmp_path / "empty.npy").touch()
    arrays = {"input_ids": tmp_path / "empty.npy", "offsets": np.array([0])}
    check("No data left in file", documents=arrays)
    path.write_bytes(b"ARROW1 and nothing else")
    check("cannot be mapped")
    path.write_bytes(b"")
    check("cannot be mapped")
    other = tmp_path / "other.arrow"
    make_documents(LENGTHS[:3]).write_ipc(path)
    make_documents(LENGTHS[3:], pl.Int64).write_ipc(other)
    check("give it the same type", DataTypeError, [path, other])
    np.savez(tmp_path / "x.npy", a=np.arange(3))
    (tmp_path / "x.npy.npz").rename(tmp_path / "x.npy")
    documents = {**ARRAYS, "input_ids": tmp_path / "x.npy"}
    check("holds several arrays", DataTypeError, documents)
    (tmp_path / "x.npy").write_bytes(b"no array")
    check("cannot be mapped", documents=documents)


@pytest.mark.parametrize("path", ["tokens.arrow", None])
def test_nulls(path, tmp_path):
    lists = DOCUMENTS["input_ids"].to_list()
    for changed, message in (
        ([*lists[:5], None, *lists[6:]], "has null lists: 1, the first in row 5"),
        ([*lists[:6], [None, 1], lists[7]], "has null values, the first in row 6"),
    ):
        documents = pl.DataFrame({"input_ids": changed}, schema=DOCUMENTS.schema)
        if path is not None:
            documents.write_ipc(tmp_path / path, record_batch_size=2)
            documents = tmp_path / path
        with pytest.raises(DataError, match=message):
            PackedSequences(TABLE, documents, context_length=L)


def test_arrow_files_need_pyarrow(tmp_path, monkeypatch):
    DOCUMENTS.write_ipc(tmp_path / "tokens.arrow")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(fastpack.MissingExtraError, match="without PyArrow"):
        PackedSequences(TABLE, tmp_path / "tokens.arrow", context_length=L)


def test_columns_that_are_not_in_lockstep():
    documents = DOCUMENTS.with_columns(labels=pl.col("input_ids").list.head(7))
    with pytest.raises(DataError, match=r"`labels` is not in lockstep .* in row 2"):
        PackedSequences(TABLE, documents, columns="labels", context_length=L)


def test_options():
    def check(error, message, **options):
        with pytest.raises(error, match=message):
            PackedSequences(TABLE, DOCUMENTS, **{"context_length": L, **options})

    check(OptionError, "`context_length` is not given", context_length=None)
    text = "unknown name: 'cu_seqlen'\nHint: .*'chunk_starts', 'documents'"
    check(OptionError, text, boundaries=["cu_seqlen"])
    for wrong in (3, None, ["documents", 3]):
        check(OptionTypeError, "`boundaries` must be names, got", boundaries=wrong)
    check(OptionTypeError, "`pad_id` must be an integer", pad_id=1.5)
    check(OptionError, "`pad_id` .* does not fit", pad_id=2**31)
    check(OptionError, "no `pad_id`", align=2)
    check(OptionError, "`extra_tokens` is 1, but", extra_tokens=1)
    check(OptionTypeError, "`tokens` must be a column's name", tokens=pl.col("x"))
