"""Location: the name of a file or folder, of this machine or of an object store."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from fastpack.errors import OptionError, OptionTypeError
from fastpack.option_checks import show

STORES = ("s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "adl", "hf")
"""The schemes of URLs that Polars and obstore both know; hf is for reading alone."""

RUN_FOLDER = "_fastpack"
"""The folder in a target that holds the files of its run itself: no outputs."""

HIDDEN_IN_FOLDERS = (".", "_")
"""The first characters of names that are passed over in folders that are read whole:
Spark writes _SUCCESS, _temporary/ ..."""

_URL = re.compile(r"([a-z][a-z0-9+.-]+):(/{0,2})(.*)", re.IGNORECASE | re.DOTALL)

NUMBERS = ("file_cache_ttl", "max_retries", "rate_", "retry_")
"""The prefixes of the options that are numbers; all others are texts."""


@dataclass(frozen=True, order=True)
class Url:
    """The name of an object, or of a folder of them, with the way into its store.

    It has the names and methods of a `pathlib.Path` that are about the name alone.

    Parameters
    ----------
    scheme
        The kind of store: one of `STORES`.
    path
        The bucket and the key, without a slash at either end.
    options
        As Polars takes them, such as credentials: not compared, and never shown.
    """

    scheme: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        """Return the URL."""
        return f"{self.scheme}://{self.path}"

    def __truediv__(self, name: str | PurePosixPath) -> "Url":
        """Return the object or folder `name` in this folder."""
        return Url(self.scheme, f"{self.path}/{name}", self.options)

    @property
    def root(self) -> "Url":
        """The bucket."""
        return Url(self.scheme, self.path.partition("/")[0], self.options)

    @property
    def key(self) -> str:
        """The name within the bucket."""
        return self.path.partition("/")[2]

    @property
    def name(self) -> str:
        """The last part."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> "Url":
        """The folder; of a bucket, itself."""
        return Url(self.scheme, self.path.rpartition("/")[0] or self.path, self.options)

    @property
    def suffix(self) -> str:
        """The suffix of the name."""
        return PurePosixPath(self.name).suffix

    @property
    def suffixes(self) -> list[str]:
        """All suffixes of the name."""
        return PurePosixPath(self.name).suffixes

    @property
    def parts(self) -> tuple[str, ...]:
        """The bucket, the folders and the name."""
        return tuple(self.path.split("/"))

    def absolute(self) -> "Url":
        """Return itself."""
        return self


Location: TypeAlias = Path | Url

StrPath: TypeAlias = str | os.PathLike[str]
"""The name of a location, as users give it."""


def is_url(name: StrPath) -> bool:
    """Say whether a name is that of an object, or meant to be.

    A `pathlib.Path` makes s3:/ of s3://.
    """
    match = _URL.match(os.fspath(name))
    return match is not None and (match[2] == "//" or match[1].lower() in STORES)


def expand_home(name: str) -> str:
    """Return a name in which a first ~ or ~user is that home folder, as in a shell."""
    first, slash, rest = name.partition("/")
    if not first.startswith("~"):
        return name
    try:
        return f"{Path(first).expanduser()}{slash}{rest}"
    except RuntimeError:  # there is no such user: a file is called so
        return name


def as_path(name: StrPath) -> Path:
    """Return the path of a name of this machine."""
    return Path(expand_home(os.fspath(name)))


def path_here(name: StrPath, parameter: str) -> Path:
    """Return the path of a file or folder of this machine; refuse all else."""
    if not isinstance(name, (str, os.PathLike)):
        msg = (
            f"`{parameter}` must be the name of a file or folder, got {show(name)}\n"
            "Hint: a text, or a pathlib.Path."
        )
        raise OptionTypeError(msg)
    if is_url(name):
        msg = (
            f"`{parameter}` must be a file or folder of this machine, got "
            f"{os.fspath(name)!r}\nHint: only packing many files into a folder writes "
            "to an object store; copy anything else."
        )
        raise OptionError(msg)
    return as_path(name)


def locate(
    name: StrPath | Location, options: Mapping[str, Any] | None = None
) -> Location:
    """Return the location of a name: a `Path`, or of a URL a `Url`.

    Raises
    ------
    OptionError, OptionTypeError
        The URL is of no store, or names no object in it; the options are no texts.
    """
    if isinstance(name, Url):
        return name
    if not is_url(name):
        return as_path(name)
    return parse_url(os.fspath(name), options)


def parse_url(text: str, options: Mapping[str, Any] | None = None) -> Url:
    """Return the `Url` of a text that `is_url`; raise as `locate`."""
    match = _URL.fullmatch(text)
    scheme = match[1].lower() if match else ""
    if match is None or scheme not in STORES or match[2] != "//":
        msg = (
            f"a URL is of no store that is known: {text!r}\n"
            "Hint: such as 's3://bucket/folder/', gs:// or az://, as a text, not a "
            "Path; files of this machine go by their paths."
        )
        raise OptionError(msg)
    path = match[3].rstrip("/")
    if not path or any(part in ("", ".", "..") for part in path.split("/")):
        msg = (
            f"a URL names no object or folder: {text!r}\n"
            "Hint: such as s3://bucket/folder/, with no part empty, '.' or '..'."
        )
        raise OptionError(msg)
    if ":" in path.partition("/")[0]:
        msg = (
            "a URL has a password or a port before its first slash\n"
            "Hint: they belong in `storage_options`, or in the environment."
        )
        raise OptionError(msg)
    return Url(scheme, path, check_storage_options(options))


def check_storage_options(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options of a store as Polars takes them: texts, and some numbers."""
    if options is None:
        return {}
    is_mapping = isinstance(options, Mapping)
    if not is_mapping or not all(isinstance(key, str) for key in options):
        msg = (
            "`storage_options` must be a mapping of names to values, got "
            f"{type(options).__name__}\nHint: such as {{'aws_region': 'eu-west-1'}}."
        )
        raise OptionTypeError(msg)
    return {key: _check_option(key, value) for key, value in options.items()}


def _check_option(key: str, value: object) -> str | float:
    # Values may be secrets: errors show none but those of numbers.
    if not isinstance(value, (str, int, float)):
        msg = (
            f"`storage_options[{key!r}]` must be a text, a number or a bool, got "
            f"{type(value).__name__}\nHint: leave out what has no value."
        )
        raise OptionTypeError(msg)
    if key.startswith(NUMBERS):
        try:
            number = float(value)
        except ValueError:
            msg = (
                f"`storage_options[{key!r}]` must be a number, got {value!r}\n"
                "Hint: such as 10."
            )
            raise OptionError(msg) from None
        return int(number) if number.is_integer() else number
    return str(value).lower() if isinstance(value, bool) else str(value)
