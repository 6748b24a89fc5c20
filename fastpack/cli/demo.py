"""The demo: pack Python's standard library, a corpus that every machine has."""

import os
import sysconfig
from pathlib import Path
from typing import NamedTuple

import polars as pl

from fastpack.documents.batches import as_documents, select_batch
from fastpack.errors import SourceNotFoundError
from fastpack.options import PackingOptions
from fastpack.outputs import check_output, write_parquet
from fastpack.packing.plan import PackingPlan
from fastpack.reports.compare import compare_corpus
from fastpack.reports.corpus import count_corpus

WORD_OR_SYMBOL = r"\w+|[^\w\s]"
"""The pattern of a token in this demo."""

_PARTS = 4
"""Files of the corpus, for any number of documents: no file of another run is left."""


class Demo(NamedTuple):
    """The files that the demo wrote, and what they hold.

    Parameters
    ----------
    corpus, assignment
        The folder of the documents, and the file of their assignment.
    plan
        The packing.
    comparison
        The table of `fastpack.compare`.
    """

    corpus: Path
    assignment: Path
    plan: PackingPlan
    comparison: pl.DataFrame


def run_demo(
    folder: Path | None, output: Path, context_length: int, *, overwrite: bool
) -> Demo:
    """Pack the .py files of a folder, one document a file.

    Parameters
    ----------
    folder
        The folder of the files; None is the running Python's standard library.
    output
        The folder for ``corpus/part-1.parquet`` ... (`path`, `n_tokens`) and
        ``assignment.parquet``; made if it is absent.
    context_length
        L, in tokens.
    overwrite
        Whether these files may exist already.

    Raises
    ------
    SourceNotFoundError, OutputExistsError
        There is no .py file in the folder; there are such outputs.
    """
    options = PackingOptions(context_length=context_length)
    files = python_files(folder)
    corpus_folder, assignment_file = output / "corpus", output / "assignment.parquet"
    corpus_folder.mkdir(parents=True, exist_ok=True)
    parts = [corpus_folder / f"part-{number + 1}.parquet" for number in range(_PARTS)]
    for target in (*parts, assignment_file):
        check_output(target, overwrite=overwrite)
    documents = _tokenized(files, folder or standard_library())
    batch = select_batch(documents, "n_tokens", keep="path")
    corpus = count_corpus(as_documents(batch.lengths, ()), [options])
    packed = corpus.contexts[0].plan
    assignment = packed.blocks.assigner().table(batch)
    description = packed.as_dict()
    rows = -(-documents.height // _PARTS)
    for number, part in enumerate(parts):
        documents_of_part = documents[number * rows : (number + 1) * rows]
        write_parquet(documents_of_part, part, {}, overwrite=overwrite)
    write_parquet(assignment, assignment_file, description, overwrite=overwrite)
    return Demo(
        corpus=corpus_folder,
        assignment=assignment_file,
        plan=packed,
        comparison=compare_corpus(corpus),
    )


def standard_library() -> Path:
    """Return the folder of the running Python's standard library."""
    return Path(sysconfig.get_path("stdlib"))


def python_files(folder: Path | None) -> list[Path]:
    """Return the .py files below a folder; None is the standard library."""
    root = folder or standard_library()
    files = root.rglob("*.py") if root.is_dir() else []
    # Packages installed beside the standard library are not part of it.
    installed = {"site-packages", "dist-packages"} if folder is None else set()
    found = sorted(
        file
        for file in files
        if file.is_file() and not installed & set(file.relative_to(root).parts)
    )
    if not found:
        msg = f"no .py file in {root}\nHint: name a folder that holds some."
        raise SourceNotFoundError(msg)
    return found


def _tokenized(files: list[Path], root: Path) -> pl.DataFrame:
    texts = pl.DataFrame(
        {
            "path": [
                os.fsencode(file.relative_to(root).as_posix()).decode(
                    "utf-8", "replace"
                )
                for file in files
            ],
            "text": [file.read_text("utf-8", errors="replace") for file in files],
        }
    )
    n_tokens = pl.col("text").str.count_matches(WORD_OR_SYMBOL).cast(pl.Int32)
    return texts.select("path", n_tokens.alias("n_tokens"))
