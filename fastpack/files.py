"""Files: sources by name, their columns into memory, a table out in one piece."""

import glob
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from fastpack import __version__
from fastpack.errors import (
    DataError,
    DataTypeError,
    FastpackError,
    OptionError,
    OutputExistsError,
    SourceNotFoundError,
)
from fastpack.inputs import check_lengths, check_names, select_kept
from fastpack.planning import PackingPlan

_SCANNERS: dict[str, Callable[[Path], pl.LazyFrame]] = {
    ".parquet": pl.scan_parquet,
    ".pq": pl.scan_parquet,
    ".arrow": pl.scan_ipc,
    ".feather": pl.scan_ipc,
    ".ipc": pl.scan_ipc,
    ".csv": pl.scan_csv,
    ".jsonl": pl.scan_ndjson,
    ".ndjson": pl.scan_ndjson,
}

_LENGTHS = "__fastpack_lengths"


def find_sources(sources: Sequence[str]) -> list[Path]:
    """Turn files, folders and globs into files, in the order in which they are read.

    Sources come as they are listed; the files of a folder or a glob by name, naturally:
    part-2 before part-10. A folder gives all files below it whose suffix is known,
    but for those whose name, or a folder's below it, begins with a dot or underscore.
    """
    paths: list[Path] = []
    for source in sources:
        path = Path(source)
        if path.is_file():
            found = [path]
        elif path.is_dir():
            found = [
                file
                for file in path.rglob("*")
                if file.suffix.lower() in _SCANNERS
                and file.is_file()
                and not any(
                    part.startswith((".", "_")) for part in file.relative_to(path).parts
                )
            ]
        else:
            found = [
                Path(name)
                for name in glob.glob(source, recursive=True)  # noqa: PTH207
                if Path(name).is_file()
            ]
        if not found:
            what = "no file that can be read in" if path.is_dir() else "no such file:"
            msg = (
                f"{what} {source}\n"
                f"Hint: a source is a file, a folder or a glob of {_suffixes()} files."
            )
            raise SourceNotFoundError(msg)
        paths += sorted(found, key=_natural)
    return paths


def read_columns(
    paths: Sequence[Path],
    *,
    length: str,
    tokens: str | None = None,
    keep: Sequence[str] | None = None,
) -> tuple[pl.Series, pl.DataFrame | None]:
    """Read the lengths of all documents, and the columns that identify them.

    Parameters
    ----------
    paths
        Files, of any kinds that are known by their suffix.
    length
        The column of lengths.
    tokens
        A column of token lists, whose lengths are taken instead.
    keep
        Names of further columns.

    Returns
    -------
    lengths, kept
        As `fastpack.frame.pack_columns` takes them. No other column is read.

    Raises
    ------
    DataError, DataTypeError
        A file is not what its suffix says, has no such columns, or unfit lengths. The
        message names it.
    """
    lengths = []
    kept = []
    for path in paths:
        try:
            frame = _read(path, length, tokens, keep)
            column = frame.get_column(_LENGTHS).rename(tokens or length)
            lengths.append(check_lengths(column).to_frame())
            if keep is not None:
                kept.append(select_kept(frame, keep))
        except (DataError, DataTypeError, OptionError) as error:
            msg = f"{path}: {error}"
            raise type(error)(msg) from error
        except (PolarsError, UnicodeError, OSError) as error:
            msg = (
                f"{path} cannot be read as {path.suffix}: {error}\n"
                "Hint: the suffix of a file says what it is."
            )
            raise DataError(msg) from error
    try:
        return (
            pl.concat(lengths, how="vertical_relaxed", rechunk=False).to_series(),
            pl.concat(kept, rechunk=False) if kept else None,
        )
    except PolarsError as error:
        msg = (
            f"the sources' `keep` columns differ: {error}\n"
            "Hint: give them the same types in all files."
        )
        raise DataError(msg) from error


