"""Hub: which files a dataset of Hugging Face has, by its web interface.

Polars reads hf:// itself, and says neither which files there are nor whether one has
changed. ``hf://datasets/owner/name@revision/folder/file``: without a revision, main.
"""

import json
import os
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from fastpack.errors import OptionError, StorageError
from fastpack.storage.location import Url

_ATTEMPTS = 6
"""How often a question is asked: the pauses double, from half a second on."""

_TIMEOUT = 60.0
"""Seconds without a byte after which a question is asked again."""

_REPOSITORY_PARTS = 3


class HubFile(NamedTuple):
    """A file of a dataset: its URL, size in bytes, and the hash of its content."""

    url: Url
    size: int
    tag: str


def find_hub_file(url: Url) -> HubFile | None:
    """Return a file of a dataset; None if there is none."""
    if len(url.parts) <= _REPOSITORY_PARTS:
        return None
    found = (each for each in _list(url.parent, "") if each.url == url)
    return next(found, None)


def list_hub_files(folder: Url) -> Iterator[HubFile]:
    """Give all files below a folder of a dataset, in the order of their names."""
    yield from sorted(_list(folder, "?recursive=true"))


def _list(folder: Url, query: str) -> Iterator[HubFile]:
    if len(folder.parts) < _REPOSITORY_PARTS or folder.parts[0] != "datasets":
        msg = (
            f"a URL of Hugging Face names no dataset: {folder}\n"
            "Hint: such as hf://datasets/owner/name/folder/."
        )
        raise OptionError(msg)
    kind, owner, name, *below = folder.parts
    name, _, revision = name.partition("@")
    root = f"{kind}/{owner}/{name}/tree/{quote(revision or 'main', safe='')}"
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    page: str | None = f"{endpoint}/api/{root}/{quote('/'.join(below))}{query}"
    top = Url(folder.scheme, "/".join(folder.parts[:_REPOSITORY_PARTS]), folder.options)
    while page:
        entries, page = _ask(page, folder)
        for entry in entries:
            if entry["type"] == "file":
                yield HubFile(top / entry["path"], entry["size"], entry["oid"])


def _ask(page: str, folder: Url) -> tuple[list[Any], str | None]:
    """Return the entries of a page, and the next page; no entries if it is absent."""
    token = folder.options.get("token") or os.environ.get("HF_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for attempt in range(_ATTEMPTS):
        try:
            request = Request(page, headers=headers)  # noqa: S310
            with urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
                following = answer.headers.get("Link", "")
                is_last = 'rel="next"' not in following
                following = following.partition("<")[2].partition(">")[0]
                return json.load(answer), None if is_last else following
        except HTTPError as error:
            error.close()
            if error.code == HTTPStatus.NOT_FOUND:
                return [], None
            reason: Exception = error
            is_busy = error.code == HTTPStatus.TOO_MANY_REQUESTS
            if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and not is_busy:
                break
        except (OSError, HTTPException) as error:  # the connection ended, say
            reason = error
        time.sleep(2**attempt / 2)
    msg = (
        f"{folder} cannot be listed: {reason}\n"
        "Hint: is the dataset public, or HF_TOKEN set?"
    )
    raise StorageError(msg) from reason
