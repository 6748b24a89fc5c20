"""The owners of the formats read what is written here, if they are installed."""

import json
import warnings
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastpack
from fastpack.files.formats.format import Request
from fastpack.files.formats.registry import scan_source
from format_files import DOCUMENTS, L, frame_of, write_olmo
from strategies import sequences

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # theirs
    pytest.mark.slow,  # to import: seconds each
]

few = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])

PADS = st.sampled_from([None, 0])

CORPORA = st.lists(st.lists(st.integers(1, 65535), max_size=9), max_size=9)


def owner(module):
    """Import a library of others, whatever it warns of; skip the test without it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(module, exc_type=ImportError)


@few
@given(sequences().filter(bool), PADS)  # their reader cannot map an empty file
def test_megatron_core(tmp_path_factory, chunks, pad):
    indexed = owner("megatron.core.datasets.indexed_dataset")
    folder = tmp_path_factory.mktemp("out")
    fastpack.write_sequences(frame_of(chunks, pad), folder / "a.idx")
    dataset = indexed.IndexedDataset(str(folder / "a"))
    bounds = dataset.document_indices.tolist()
    documents = [
        [dataset[number].tolist() for number in range(first, last)]
        for first, last in pairwise(bounds)
    ]
    rests = [0 if pad is None else L - sum(map(len, row)) for row in chunks]
    assert documents == [
        row + [[pad] * rest] * bool(rest)
        for row, rest in zip(chunks, rests, strict=True)
    ]


@few
@given(st.lists(st.lists(st.lists(st.integers(1, 65535), max_size=4))))
def test_what_megatron_core_writes(tmp_path_factory, documents):
    """Documents of several parts."""
    indexed = owner("megatron.core.datasets.indexed_dataset")
    torch = owner("torch")
    folder = tmp_path_factory.mktemp("out")
    builder = indexed.IndexedDatasetBuilder(str(folder / "a.bin"), np.uint16)
    joined = [[token for part in parts for token in part] for parts in documents]
    for parts, tokens in zip(documents, joined, strict=True):
        tensor = torch.tensor(tokens, dtype=torch.int64)
        builder.add_document(tensor, [len(part) for part in parts])
    builder.finalize(str(folder / "a.idx"))
    assert read_tokens(folder / "a.idx") == joined


def read_tokens(path):
    return scan_source(path, Request()).collect()["input_ids"].to_list()


@few
@given(sequences(), PADS)
def test_datasets(tmp_path_factory, chunks, pad):
    datasets = owner("datasets")
    output = tmp_path_factory.mktemp("out") / "dataset"
    frame = frame_of(chunks, pad)
    fastpack.write_sequences(frame, output, output_format="huggingface")
    dataset = datasets.load_from_disk(str(output))
    assert dataset.to_dict() == frame.to_dict(as_series=False)


@few
@given(CORPORA, st.integers(1, 3))
def test_what_datasets_writes(tmp_path_factory, documents, n_files):
    datasets = owner("datasets")
    folder = tmp_path_factory.mktemp("out")
    features = datasets.Features({"input_ids": datasets.List(datasets.Value("int32"))})
    dataset = datasets.Dataset.from_dict({"input_ids": documents}, features=features)
    n_files = max(1, min(n_files, len(documents)))
    dataset.save_to_disk(str(folder / "a"), num_shards=n_files)
    assert read_tokens(folder / "a") == documents


def test_datasets_with_an_indices_mapping(tmp_path):
    """What `save_to_disk` makes of a selection today: rows in their new order."""
    datasets = owner("datasets")
    dataset = datasets.Dataset.from_dict({"input_ids": DOCUMENTS})
    order = [3, 0, 0, 6]
    dataset.select(order).save_to_disk(str(tmp_path / "selected"))
    frame = scan_source(tmp_path / "selected", Request()).collect()
    assert frame["input_ids"].to_list() == [DOCUMENTS[row] for row in order]


@few
@given(sequences(), PADS)
def test_mosaicml_streaming(tmp_path_factory, chunks, pad):
    """Shards alone: a StreamingDataset takes a second to begin with."""
    formats = owner("streaming.base.format")
    folder = tmp_path_factory.mktemp("out") / "mds"
    frame = frame_of(chunks, pad).with_row_index("n").with_columns(id=pl.lit("é"))
    fastpack.write_sequences(frame, folder, output_format="mds")
    shards = json.loads((folder / "index.json").read_text())["shards"]
    readers = [formats.reader_from_json(str(folder), None, shard) for shard in shards]
    samples = [sample for reader in readers for sample in reader]
    assert [
        {name: np.asarray(value).tolist() for name, value in sample.items()}
        for sample in samples
    ] == frame.to_dicts()


def test_a_dataset_of_mosaicml_streaming(tmp_path):
    streaming = owner("streaming")
    frame = frame_of([[[1, 2, 3], [4, 5]], [[6] * 8], [[7], [8], [9]]], 0)
    fastpack.write_sequences(frame, tmp_path / "mds", output_format="mds")
    dataset = streaming.StreamingDataset(local=str(tmp_path / "mds"), batch_size=1)
    found = [sample["input_ids"].tolist() for sample in dataset]
    assert sorted(found) == sorted(frame["input_ids"].to_list())


@pytest.mark.parametrize("long_documents", ["split", "truncate"])
def test_olmo_core(tmp_path, monkeypatch, long_documents):
    numpy_dataset = owner("olmo_core.data.numpy_dataset")
    types = owner("olmo_core.data.types")
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 99, 40).tolist()
    documents = [[*rng.integers(1, 60_000, n).tolist(), 0] for n in lengths]
    source = str(write_olmo(tmp_path / "a.npy", documents))
    counts = [len(document) for document in documents]
    settings = {"context_length": 64, "long_documents": long_documents}
    table = fastpack.pack(counts, **settings)
    work = tmp_path / "work"
    fastpack.write_olmo_index(table, source, str(work), **settings)
    strategy = {"split": "fragment"}.get(long_documents, long_documents)
    dataset = numpy_dataset.NumpyPackedFSLDataset(
        source,
        sequence_length=64,
        pad_token_id=1,
        eos_token_id=0,
        vocab_size=65_536,
        long_doc_strategy=types.LongDocStrategy(strategy),
    )
    dataset.work_dir = work
    monkeypatch.setattr(dataset, "_pack_documents_from_source_into_instances", None)
    dataset.prepare()
    expected = [
        [
            token
            for document, start, length in rows.sort("bin_offset")
            .select("document", "chunk_start", "chunk_length")
            .rows()
            for token in documents[document][start : start + length]
        ]
        for rows in table.drop_nulls("bin").sort("bin").partition_by("bin")
    ]
    found = [dataset[number]["input_ids"].tolist() for number in range(len(dataset))]
    assert found == [row + [1] * (64 - len(row)) for row in expected]


@few
@given(CORPORA, st.sampled_from(["a.tar", "a.tar.gz"]), st.booleans())
def test_webdataset(tmp_path_factory, documents, name, as_json):
    webdataset = owner("webdataset")
    path = tmp_path_factory.mktemp("out") / name
    with webdataset.TarWriter(str(path)) as writer:
        for number, document in enumerate(documents):
            sample = {"tokens.npy": np.array(document, np.int32), "meta.json": {"n": 1}}
            if as_json:
                sample = {"tokens.json": document, "url": "here"}
            writer.write({"__key__": f"{number}", **sample})
    frame = scan_source(path, Request()).collect()
    assert frame["input_ids"].to_list() == documents
    assert frame["__key__"].to_list() == [str(row) for row in range(len(documents))]
    theirs = webdataset.WebDataset(
        str(path), shardshuffle=False, empty_check=False
    ).decode()
    suffix = "tokens.json" if as_json else "tokens.npy"
    assert [np.asarray(sample[suffix]).tolist() for sample in theirs] == documents


@few
@given(CORPORA, st.sampled_from([2, 4]))
def test_datatrove(tmp_path_factory, documents, n_bytes):
    tokenizer = owner("datatrove.pipeline.tokens.tokenizer")
    folder = tmp_path_factory.mktemp("out")
    file = tokenizer.TokenizedFile(str(folder), "a.ds", token_size=n_bytes)
    for document in documents:
        file.write(document, None)
    file.close()
    frame = scan_source(folder / "a.ds", Request()).collect()
    assert frame["input_ids"].to_list() == documents
    assert frame["n_tokens"].to_list() == list(map(len, documents))


@few
@given(CORPORA)
def test_what_olmo_core_writes(tmp_path_factory, documents):
    utils = owner("olmo_core.data.utils")
    path = tmp_path_factory.mktemp("out") / "a.npy"
    ended = [[*document, 0] for document in documents]
    np.array([token for row in ended for token in row], np.uint16).tofile(path)
    if documents:
        utils.write_document_indices(path, dtype=np.uint16, eos_token_id=0)
        assert read_tokens(path) == ended
