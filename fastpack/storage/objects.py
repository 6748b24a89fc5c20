"""Objects: the requests to an object store, by obstore.

A request that is answered by 500 or 503, or not at all, is made again, for three
minutes; the options of Polars `max_retries` and `retry_*` change that.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from fastpack.errors import MissingExtraError, OptionError, StorageError
from fastpack.storage.hub import find_hub_file, list_hub_files
from fastpack.storage.location import NUMBERS, Url

MAX_RETRIES = 10
RETRY_TIMEOUT_MS = 180_000

_SCHEMES = {"s3a": "s3", "gcs": "gs", "azure": "az"}
"""The names of schemes that obstore does not know."""

_PREFIXES = {
    "aws_": ("s3", "s3a"),
    "google_": ("gs", "gcs"),
    "gcs_": ("gs", "gcs"),
    "azure_": ("az", "azure", "abfs", "abfss", "adl"),
}
"""The prefixes of the options of a kind of store, and its schemes."""

_CLIENT = (
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "default_content_type",
    "http1_only",
    "http2_",
    "pool_",
    "proxy_",
    "randomize_addresses",
    "read_timeout",
    "root_certificate",
    "timeout",
    "user_agent",
)
"""Options that are of the connection, not of the store, begin with these."""


Condition: TypeAlias = dict[str, str]
"""The condition of a write that an object is as it was: by the ETag, or in Google's
store by the version."""


class ObjectVersion(NamedTuple):
    """The state of an object: each write gives it another tag.

    Parameters
    ----------
    size
        Its size in bytes.
    tag
        Its ETag.
    """

    size: int
    tag: str


def read_object(url: Url) -> bytes | None:
    """Return the bytes of an object; None if there is none."""
    with _errors_name(url, "read"):
        try:
            return bytes(_store_of(url).get(url.key).bytes())
        except FileNotFoundError:
            return None


def read_object_range(url: Url, start: int, end: int) -> bytes:
    """Return some bytes of an object."""
    if start == end:  # obstore refuses to read none
        return b""
    with _errors_name(url, "read"):
        return bytes(_store_of(url).get_range(url.key, start=start, end=end))


def version_of(url: Url) -> ObjectVersion | None:
    """Return the state of an object; None if there is none."""
    if url.scheme == "hf":
        found = find_hub_file(url)
        return None if found is None else ObjectVersion(found.size, found.tag)
    if not url.key:  # a bucket
        return None
    with _errors_name(url, "read"):
        try:
            return _version(_store_of(url).head(url.key))
        except FileNotFoundError:
            return None


def list_objects(folder: Url) -> Iterator[tuple[Url, ObjectVersion]]:
    """Give all objects below a folder, in the order of their names."""
    if folder.scheme == "hf":
        for found in list_hub_files(folder):
            yield found.url, ObjectVersion(found.size, found.tag)
        return
    with _errors_name(folder, "listed"):
        prefix = f"{folder.key}/" if folder.key else None
        for page in _store_of(folder).list(prefix):
            for each in page:
                yield folder.root / each["path"], _version(each)


def put_object(url: Url, data: bytes | Path) -> None:
    """Write an object in one step, or not at all."""
    with _errors_name(url, "written"):
        _store_of(url).put(url.key, data)


def condition_of(url: Url) -> Condition | None:
    """Return the condition that an object is as it is now; None if there is none."""
    with _errors_name(url, "read"):
        try:
            return _condition(_store_of(url).head(url.key))
        except FileNotFoundError:
            return None


def put_new(url: Url, data: bytes) -> Condition | None:
    """Write an object; None if there is one already, by another writer."""
    return _put_if(url, data, "create")


def put_unchanged(url: Url, data: bytes, condition: Condition) -> Condition | None:
    """Write an object in the place of one that is as it was; None if it is not."""
    return _put_if(url, data, condition)


def _put_if(url: Url, data: bytes, mode: str | Condition) -> Condition | None:
    errors = _errors()
    with _errors_name(url, "written"):
        try:
            return _condition(_store_of(url).put(url.key, data, mode=mode))
        except (errors.AlreadyExistsError, errors.PreconditionError):
            pass
        except FileNotFoundError as error:
            if mode == "create":  # only a bucket can be missed
                raise _error_of(url, "written", error) from error
    # The answer to the first of several attempts may have been lost on the way.
    return condition_of(url) if read_object(url) == data else None


def _condition(found: Any) -> Condition:
    names = ("e_tag", "version")
    return {name: found[name] for name in names if found.get(name) is not None}


def remove_objects(urls: list[Url]) -> None:
    """Remove objects of one bucket, if they are there."""
    if not urls:
        return
    keys = [url.key for url in urls]
    with _errors_name(urls[0], "removed"):
        store = _store_of(urls[0])
        try:
            store.delete(keys)
        except FileNotFoundError:  # Azure and Google stop at one that is not there
            for key in keys:
                with suppress(FileNotFoundError):
                    store.delete(key)


def check_writable(folder: Url) -> None:
    """Refuse a store that is only read, or that the options do not open.

    Nothing is asked of the store itself.
    """
    _store_of(folder)


def _version(found: Any) -> ObjectVersion:
    # Azure quotes it in one answer, and not in a list.
    return ObjectVersion(found["size"], str(found["e_tag"]).strip('"'))


def _store_of(url: Url) -> Any:
    return _open_store(url.scheme, url.root.path, tuple(sorted(url.options.items())))


@lru_cache(maxsize=16)
def _open_store(scheme: str, bucket: str, options: tuple[tuple[str, Any], ...]) -> Any:
    if scheme == "hf":
        msg = f"hf:// is for reading alone, got hf://{bucket}\nHint: write elsewhere."
        raise OptionError(msg)
    base_error = _errors().BaseError
    from obstore.store import from_url  # noqa: PLC0415

    settings = split_options(scheme, dict(options))
    try:
        return from_url(f"{_SCHEMES.get(scheme, scheme)}://{bucket}", **settings)
    except (base_error, ValueError) as error:
        msg = (
            f"`storage_options` do not open {scheme}://{bucket}: {_first_line(error)}\n"
            "Hint: they are those of Polars, such as aws_region, aws_endpoint_url."
        )
        raise OptionError(msg) from error


def _errors() -> Any:
    """Return the module of the errors of obstore, if that is installed."""
    if find_spec("obstore") is None:
        msg = (
            "an object store needs the package obstore, which is not installed\n"
            "Hint: pip install 'fastpack-llm[cloud]'."
        )
        raise MissingExtraError(msg)
    from obstore import exceptions  # noqa: PLC0415 -- takes 50 ms

    return exceptions


def split_options(scheme: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of Polars as obstore takes them: in three parts.

    Those of another kind of store, of sources say, are left out.
    """
    config: dict[str, str] = {}
    client: dict[str, Any] = {}
    for key, value in options.items():
        name = key.lower()
        prefix = next((each for each in _PREFIXES if name.startswith(each)), "")
        if prefix and scheme not in _PREFIXES[prefix]:
            continue
        name = name.removeprefix(prefix)
        if name.startswith(_CLIENT):
            is_switch = value.lower() in ("true", "false")
            client[name] = value.lower() == "true" if is_switch else value
        elif not name.startswith(NUMBERS):
            config[key] = value
    settings: dict[str, Any] = {"config": config, "retry_config": _retry(options)}
    # If there are any, they are taken in place of those of the environment.
    return {**settings, "client_options": client} if client else settings


def _retry(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return how often to ask again, and when."""

    def duration(name: str, default: int) -> timedelta:
        return timedelta(milliseconds=options.get(name, default))

    return {
        "max_retries": options.get("max_retries", MAX_RETRIES),
        "retry_timeout": duration("retry_timeout_ms", RETRY_TIMEOUT_MS),
        "backoff": {
            "init_backoff": duration("retry_init_backoff_ms", 100),
            "max_backoff": duration("retry_max_backoff_ms", 15_000),
            "base": options.get("retry_base_multiplier", 2),
        },
    }


@contextmanager
def _errors_name(url: Url, what: str) -> Iterator[None]:
    """Name the object in errors of its store."""
    base_error = _errors().BaseError
    try:
        yield
    except (FileNotFoundError, StorageError):
        raise
    except (base_error, OSError) as error:
        raise _error_of(url, what, error) from error


def _error_of(url: Url, what: str, error: Exception) -> StorageError:
    msg = (
        f"{url} cannot be {what}: {_first_line(error)}\n"
        "Hint: does the store answer, are the bucket and the region right, and may you "
        "do so? Credentials are those of the environment, or `storage_options`."
    )
    return StorageError(msg)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
