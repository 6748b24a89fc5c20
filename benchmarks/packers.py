"""fastpack and its peers, each as it is meant to be called, for peers.py."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import polars as pl

import fastpack
from benchmarks.bench_kernels import count
from benchmarks.per_chunk import pack_one_by_one
from fastpack.packing.block_plan import BlockPlan


class Packer(NamedTuple):
    """A way to pack.

    `prepare` makes its input of document lengths and is not timed; `pack` is.
    `chunks_and_bins` makes of its result the length and the bin of each chunk; where it
    gives its offset too, chunks are in document order.
    """

    name: str
    package: str | None
    prepare: Callable[[Any, int], Any]
    pack: Callable[[Any, int], Any]
    chunks_and_bins: Callable[[Any, Any], tuple[Any, ...]]
    truncates: bool = False
    limit: int = 10**9  # documents; more would take longer than it is worth


def split(lengths, context_length):
    """Return the chunks of documents, in order.

    Peers that take no document longer than L get these, as a gift.
    """
    lengths = lengths.astype(np.int64)
    n_chunks = -(-lengths // context_length)
    chunks = np.full(n_chunks.sum(), context_length)
    chunks[np.cumsum(n_chunks) - 1] = lengths - (n_chunks - 1) * context_length
    return chunks


def _kernels(lengths, context_length):
    options = fastpack.PackingOptions(context_length=context_length)
    # As `fastpack.pack` does, without the account that a PackingPlan makes.
    plan = BlockPlan(count(lengths), options)
    n_rows = plan.n_chunks + plan.n_unpacked
    bins, offsets = np.empty((2, n_rows), np.int32)  # at once: larger pages
    plan.assigner().cursors.fill(lengths, {"bin": bins, "bin_offset": offsets})
    return plan, bins, offsets


def _kernels_result(result, lengths):
    plan, bins, offsets = result
    return split(lengths, plan.options.context_length), bins, offsets


def _groups(groups, lengths):
    """Take lists of the chunks' numbers."""
    sizes = np.fromiter(map(len, groups), np.int64, len(groups))
    chunks = np.concatenate([np.asarray(list(group), np.int64) for group in groups])
    assert np.array_equal(np.sort(chunks), np.arange(len(lengths)))
    return np.asarray(lengths)[chunks], np.repeat(np.arange(sizes.size), sizes)


def _flat(result, lengths):
    """Take the chunks' numbers bin after bin, and where the bins start but one."""
    chunks, starts = result
    assert np.array_equal(np.sort(chunks), np.arange(lengths.size))
    bins = np.searchsorted(starts, np.arange(chunks.size), side="right")
    return lengths[chunks], bins


def _token_lists(lengths, _):
    """Make a dataset of token lists, of the smallest tokens there are."""
    datasets = import_module("datasets")
    arrow = import_module("pyarrow")
    datasets.disable_caching()
    datasets.disable_progress_bars()
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    tokens = arrow.array(np.zeros(offsets[-1], np.int8))
    lists = arrow.ListArray.from_arrays(offsets.astype(np.int32), tokens)
    return datasets.Dataset(arrow.table({"input_ids": lists}))


def _trl(strategy, batch):
    def pack(dataset, context_length):
        trl = import_module("trl.data_utils")
        settings = {"batch_size": batch} if batch else {"batch_size": len(dataset)}
        settings |= {"keep_in_memory": True, "load_from_cache_file": False}
        return trl.pack_dataset(dataset, context_length, strategy, settings)

    return pack


def _trl_result(packed, _):
    table = packed.data.table
    held = pl.from_arrow(table.column("seq_lengths").combine_chunks())
    tokens = pl.from_arrow(table.column("input_ids").combine_chunks())
    assert held.list.sum().to_list() == tokens.list.len().to_list()
    bins = pl.DataFrame({"chunk": held}).with_row_index("bin").explode("chunk")
    return bins["chunk"].to_numpy(), bins["bin"].to_numpy()


def _as_is(lengths, _):
    return lengths


def _as_frame(lengths, _):
    return pl.DataFrame({"n_tokens": lengths})


def _pack_frame(frame, context_length):
    return fastpack.pack(frame, context_length=context_length)


def _as_list(lengths, context_length):
    return split(lengths, context_length).tolist()


def _as_dict(lengths, context_length):
    return dict(enumerate(_as_list(lengths, context_length)))


def _binpacking(lengths, context_length):
    return import_module("binpacking").to_constant_volume(lengths, context_length)


def _prtpy(lengths, context_length):
    decreasing = import_module("prtpy.packing.best_fit").decreasing
    pack = import_module("prtpy").pack
    return pack(algorithm=decreasing, binsize=context_length, items=lengths)


def _lightbinpack(lengths, context_length):
    return import_module("lightbinpack").obfd(lengths, context_length)


def _lightbinpack_parallel(lengths, context_length):
    return import_module("lightbinpack").obfdp(lengths, context_length)


def _seqpacker(lengths, context_length):
    packer = import_module("seqpacker").Packer(context_length, strategy="obfd")
    return packer.pack_flat(lengths)


def _dict_groups(groups, lengths):
    return _groups(groups, list(lengths.values()))


PACKERS = {
    packer.name: packer
    for packer in (
        Packer(
            "fastpack.pack",
            None,
            _as_frame,
            _pack_frame,
            lambda table, _: (
                table["chunk_length"].to_numpy(),
                table["bin"].to_numpy(),
                table["bin_offset"].to_numpy(),
            ),
        ),
        Packer("fastpack kernels", None, _as_is, _kernels, _kernels_result),
        Packer(
            "per chunk, Numba",
            None,
            _as_is,
            pack_one_by_one,
            lambda result, _: result,
        ),
        Packer("LightBinPack obfd", "lightbinpack", _as_list, _lightbinpack, _groups),
        Packer(
            "LightBinPack obfdp, threads",
            "lightbinpack",
            _as_list,
            _lightbinpack_parallel,
            _groups,
        ),
        Packer("seqpacker obfd", "seqpacker", split, _seqpacker, _flat),
        Packer(
            "TRL bfd, batches of 1000",
            "trl",
            _token_lists,
            _trl("bfd", 1000),
            _trl_result,
            truncates=True,
            limit=10**6,
        ),
        Packer(
            "TRL bfd, one batch",
            "trl",
            _token_lists,
            _trl("bfd", None),
            _trl_result,
            truncates=True,
            limit=10**6,
        ),
        Packer(
            "TRL bfd_split, batches of 1000",
            "trl",
            _token_lists,
            _trl("bfd_split", 1000),
            _trl_result,
            limit=10**6,
        ),
        Packer(
            "TRL bfd_split, one batch",
            "trl",
            _token_lists,
            _trl("bfd_split", None),
            _trl_result,
            limit=10**6,
        ),
        Packer(
            "binpacking", "binpacking", _as_dict, _binpacking, _dict_groups, limit=10**4
        ),
        Packer("prtpy best-fit", "prtpy", _as_dict, _prtpy, _dict_groups, limit=10**4),
    )
}
