"""Tables: what users pass as sequences or documents -> a lazy frame."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from fastpack.errors import DataError, DataTypeError, SourceNotFoundError
from fastpack.storage.location import HIDDEN_IN_FOLDERS, RUN_FOLDER, path_here
from fastpack.tokens.selection import as_token_table

_PARQUET = (".parquet", ".pq")

_MAGIC = b"PAR1"
"""The first bytes of a Parquet file."""


def scan_table(data: Any, parameter: str, labels: Sequence[str] = ()) -> pl.LazyFrame:
    """Return a table, or the Parquet files at a path, as a lazy frame.

    Parameters
    ----------
    data
        A table; or the path of a file, a folder or a glob.
    parameter
        The name of the parameter, for messages.
    labels
        Columns that the names of folders may hold, such as ``lang=en/``, if the files
        do not have them.

    Raises
    ------
    SourceNotFoundError
        There is no Parquet file at the path.
    DataError, DataTypeError
        It is no table, or the path that of a file of another format, or damaged.
    """
    if not isinstance(data, (str, os.PathLike)):
        return as_token_table(data, parameter).lazy()
    files = _find(path_here(data, parameter))
    if not files:
        msg = (
            f"no Parquet file at {os.fspath(data)}\n"
            "Hint: name a file, a folder or a glob of them."
        )
        raise SourceNotFoundError(msg)
    if others := [file for file in files if not _is_parquet(file)]:
        msg = (
            f"`{parameter}` must be Parquet files, got {others[0]}\n"
            "Hint: pass a table, such as pl.scan_ndjson(...). `fastpack verify-tokens` "
            "reads the sources of what `fastpack pack-tokens` wrote in any format."
        )
        raise DataTypeError(msg)
    table = pl.scan_parquet(files, glob=False)
    try:
        held = table.collect_schema().names()
    except (PolarsError, OSError) as error:
        msg = (
            f"{files[0]} cannot be read as Parquet: {error}\nHint: is it damaged, or "
            "of another format?"
        )
        raise DataError(msg) from error
    if any(label not in held for label in labels):
        table = pl.scan_parquet(files, glob=False, hive_partitioning=True)
    return table


def _find(path: Path) -> list[Path]:
    """Return the file, or those of a folder or glob in the plain order of paths.

    Of a folder, they are those that packing reads.
    """
    if path.is_file():
        return [path]
    found = [path]
    if not path.exists():
        start = Path(path.anchor)
        found = list(start.glob(str(path.relative_to(start))))
    files = {each for each in found if each.is_file()}
    for folder in found:
        below = folder.rglob("*") if folder.is_dir() else ()
        files.update(
            file
            for file in below
            if file.suffix.lower() in _PARQUET
            and not _is_hidden(file.relative_to(folder))
        )
    return sorted((file for file in files if RUN_FOLDER not in file.parts), key=str)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(HIDDEN_IN_FOLDERS) for part in path.parts)


def _is_parquet(path: Path) -> bool:
    if path.suffix.lower() in _PARQUET:
        return True
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
