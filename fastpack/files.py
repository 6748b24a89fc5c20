"""Files: sources by name, their columns into memory, a table out in one piece."""

import glob
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
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


def _scan_arrow(path: Path) -> pl.LazyFrame:
    """Scan an Arrow IPC file; of a stream, which cannot be scanned, read all."""
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    if is_file:
        return pl.scan_ipc(path, glob=False)
    return pl.read_ipc_stream(path).lazy()


_SCANNERS: dict[str, Callable[[Path], pl.LazyFrame]] = {
    ".parquet": lambda path: pl.scan_parquet(path, glob=False),
    ".pq": lambda path: pl.scan_parquet(path, glob=False),
    ".arrow": _scan_arrow,
    ".feather": _scan_arrow,
    ".ipc": _scan_arrow,
    ".csv": lambda path: pl.scan_csv(path, glob=False),
    ".jsonl": lambda path: pl.scan_ndjson(glob.escape(str(path))),
    ".ndjson": lambda path: pl.scan_ndjson(glob.escape(str(path))),
}

_LENGTHS = "\0lengths"
"""The name of the lengths while they are read: no column has it."""


def find_sources(sources: Sequence[str]) -> list[Path]:
    """Turn files, folders and globs into files, in the order in which they are read.

    Sources come as they are listed; the files of a folder or a glob by name, naturally:
    part-2 before part-10. A folder gives all files below it whose suffix is known,
    but for those whose name, or a folder's below it, begins with a dot or underscore.
    """
    paths: list[Path] = []
    for source in sources:
        if not source:
            msg = "a source has an empty name\nHint: is a variable of the shell unset?"
            raise OptionError(msg)
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
            what = "no file that can be read in" if path.is_dir() else "no file is"
            msg = (
                f"{what} {source}\n"
                f"Hint: a source is a file, a folder or a glob of {_suffixes()} files."
            )
            raise SourceNotFoundError(msg)
        paths += sorted(found, key=_natural)
    for path in paths:
        if any("\udc80" <= char <= "\udcff" for char in str(path)):
            msg = f"the name of a source is not UTF-8: {path!r}\nHint: rename it."
            raise OptionError(msg)
    for path, following in pairwise(sorted(path.resolve() for path in paths)):
        if path == following:
            msg = f"a source is named twice: {path}\nHint: name each file once."
            raise OptionError(msg)
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
            name = length if tokens is None else tokens
            column = frame.get_column(_LENGTHS).rename(name)
            lengths.append(check_lengths(column).to_frame())
            if keep is not None:
                kept.append(select_kept(frame, keep))
                _check_same_columns(kept[0], kept[-1])
        except (DataError, DataTypeError, OptionError) as error:
            msg = f"{path}: {error}"
            raise type(error)(msg) from error
        except (PolarsError, UnicodeError, OSError) as error:
            msg = (
                f"{path} cannot be read as {path.suffix}: {error}\n"
                "Hint: the suffix of a file says what it is."
            )
            raise DataError(msg) from error
    return (
        pl.concat(lengths, how="vertical_relaxed", rechunk=False).to_series(),
        pl.concat(kept, rechunk=False) if kept else None,
    )


def check_output(
    output: Path, *, sources: Sequence[Path] = (), overwrite: bool
) -> None:
    """Refuse, before any work is done, an output that could not be written.

    `sources` are the files that are read, and the folders that were named.
    """
    if output.suffix.lower() != ".parquet":
        msg = (
            f"the output must be a .parquet file, got {str(output)!r}\n"
            "Hint: such as assignment.parquet."
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
    if any(
        source.is_dir() and source.resolve() in output.resolve().parents
        for source in sources
    ):
        msg = (
            f"the output lies in a folder of sources: {output}\n"
            "Hint: write it elsewhere, or it would be a source of the next run."
        )
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
    if tokens is None:
        check_names(columns, "--length", [length])
    else:
        check_names(columns, "--tokens", [tokens])
    check_names(columns, "--keep", keep or [])
    if path.suffix.lower() == ".csv":
        # Text has no types: ids such as 007 are kept as they stand there.
        texts = {name: pl.String() for name in keep or [] if name != length}
        lazy = pl.scan_csv(path, glob=False, schema_overrides=texts)
    # By name, literally: pl.col would take "*" or "^a.*$" for a pattern.
    lengths = cs.by_name(length if tokens is None else tokens).as_expr()
    if tokens is None and isinstance(schema[length], (pl.Array, pl.List)):
        msg = (
            f"`--length` must name a column of integers, {length!r} is "
            f"{schema[length]}\nHint: --tokens {length} takes the lists' lengths."
        )
        raise DataTypeError(msg)
    if tokens is not None:
        dtype = schema[tokens]
        if isinstance(dtype, pl.Array):
            lengths = lengths.arr.to_list().list.len()
        elif isinstance(dtype, pl.List):
            lengths = lengths.list.len()
        else:
            msg = (
                f"`--tokens` must name a column of lists, {tokens!r} is {dtype}\n"
                "Hint: a column of lengths goes to --length."
            )
            raise DataTypeError(msg)
    kept = [cs.by_name(name) for name in keep or []]
    frame = lazy.select(*kept, lengths.alias(_LENGTHS)).collect()
    if path.suffix.lower() == ".csv" and frame.is_empty():  # a header says no type
        return frame.with_columns(pl.col(_LENGTHS).cast(pl.Int64))
    return frame


def _check_same_columns(first: pl.DataFrame, other: pl.DataFrame) -> None:
    for name, dtype in first.schema.items():
        if other.schema[name] != dtype:
            msg = (
                f"`--keep` column {name!r} is {other.schema[name]} here, {dtype} in "
                "the first source\nHint: give it the same type in all of them."
            )
            raise DataTypeError(msg)


@contextmanager
def _replacing(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path beside `output`; move it there if all went well."""
    output = output.resolve()  # through a link to what it names
    temporary = output.with_name(f".fastpack-{secrets.token_hex(8)}.tmp")
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


def _natural(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """Order digits by the number they make: part-2 before part-10."""
    name = str(path)
    pieces: list[tuple[int, int | str]] = [
        (0, int(piece)) if number % 2 else (1, piece)
        for number, piece in enumerate(re.split(r"([0-9]+)", name))
    ]
    return pieces, name


def _suffixes() -> str:
    return ", ".join(_SCANNERS)
