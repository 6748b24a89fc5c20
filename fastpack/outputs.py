"""Outputs: a table under its final name in one step, or not at all."""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from fastpack.errors import (
    FastpackError,
    OptionError,
    OutputExistsError,
    SourceNotFoundError,
)
from fastpack.storage.access import for_polars, read_bytes, size_of
from fastpack.storage.location import Location, Url, path_here
from fastpack.storage.objects import put_object

OVERWRITE = "--overwrite (overwrite=True)"
"""The permission to replace an output, as hints name it."""

_TEMPORARY = ".fastpack-"

_ROW_GROUP_ROWS = 1 << 18

_SPACE = "free some space, or choose another disk"

_RIGHTS = "choose a folder that you may write to"

_FILE = "a file lies where a folder is needed: name another one"

_HINTS = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.ENOTDIR: _FILE,
}
"""The hints against errors of the system, by the numbers of these."""


def check_output(
    output: Path,
    *,
    suffix: str = ".parquet",
    sources: Sequence[Path] = (),
    overwrite: bool,
) -> None:
    """Refuse, before any work is done, an output that could not be written.

    The temporary files of killed processes are removed from its folder.
    """
    path_here(output, "output")
    if output.suffix.lower() != suffix:
        msg = (
            f"the output must be a {suffix} file, got {str(output)!r}\n"
            f"Hint: such as {output.stem or 'output'}{suffix}."
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
            "Hint: write to a file of its own."
        )
        raise OutputExistsError(msg)
    if output.exists() and not overwrite:
        raise exists_error(output)
    remove_temporary_files(output.parent)


def write_parquet(
    frame: pl.DataFrame | pl.LazyFrame,
    output: Location,
    metadata: dict[str, Any],
    *,
    overwrite: bool,
    follow_link: bool = True,
    check: Callable[[], object] = lambda: None,
    **settings: Any,
) -> None:
    """Write a table under its final name in one step, or not at all.

    The metadata of the file holds `metadata`, as JSON, under the key ``fastpack``. A
    lazy frame is written batch by batch. `follow_link` and `check` are those of
    `replacing`, the settings those of Polars: a compression, say.
    """
    texts = {"fastpack": json.dumps(metadata)}
    with replacing(
        output, overwrite=overwrite, follow_link=follow_link, check=check
    ) as temporary:
        try:
            if isinstance(frame, pl.LazyFrame):
                # Row groups of a fixed size: the same bytes for any batches.
                settings = {"row_group_size": _ROW_GROUP_ROWS, **settings}
                frame.sink_parquet(temporary, metadata=texts, **settings)
            else:
                frame.write_parquet(temporary, metadata=texts, **settings)
        except PolarsError as error:  # a full disk, say
            raise OSError(str(error)) from error


def read_metadata(path: Location) -> dict[str, Any] | None:
    """Return the `metadata` of a file of `write_parquet`; None for any other file.

    Raises StorageError if an object store does not answer.
    """
    try:
        metadata = json.loads(pl.read_parquet_metadata(**for_polars(path))["fastpack"])
    except (PolarsError, OSError, KeyError, ValueError):
        if isinstance(path, Url):
            size_of(path)  # raises an error if the store does not answer
        return None
    return metadata if isinstance(metadata, dict) else None


def checksum_of(path: Location) -> str:
    """Return the SHA-256 of a file, in hexadecimal: 1 GB a second."""
    if isinstance(path, Url):
        return hashlib.sha256(read_bytes(path) or b"").hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_temporary_files(folder: Path) -> None:
    """Remove what killed processes left in a folder; what is locked is in use."""
    for path in folder.glob(f"{_TEMPORARY}*.tmp"):
        if re.fullmatch(r"[0-9a-f]{16}\.tmp", path.name.removeprefix(_TEMPORARY)):
            with suppress(OSError):  # of another user, say
                access = os.O_RDONLY if path.is_dir() else os.O_RDWR
                file = os.open(path, access | getattr(os, "O_NOFOLLOW", 0))
                try:
                    if _lock(file):
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
                finally:
                    os.close(file)