def check_output(
    output: Path, *, sources: Sequence[Path] = (), overwrite: bool
) -> None:
    """Refuse, before any work is done, an output that could not be written."""
    if output.suffix.lower() != ".parquet":
        msg = (
            f"the output must be a .parquet file, got {output}\n"
            f"Hint: such as {output.with_suffix('.parquet')}."
        )
        raise OptionError(msg)
    if not output.parent.is_dir():
        msg = (
            f"the folder of the output does not exist: {output.parent}\n"
            "Hint: make it first."
        )
        raise SourceNotFoundError(msg)
    if output.is_dir():
        msg = f"the output is a folder: {output}\nHint: name a file in it."
        raise OutputExistsError(msg)
    if any(output.exists() and output.samefile(source) for source in sources):
        msg = (
            f"the output is one of the sources: {output}\n"
            "Hint: write the assignment to a file of its own."
        )
        raise OutputExistsError(msg)
    if output.exists() and not overwrite:
        raise _exists(output)


def write_parquet(
    frame: pl.DataFrame, output: Path, metadata: dict[str, Any], *, overwrite: bool
) -> None:
    """Write a table to its final name in one step, or not at all.

    The file's metadata has `metadata`, as JSON, under the key ``fastpack``.
    """
    with _replacing(output, overwrite=overwrite) as temporary:
        try:
            frame.write_parquet(temporary, metadata={"fastpack": json.dumps(metadata)})
        except PolarsError as error:  # what Polars makes of a full disk, say
            msg = f"{output} cannot be written: {error}"
            raise OSError(msg) from error


def describe(plan: PackingPlan) -> dict[str, Any]:
    """Return the version, the options and the figures of a packing, for JSON."""
    return {
        "version": __version__,
        "options": plan.options.as_dict(),
        "figures": plan.figures(),
    }


def _read(
    path: Path, length: str, tokens: str | None, keep: Sequence[str] | None
) -> pl.DataFrame:
    scanner = _SCANNERS.get(path.suffix.lower())
    if scanner is None:
        msg = (
            f"the suffix {path.suffix!r} is unknown\n"
            f"Hint: sources are {_suffixes()} files."
        )
        raise DataError(msg)
    lazy = scanner(path)
    schema = lazy.collect_schema()
    columns = list(schema)
    check_names(columns, "--tokens" if tokens else "--length", [tokens or length])
    check_names(columns, "--keep", keep or [])
    lengths = pl.col(length)
    if tokens is not None:
        dtype = schema[tokens]
        if isinstance(dtype, pl.Array):
            lengths = pl.col(tokens).arr.to_list().list.len()
        elif isinstance(dtype, pl.List):
            lengths = pl.col(tokens).list.len()
        else:
            msg = (
                f"`--tokens` must name a column of lists, {tokens!r} is {dtype}\n"
                "Hint: a column of lengths goes to --length."
            )
            raise DataTypeError(msg)
    return lazy.select(*(keep or []), lengths.alias(_LENGTHS)).collect()


@contextmanager
def _replacing(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `output`; move it there if all went well."""
    temporary = output.with_name(f".{output.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(output)
        else:
            _move_to_new(temporary, output)
    finally:
        temporary.unlink(missing_ok=True)


def _move_to_new(temporary: Path, output: Path) -> None:
    """Rename, but never onto a file that came to be in the meantime."""
    try:
        output.hardlink_to(temporary)
    except FileExistsError as error:
        raise _exists(output) from error
    except OSError:  # a file system without hard links
        if output.exists():
            raise _exists(output) from None
        temporary.rename(output)


def _exists(output: Path) -> FastpackError:
    msg = (
        f"the output exists already: {output}\n"
        "Hint: choose another name, or overwrite it with --overwrite."
    )
    return OutputExistsError(msg)


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Order digits by the number they make: part-2 before part-10."""
    return [
        (0, int(piece)) if piece.isdigit() else (1, piece)
        for piece in re.split(r"(\d+)", str(path))
    ]


def _suffixes() -> str:
    return ", ".join(_SCANNERS)
