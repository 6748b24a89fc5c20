"""The main job on real input that every machine has: Python's standard library."""

import os
import sysconfig
from pathlib import Path
from typing import NamedTuple

import polars as pl

from fastpack.documents.batches import select_batch
from fastpack.errors import SourceNotFoundError
from fastpack.options import PackingOptions
from fastpack.outputs import check_output, write_parquet
from fastpack.packing.pack import pack_batch
from fastpack.packing.plan import PackingPlan
from fastpack.reports.compare import compare

WORD_OR_SYMBOL = r"\w+|[^\w\s]"
"""What counts as a token in this demo."""


class Demo(NamedTuple):
    """What the demo found and wrote."""

    documents: Path
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
        Where the files are; None is the running Python's standard library.
    output
        The folder for ``documents.parquet`` (`path`, `n_tokens`) and
        ``assignment.parquet``; made if it is absent.
    context_length
        L, in tokens.
    overwrite
        Whether these files may be there already.
    """
    options = PackingOptions(context_length=context_length)
    files = python_files(folder)
    output.mkdir(parents=True, exist_ok=True)
    targets = [output / "documents.parquet", output / "assignment.parquet"]
    for target in targets:
        check_output(target, overwrite=overwrite)
    documents = _tokenized(files, folder or standard_library())
    batch = select_batch(documents, "n_tokens", keep="path")
    assignment, plan = pack_batch(batch, options)
    description = plan.as_dict()
    write_parquet(documents, targets[0], description, overwrite=overwrite)
    write_parquet(assignment, targets[1], description, overwrite=overwrite)
    return Demo(
        documents=targets[0],
        assignment=targets[1],
        plan=plan,
        comparison=compare(batch.lengths, context_length=context_length),
    )


def standard_library() -> Path:
    """Return the folder of the running Python's standard library."""
    return Path(sysconfig.get_path("stdlib"))


def python_files(folder: Path | None) -> list[Path]:
    """Return the .py files below a folder; None is the standard library."""
    root = folder or standard_library()
    files = root.rglob("*.py") if root.is_dir() else []
    # Packages that were installed beside the standard library are no part of it.
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
