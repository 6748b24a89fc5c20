"""The owners of the formats read what is written here, if they are installed."""

import warnings
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack.files.formats.format import Request
from fastpack.files.formats.registry import scan_source
from format_files import DOCUMENTS, write_olmo

CHUNKS = [[[1, 2, 3], [4, 5]], [[6] * 8], [[7], [8], [9]]]

PADDED = [[1, 2, 3, 4, 5, 0, 0, 0], [6] * 8, [7, 8, 9, 0, 0, 0, 0, 0]]

SEQUENCES = pl.DataFrame(
    {
        "input_ids": pl.Series(PADDED, dtype=pl.List(pl.UInt16)),
        "seq_lengths": pl.Series(
            [list(map(len, row)) for row in CHUNKS], dtype=pl.List(pl.Int32)
        ),
    }
)


def owner(module):
    """Import a library of others, whatever it warns of; skip the test without it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(module, exc_type=ImportError)


@pytest.mark.filterwarnings("ignore")
def test_megatron_core(tmp_path):
    indexed = owner("megatron.core.datasets.indexed_dataset")
    fastpack.write_sequences(SEQUENCES, tmp_path / "a.idx")
    dataset = indexed.IndexedDataset(str(tmp_path / "a"))
    bounds = dataset.document_indices.tolist()
    documents = [
        [dataset[number].tolist() for number in range(first, last)]
        for first, last in pairwise(bounds)
    ]
    padding = [[[0, 0, 0]], [], [[0] * 5]]
    assert documents == [a + b for a, b in zip(CHUNKS, padding, strict=True)]


@pytest.mark.filterwarnings("ignore")
def test_datasets(tmp_path):
    datasets = owner("datasets")
    for number, frame in enumerate((SEQUENCES, SEQUENCES.clear())):
        output = tmp_path / str(number)
        fastpack.write_sequences(frame, output, output_format="huggingface")
        dataset = datasets.load_from_disk(str(output))
        assert dataset.to_dict() == frame.to_dict(as_series=False)


@pytest.mark.filterwarnings("ignore")
def test_datasets_with_an_indices_mapping(tmp_path):
    """What `save_to_disk` makes of a selection today: rows in their new order."""
    datasets = owner("datasets")
    dataset = datasets.Dataset.from_dict({"input_ids": DOCUMENTS})
    order = [3, 0, 0, 6]
    dataset.select(order).save_to_disk(str(tmp_path / "selected"))
    frame = scan_source(tmp_path / "selected", Request()).collect()
    assert frame["input_ids"].to_list() == [DOCUMENTS[row] for row in order]


@pytest.mark.filterwarnings("ignore")
def test_mosaicml_streaming(tmp_path):
    streaming = owner("streaming")
    fastpack.write_sequences(SEQUENCES, tmp_path / "mds", output_format="mds")
    dataset = streaming.StreamingDataset(local=str(tmp_path / "mds"), batch_size=1)
    found = sorted(
        (sample["input_ids"].tolist(), sample["seq_lengths"].tolist())
        for sample in dataset
    )
    assert found == sorted(SEQUENCES.rows())


@pytest.mark.filterwarnings("ignore")
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


@pytest.mark.filterwarnings("ignore")
def test_webdataset(tmp_path):
    webdataset = owner("webdataset")
    with webdataset.TarWriter(str(tmp_path / "a.tar")) as writer:
        for number, document in enumerate(DOCUMENTS):
            tokens = np.array(document, np.int32)
            sample = {"tokens.npy": tokens, "meta.json": {"n": number}}
            writer.write({"__key__": f"{number}", **sample})
    frame = scan_source(tmp_path / "a.tar", Request()).collect()
    assert frame["input_ids"].to_list() == DOCUMENTS
    assert frame["__key__"].to_list() == [str(row) for row in range(len(DOCUMENTS))]
