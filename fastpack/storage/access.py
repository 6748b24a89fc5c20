"""Access: the same functions for files of this machine and objects of a store."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fastpack.storage.location import Location, Url
from fastpack.storage.objects import (
    MAX_RETRIES,
    RETRY_TIMEOUT_MS,
    read_object,
    read_object_range,
    remove_objects,
    version_of,
)


def for_polars(location: Location) -> dict[str, Any]:
    """Return the arguments for a function of Polars that reads a file."""
    if isinstance(location, Path):
        return {"source": location}
    options = {"max_retries": MAX_RETRIES, "retry_timeout_ms": RETRY_TIMEOUT_MS}
    return {
        "source": str(location),
        "storage_options": {**options, **location.options},
    }


def size_of(location: Location) -> int | None:
    """Return the size of a file in bytes; None if there is none."""
    if isinstance(location, Url):
        version = version_of(location)
        return None if version is None else version.size
    return location.stat().st_size if location.is_file() else None


def read_bytes(location: Location) -> bytes | None:
    """Return the bytes of a file; None if there is none."""
    if isinstance(location, Url):
        return read_object(location)
    return location.read_bytes() if location.exists() else None


def has_ranges(location: Location) -> bool:
    """Say whether `read_range` can read a part of such a file."""
    return isinstance(location, Path) or location.scheme != "hf"


def read_range(location: Location, start: int, end: int) -> bytes:
    """Return some bytes of a file."""
    if isinstance(location, Url):
        return read_object_range(location, start, end)
    with location.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def remove(locations: Sequence[Location]) -> None:
    """Remove files, if they are there: the first one before all others."""
    for location in locations:
        if isinstance(location, Path):
            location.unlink(missing_ok=True)
    urls = [each for each in locations if isinstance(each, Url)]
    remove_objects(urls[:1])
    remove_objects(urls[1:])


def real_paths(files: Iterable[Location]) -> list[str | Url]:
    """Resolve the links in paths of files; in that of each folder once.

    One by one, 10,000 paths take most of a second.
    """
    folders: dict[Path, str] = {}
    real: list[str | Url] = []
    for file in files:
        if isinstance(file, Url):
            real.append(file)
            continue
        if (folder := folders.get(file.parent)) is None:
            folder = os.path.realpath(file.parent).rstrip("/")
            folders[file.parent] = folder
        is_link = file.is_symlink()
        real.append(os.path.realpath(file) if is_link else f"{folder}/{file.name}")
    return real
