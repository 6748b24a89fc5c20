"""The index files of OLMo-core's packed dataset."""

import numpy as np
import polars as pl
import pytest

import fastpack
from fastpack import (
    DataError,
    OptionError,
    OptionTypeError,
    OutputExistsError,
    SourceNotFoundError,
)
from format_files import write_olmo

DOCUMENTS = [[1, 2, 3, 0], [4, 0], [5] * 9 + [0], [0]]

LENGTHS = [4, 2, 10, 1]


def test_the_arrays(tmp_path):
    source = write_olmo(tmp_path / "a.npy", DOCUMENTS)
    table = fastpack.pack(LENGTHS, context_length=8)
    work = tmp_path / "work"
    files = fastpack.write_olmo_index(table, str(source), str(work), context_length=8)
    names = ["document-indices", "instance-offsets", "documents-by-instance"]
    assert [path.name.rsplit("-", 2)[0] for path in files] == names
    assert all(path.parent == work / "dataset-common" for path in files)
    places, offsets, numbers = (np.fromfile(path, np.uint64).tolist() for path in files)
    assert numbers == list(range(len(places) // 2))
    tokens = [token for document in DOCUMENTS for token in document]
    chunks = [tokens[a:b] for a, b in zip(places[::2], places[1::2], strict=True)]
    for number, (first, last) in enumerate(
        zip(offsets[::2], offsets[1::2], strict=True)
    ):
        rows = table.filter(pl.col("bin") == number).sort("bin_offset")
        expected = [
            DOCUMENTS[row["document"]][row["chunk_start"] :][: row["chunk_length"]]
            for row in rows.iter_rows(named=True)
        ]
        assert chunks[first:last] == expected
    with pytest.raises(OutputExistsError):
        fastpack.write_olmo_index(table, str(source), str(work), context_length=8)


def test_bad_parameters(tmp_path):
    source = write_olmo(tmp_path / "a.npy", DOCUMENTS)
    table = fastpack.pack(LENGTHS, context_length=8)

    def write(source, context_length):
        fastpack.write_olmo_index(
            table, str(source), str(tmp_path), context_length=context_length
        )

    with pytest.raises(SourceNotFoundError, match=r"no such file: .*b\.npy"):
        write(tmp_path / "b.npy", 8)
    with pytest.raises(OptionTypeError, match="`context_length` must be an integer"):
        write(source, None)


@pytest.mark.parametrize(
    ("lengths", "rules", "error", "message"),
    [
        ([*LENGTHS, 1], {}, DataError, "documents from 0 to 4, the source 4"),
        ([5, 2, 10, 1], {}, DataError, "chunks behind the ends of their documents"),
        (LENGTHS, {"align": 4}, OptionError, "leaves gaps between chunks"),
        (LENGTHS, {"extra_tokens": 1}, OptionError, "leaves gaps between chunks"),
        (LENGTHS, {"long_documents": "drop"}, OptionError, "must be one of split, tr"),
    ],
)
def test_bad_input(tmp_path, lengths, rules, error, message):
    source = write_olmo(tmp_path / "a.npy", DOCUMENTS)
    table = fastpack.pack(lengths, context_length=8, **rules)
    long_documents = rules.get("long_documents", "split")
    with pytest.raises(error, match=message):
        fastpack.write_olmo_index(
            table,
            str(source),
            str(tmp_path),
            context_length=8,
            long_documents=long_documents,
        )
