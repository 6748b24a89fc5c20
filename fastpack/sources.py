"""Sources: files, folders and globs by name -> columns of their documents."""

import glob
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from fastpack.errors import (
    DataError,
    DataTypeError,
    OptionError,
    SourceNotFoundError,
)
from fastpack.histogram import LengthHistogram
from fastpack.inputs import (
    LENGTHS,
    as_expression,
    check_lengths,
    check_names,
    select_kept,
)
from fastpack.streaming import count_lazily


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


def find_sources(sources: Sequence[str], output: Path | None = None) -> list[Path]:
    """Turn files, folders and globs into files, in the order in which they are read.

    Sources come as they are listed; the files of a folder or a glob by name, naturally:
    part-2 before part-10. A folder gives all files below it whose suffix is known,
    but for those whose name, or a folder's below it, begins with a dot or underscore.
    Where the `output` of an earlier run lies among them, it is left out.
    """
    paths: list[Path] = []
    for source in sources:
        found = _files_of(source)
        if output is not None and found != [Path(source)]:
            found = [file for file in found if file.resolve() != output.resolve()]
        if not found:
            what = "in" if Path(source).is_dir() else "is"
            msg = (
                f"no file that can be read {what} {source}\n"
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


def _files_of(source: str) -> list[Path]:
    """Return the files that one source stands for, in any order."""
    if not source:
        msg = "a source has an empty name\nHint: is a variable of the shell unset?"
        raise OptionError(msg)
    path = Path(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        return [
            file
            for file in path.rglob("*")
            if file.suffix.lower() in _SCANNERS
            and file.is_file()
            and not any(
                part.startswith((".", "_")) for part in file.relative_to(path).parts
            )
        ]
    names = glob.glob(source, recursive=True)  # noqa: PTH207 -- absolute ones too
    return [Path(name) for name in names if Path(name).is_file()]


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
        with _naming(path):
            frame = _scan(path, length, tokens, keep).collect()
            lengths.append(check_lengths(_renamed(frame, length, tokens)).to_frame())
            if keep is not None:
                kept.append(select_kept(frame.drop(LENGTHS), keep))
                _check_same_columns(kept[0], kept[-1])
    return (
        pl.concat(lengths, how="vertical_relaxed", rechunk=False).to_series(),
        pl.concat(kept, rechunk=False) if kept else None,
    )


def count_sources(
    paths: Sequence[Path], *, length: str, tokens: str | None = None
) -> LengthHistogram:
    """Count the lengths of all documents, a batch at a time: see `read_columns`."""
    histogram = LengthHistogram([], [])
    for path in paths:
        with _naming(path):
            lengths = _scan(path, length, tokens, None)
            histogram += count_lazily(lengths, length if tokens is None else tokens)
    return histogram


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say in each error which source it is about."""
    try:
        yield
    except (DataError, DataTypeError, OptionError) as error:
        msg = f"{path}: {error}"
        raise type(error)(msg) from error
    except (PolarsError, UnicodeError, OSError) as error:
        msg = (
            f"{path} cannot be read as {path.suffix}: {error}\n"
            "Hint: the suffix of a file says what it is."
        )
        raise DataError(msg) from error


def _renamed(frame: pl.DataFrame, length: str, tokens: str | None) -> pl.Series:
    return frame.get_column(LENGTHS).rename(length if tokens is None else tokens)


def _scan(
    path: Path, length: str, tokens: str | None, keep: Sequence[str] | None
) -> pl.LazyFrame:
    """Scan the columns `keep` of a source, and its lengths under the name `LENGTHS`."""
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
    lengths = as_expression(length if tokens is None else tokens)
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
    kept = [as_expression(name) for name in keep or []]
    if path.suffix.lower() == ".csv" and lazy.head(1).collect().is_empty():
        lengths = lengths.cast(pl.Int64)  # a header alone says no type
    return lazy.select(*kept, lengths.alias(LENGTHS))


def _check_same_columns(first: pl.DataFrame, other: pl.DataFrame) -> None:
    for name, dtype in first.schema.items():
        if other.schema[name] != dtype:
            msg = (
                f"`--keep` column {name!r} is {other.schema[name]} here, {dtype} in "
                "the first source\nHint: give it the same type in all of them."
            )
            raise DataTypeError(msg)


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
