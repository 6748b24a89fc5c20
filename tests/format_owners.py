"""Write the files in files/formats/owners/, by the libraries that own their formats.

The tests read them where these libraries are not installed. They were written by
megatron-core 0.16.1, datatrove 0.10.1, datasets 5.2.0, webdataset 1.0.2, ai2-olmo-core
3.0.0, NumPy 2.4.6 and mosaicml-streaming 0.13.0; huggingface-1 by datasets 1.5.0, the
last that kept an indices mapping. Each is written where its library is installed:

    python tests/format_owners.py
"""

import shutil
from contextlib import suppress

import numpy as np

from format_files import DOCUMENTS, ENDED, ORDER, OWNERS, PARTS, flatten


def write_megatron():
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    for name, parts in (("megatron", None), ("parts", PARTS)):
        builder = IndexedDatasetBuilder(str(OWNERS / f"{name}.bin"), np.uint16)
        for number, document in enumerate(DOCUMENTS):
            lengths = [len(document)] if parts is None else parts[number]
            tokens = torch.tensor(document, dtype=torch.int64)
            builder.add_document(tokens, lengths)
        builder.finalize(str(OWNERS / f"{name}.idx"))


def write_datatrove():
    from datatrove.pipeline.tokens.tokenizer import TokenizedFile

    file = TokenizedFile(str(OWNERS), "datatrove.ds", token_size=2)
    for document in DOCUMENTS:
        file.write(document, None)
    file.close()


def write_olmo():
    from olmo_core.data.utils import write_document_indices

    path = OWNERS / "olmo.npy"
    flatten(ENDED).tofile(path)
    write_document_indices(path, dtype=np.uint16, eos_token_id=0)


def write_huggingface():
    import datasets

    columns = {
        "input_ids": DOCUMENTS,
        "name": [f"document {number}" for number in range(len(DOCUMENTS))],
    }
    if datasets.__version__.startswith("1."):
        dataset = datasets.Dataset.from_dict(columns)
        dataset.select(ORDER).save_to_disk(str(OWNERS / "huggingface-1"))
        return
    dataset = datasets.Dataset.from_dict(columns)
    tokens = datasets.List(datasets.Value("uint16"))
    dataset = dataset.cast_column("input_ids", tokens)
    dataset.save_to_disk(str(OWNERS / "huggingface"), num_shards=2)


def write_webdataset():
    import webdataset

    with webdataset.TarWriter(str(OWNERS / "webdataset.tar"), mtime=0) as writer:
        for number, document in enumerate(DOCUMENTS):
            sample = {"__key__": f"documents/{number}", "input_ids.npy": document}
            writer.write({**sample, "input_ids.npy": np.array(document, np.uint16)})


def write_numpy():
    np.save(OWNERS / "lengths.npy", np.array(list(map(len, DOCUMENTS)), np.int32))
    np.save(OWNERS / "offsets.npy", np.cumsum([0, *map(len, DOCUMENTS)]))


def write_mds():
    from streaming import MDSWriter

    folder = OWNERS / "mds"
    shutil.rmtree(folder, ignore_errors=True)
    columns = {"input_ids": "ndarray:uint16", "seq_lengths": "ndarray:int32"}
    with MDSWriter(out=str(folder), columns=columns) as writer:
        for document in ENDED:
            writer.write(
                {
                    "input_ids": np.array(document, np.uint16),
                    "seq_lengths": np.array([len(document)], np.int32),
                }
            )


if __name__ == "__main__":
    OWNERS.mkdir(exist_ok=True)
    for write in (
        write_megatron,
        write_datatrove,
        write_olmo,
        write_huggingface,
        write_webdataset,
        write_numpy,
        write_mds,
    ):
        with suppress(ImportError):
            write()
