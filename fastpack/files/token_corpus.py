"""A corpus of token files: counted, and cut into blocks."""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import chain
from typing import Any, NamedTuple

from fastpack.files.calls import hand_out
from fastpack.files.manifest import Manifest, describe_changes
from fastpack.files.passes import ProgressCallback, run_pass
from fastpack.files.reading import errors_name
from fastpack.files.token_blocks import (
    Block,
    Source,
    blocks_by_documents,
    blocks_by_tokens,
    cut_sources,
)
from fastpack.files.token_sources import (
    CountedSource,
    check_same_dtypes,
    count_source,
    count_source_rows,
)
from fastpack.files.token_work import BlockRules


class Corpus(NamedTuple):
    """The size of a corpus, as a job holds it.

    Parameters
    ----------
    documents
        The number of documents in each source.
    blocks
        That in each block.
    """

    documents: list[int]
    blocks: list[int]


def earlier_corpus(
    earlier: dict[str, Any] | None, job: dict[str, Any]
) -> Corpus | None:
    """Return the corpus as an earlier run has counted it, if its job is the same."""
    if earlier is None or describe_changes(earlier, job):
        return None
    corpus = Corpus(earlier.get("documents", []), earlier.get("blocks", []))
    is_whole = all(
        isinstance(counts, list)
        and all(isinstance(count, int) and count >= 0 for count in counts)
        for counts in corpus
    )
    # A digit may be damaged.
    if (
        not is_whole
        or not corpus.blocks
        or len(corpus.documents) != len(job["sources"])
        or sum(corpus.documents) != sum(corpus.blocks)
    ):
        return None
    return corpus


def count_token_corpus(
    executor: Executor,
    sources: Sequence[Source],
    rules: BlockRules,
    on_progress: ProgressCallback,
) -> Corpus:
    """Count the documents of all sources; refuse columns that differ in their dtypes.

    Without the rule `block_documents`, blocks follow from tokens.
    """
    block_documents = rules.options.block_documents
    counted: dict[int, CountedSource] = {}

    def on_result(number: int, result: CountedSource) -> int:
        counted[number] = result
        return result.rows

    columns = hand_out(executor, rules.columns)
    count = count_source if block_documents is None else count_source_rows
    calls = ((number, count, source, columns) for number, source in enumerate(sources))
    run_pass(
        executor,
        "count",
        sources,
        calls=calls,
        on_result=on_result,
        on_progress=on_progress,
    )
    in_order = [counted[number] for number in range(len(sources))]
    for source, result in zip(sources, in_order, strict=True):
        with errors_name(source.path):
            check_same_dtypes(in_order[0].dtypes, result.dtypes)
    documents = [result.rows for result in in_order]
    parts = list(chain.from_iterable(result.parts for result in in_order))
    if block_documents is None:
        return Corpus(documents, blocks_by_tokens(parts))
    return Corpus(documents, blocks_by_documents(parts, block_documents))


def name_blocks(
    corpus: Corpus, sources: Sequence[Source], manifest: Manifest
) -> list[Block]:
    """Return the blocks, with the files that are made of them."""
    documents_of = dict(zip(sources, corpus.documents, strict=True))
    blocks = []
    first_document = 0
    for number, spans in enumerate(cut_sources(sources, *corpus)):
        n_bytes = sum(
            span.source.n_bytes * span.rows // max(documents_of[span.source], 1)
            for span in spans
        )
        name = name_of_output(number, len(corpus.blocks))
        block = Block(
            number,
            spans,
            first_document,
            name,
            manifest.target / name,
            manifest.counts_folder / f"{number}.parquet",
            n_bytes,
        )
        blocks.append(block)
        first_document += block.n_documents
    return blocks


def name_of_output(number: int, n_blocks: int) -> str:
    """Return the name of the sequences of a block: names are in the order of blocks."""
    digits = max(6, len(str(n_blocks)))
    return f"sequences-{number:0{digits}}.parquet"


def is_name_of_output(name: str) -> bool:
    """Say whether a name is one that `name_of_output` gives."""
    return re.fullmatch(r"sequences-\d{6,}\.parquet", name) is not None
