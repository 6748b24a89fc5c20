"""Where documents come from and sequences go to: the examples of the README."""

from itertools import chain, pairwise

import polars as pl
import pytest

import fastpack
from command_line import run_code

DOCUMENTS = {"input_ids": [[1, 2, 3, 4, 5], [6, 7], [8, 9, 10], [11]]}

SEQUENCES = [[1, 2, 3, 4], [8, 9, 10, 5], [6, 7, 11]]


def test_in_a_pipe():
    sequences = (
        pl.LazyFrame(DOCUMENTS)
        .filter(pl.col("input_ids").list.len() > 1)
        .pipe(fastpack.pack_tokens, context_length=4, pad_id=0)
        .collect()
    )
    expected = [[1, 2, 3, 4], [8, 9, 10, 5], [6, 7, 0, 0]]
    assert sequences["input_ids"].to_list() == expected


def test_numpy_takes_padded_sequences_as_they_are():
    sequences = fastpack.pack_tokens(
        pl.DataFrame(DOCUMENTS), context_length=4, pad_id=0
    )
    array = sequences["input_ids"].to_numpy()
    assert array.shape == (3, 4)
    assert array.tolist() == [[1, 2, 3, 4], [8, 9, 10, 5], [6, 7, 11, 0]]


DUCKDB = """
import duckdb
import fastpack
relation = duckdb.sql(
    "select input_ids, url from 'corpus/*.parquet' where language = 'en' order by url"
)
sequences = fastpack.pack_tokens(relation, context_length=4, keep="url")
print(sequences["input_ids"].to_list(), sequences["url"].to_list())
"""


def test_a_query_of_duckdb(tmp_path):
    (tmp_path / "corpus").mkdir()
    frame = pl.DataFrame(DOCUMENTS).with_columns(
        pl.Series("url", list("abcd")), pl.Series("language", ["en"] * 3 + ["de"])
    )
    frame.write_parquet(tmp_path / "corpus/1.parquet")
    # In a process of its own: DuckDB 2.0 reports leaks of its bindings at exit.
    run = run_code(DUCKDB, cwd=tmp_path)
    expected = [*SEQUENCES[:2], [6, 7]], [["a"], ["c", "a"], ["b"]]
    assert run.stdout == "{} {}\n".format(*expected), run.stderr


def test_a_dataset_of_hugging_face_and_the_collator_of_trl():
    datasets = pytest.importorskip("datasets")
    sft = pytest.importorskip("trl.trainer.sft_trainer")
    dataset = datasets.Dataset.from_dict(DOCUMENTS)
    with pytest.raises(fastpack.DataTypeError, match=r"pass `data.to_polars\(\)`"):
        fastpack.pack_tokens(dataset, context_length=4)
    sequences = fastpack.pack_tokens(dataset.to_polars(), context_length=4)
    # A fingerprint of one's own: otherwise all tokens are hashed.
    packed = datasets.Dataset(sequences.to_arrow(), fingerprint="corpus-packed-4")
    assert packed["input_ids"][:] == SEQUENCES
    collator = sft.DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    batch = collator([packed[0], packed[1], packed[2]])
    assert batch["input_ids"].tolist() == [list(chain(*SEQUENCES))]
    assert batch["cu_seq_lens_q"].tolist() == [0, 4, 7, 8, 10, 11]


def test_the_boundaries_of_the_flash_attention_of_transformers():
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    sequences = fastpack.pack_tokens(
        pl.DataFrame(DOCUMENTS),
        context_length=4,
        boundaries=["seq_lengths", "cu_seqlens", "position_ids"],
    )
    collator = transformers.DataCollatorWithFlattening(return_flash_attn_kwargs=True)
    for row in sequences.iter_rows(named=True):
        ends = row["cu_seqlens"]
        chunks = [
            {"input_ids": row["input_ids"][start:end]} for start, end in pairwise(ends)
        ]
        batch = collator(chunks)
        assert batch["input_ids"].tolist() == [row["input_ids"]]
        assert batch["position_ids"].tolist() == [row["position_ids"]]
        assert batch["cu_seq_lens_q"].tolist() == row["cu_seqlens"]