def _lock(file: int) -> bool:
    """Lock a file until it is closed; False if another has locked it, or none can.

    Not as the manifest is locked: that lock ends when any other descriptor of the file
    is closed, such as that of Polars.
    """
    try:
        import fcntl  # noqa: PLC0415 -- Windows has none

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


@contextmanager
def system_errors_name(
    output: Location, temporary: Path | None = None
) -> Iterator[None]:
    """Name the output in errors of the system, not a temporary file; add a hint."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FastpackError):
            raise
        why = str(error) if error.strerror is None else error.strerror
        why = why.replace(str(temporary or output), str(output))
        found = re.search(r"os error (\d+)", why)
        number = int(found[1]) if found else error.errno
        hint = _HINTS.get(number or 0, "choose another folder, or another disk")
        explained = type(error)(f"{output} cannot be written: {why}\nHint: {hint}.")
        explained.errno = number
        raise explained from error


@contextmanager
def replacing(
    output: Location,
    *,
    overwrite: bool,
    follow_link: bool = True,
    check: Callable[[], object] = lambda: None,
) -> Iterator[Path]:
    """Give a temporary path beside `output`; rename it to `output` at the end.

    If an error is raised in between, `output` stays as it was. If it is a link, what it
    leads to is replaced; the link itself without `follow_link`, in folders that others
    may write to. `check` is called just before the file gets its name, and may raise.
    An object is written to a temporary file of this machine, and put into its store.
    """
    if isinstance(output, Url):
        with tempfile.TemporaryDirectory(prefix="fastpack-") as folder:
            temporary = Path(folder, "output")
            with system_errors_name(output, temporary):
                yield temporary
                check()
                if not overwrite and size_of(output) is not None:
                    raise exists_error(output)
                put_object(output, temporary)
        return
    if follow_link:
        output = output.resolve()
    temporary = output.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}.tmp")
    with system_errors_name(output, temporary):
        file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            _lock(file)
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            check()
            if overwrite:
                temporary.replace(output)
            else:
                _move_to_new(temporary, output)
        finally:
            temporary.unlink(missing_ok=True)
            os.close(file)


@contextmanager
def replacing_folder(output: Path, *, overwrite: bool, marker: str) -> Iterator[Path]:
    """Give a temporary folder beside `output`; rename it to `output` at the end.

    If an error is raised in between, `output` stays as it was. An earlier folder is
    replaced only if it has the file `marker`, or nothing: it may be of someone else.
    """
    output = output.resolve()
    is_there = output.exists()
    if is_there and not (output.is_dir() and not any(output.iterdir())):
        if not overwrite:
            raise exists_error(output)
        if not (output / marker).is_file():
            msg = (
                f"the output is there, and no earlier one: it has no {marker}: {output}"
                "\nHint: choose another name, or remove it."
            )
            raise OutputExistsError(msg)
    remove_temporary_files(output.parent)
    temporary, earlier = (
        output.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}.tmp") for _ in range(2)
    )
    with system_errors_name(output, temporary):
        temporary.mkdir()
        folder = os.open(temporary, os.O_RDONLY)
        try:
            _lock(folder)
            yield temporary
            for path in temporary.iterdir():
                with path.open("rb") as written:
                    os.fsync(written.fileno())
            if is_there:
                output.rename(earlier)
            temporary.rename(output)
        finally:
            os.close(folder)
            if earlier.exists() and not output.exists():
                earlier.rename(output)  # the new one did not get its name
            for path in (temporary, earlier):
                shutil.rmtree(path, ignore_errors=True)


def _move_to_new(temporary: Path, output: Path) -> None:
    """Rename; refuse to replace a file that was made in the meantime."""
    try:
        output.hardlink_to(temporary)
    except FileExistsError as error:
        raise exists_error(output) from error
    except OSError:  # a file system without hard links
        if output.exists():
            raise exists_error(output) from None
        temporary.rename(output)


def exists_error(output: Location) -> OutputExistsError:
    """Return the error that an output may not be replaced."""
    msg = (
        f"the output exists already: {output}\n"
        f"Hint: choose another name, or overwrite it with {OVERWRITE}."
    )
    return OutputExistsError(msg)
