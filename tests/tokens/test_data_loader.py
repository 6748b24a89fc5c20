"""PackedSequences as the dataset of a DataLoader: PyTorch is no dependency."""

import numpy as np
import polars as pl
import pytest

import fastpack

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

L = 64
LENGTHS = np.random.default_rng(0).integers(0, 100, 300)
TOKENS = np.arange(LENGTHS.sum(), dtype=np.int32)

pytestmark = [
    pytest.mark.slow,
    # Of PyTorch itself, and of forking while threads of Polars run, which do not.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def paths(tmp_path):
    """Write the tokens, and their assignment."""
    np.save(tmp_path / "tokens.npy", TOKENS)
    np.save(tmp_path / "offsets.npy", np.append(0, np.cumsum(LENGTHS)))
    fastpack.pack(LENGTHS, context_length=L).write_parquet(tmp_path / "table.parquet")
    return {
        "assignment": tmp_path / "table.parquet",
        "documents": {
            "input_ids": tmp_path / "tokens.npy",
            "offsets": tmp_path / "offsets.npy",
        },
        "context_length": L,
    }


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("padded", [True, False])
def test_two_workers(method, padded, paths):
    boundaries = "position_ids" if padded else "seq_lengths"
    sequences = fastpack.PackedSequences(
        **paths, pad_id=-1 if padded else None, boundaries=boundaries
    )
    loader = torch.utils.data.DataLoader(
        sequences,
        batch_size=8,
        shuffle=True,
        num_workers=2,
        multiprocessing_context=method,
        collate_fn=None if padded else list,
    )
    seen, n_sequences = [], 0
    for batch in loader:
        if padded:
            tokens, positions = batch["input_ids"], batch["position_ids"]
            assert tokens.shape == positions.shape == (len(tokens), L)
            assert tokens.dtype == positions.dtype == torch.int32
            assert (positions[tokens < 0] == 0).all()
            seen.append(tokens[tokens >= 0].numpy())
            n_sequences += len(tokens)
        else:
            for item in batch:
                assert item["seq_lengths"].sum() == item["input_ids"].size
            seen += [item["input_ids"] for item in batch]
            n_sequences += len(batch)
    assert n_sequences == len(sequences)
    assert np.array_equal(np.sort(np.concatenate(seen)), TOKENS)


def test_collators_of_transformers(paths):
    transformers = pytest.importorskip("transformers")
    collate = transformers.DataCollatorWithFlattening(return_flash_attn_kwargs=True)
    sequences = fastpack.PackedSequences(**paths)
    batch = collate(sequences[:3])
    joined = np.concatenate([item["input_ids"] for item in sequences[:3]])
    assert batch["input_ids"].tolist() == [joined.tolist()]


def test_collators_of_trl(paths):
    sft_trainer = pytest.importorskip("trl.trainer.sft_trainer")
    collate = sft_trainer.DataCollatorForLanguageModeling(0, padding_free=True)
    sequences = fastpack.PackedSequences(**paths)
    batch = collate(sequences[:3])
    assert batch["input_ids"].shape[1] == sum(
        item["input_ids"].size for item in sequences[:3]
    )
    lengths = np.concatenate([item["seq_lengths"] for item in sequences[:3]])
    ends = batch["cu_seq_lens_q"]
    assert ends.diff().tolist() == lengths.tolist()
    table = pl.read_parquet(paths["assignment"])
    assert len(lengths) == table.filter(pl.col("bin") < 3).height
