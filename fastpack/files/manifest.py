"""The manifest of a target: the run that holds it, its job, its complete shards.

It lies in a folder of its own, ``_fastpack/``, beside the assignments:

    lock             held by the process that writes
    token            that of its run, until the end
    counts/          the histogram of each shard, until the run is complete
    plan.parquet     the plan
    account.json     the account, of a run that packs tokens
    manifest.jsonl   the job in its first line, then one line a complete shard

A shard is complete if the manifest says so. Where the files lie, and what a lock is,
is up to the home of the manifest.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from fastpack.errors import DataError
from fastpack.files.folder_home import FolderHome
from fastpack.files.formats.registry import files_of
from fastpack.files.home import Home, Ticket
from fastpack.files.object_home import ObjectHome
from fastpack.storage.access import real_paths
from fastpack.storage.location import RUN_FOLDER, Location, Url
from fastpack.storage.objects import ObjectVersion, list_objects, version_of

_FEW = 16
"""Objects whose fingerprints are asked for one by one."""


class Fingerprint(NamedTuple):
    """The identity of a source: the same as long as nobody writes to its files.

    Parameters
    ----------
    path
        The path of a file, without links, or the URL of an object.
    size
        Its size, in bytes.
    version
        The time of the last write, in nanoseconds; the ETag of an object.
    """

    path: str | Url
    size: int
    version: int | str

    @classmethod
    def of(cls, path: str | Url) -> "Fingerprint":
        """Return the fingerprint of a source, as it is now; its path has no links."""
        if isinstance(path, Url):
            version = version_of(path)
            return cls(path, *version) if version else cls(path, -1, "")
        found = [file.stat() for file in files_of(Path(path))]
        size = sum(status.st_size for status in found)
        return cls(path, size, max(status.st_mtime_ns for status in found))

    def check(self) -> None:
        """Refuse a file that has changed since."""
        if self.of(self.path) != self:
            msg = (
                "the file changed while it was packed\n"
                "Hint: pack again when nobody writes to it."
            )
            raise DataError(msg)

    def as_dict(self) -> dict[str, int | str]:
        """Return the fingerprint as JSON can hold it."""
        return {**self._asdict(), "path": str(self.path)}


def fingerprints_of(paths: Sequence[Location]) -> list[Fingerprint]:
    """Return the fingerprints of sources, as they are now.

    The objects of a bucket are listed, a thousand at a time, if there are many.
    """
    listed: dict[Url, ObjectVersion] = {}
    urls = [path for path in paths if isinstance(path, Url)]
    if len(urls) > _FEW:
        for folder in _common_folders(urls):
            listed.update(list_objects(folder))
    fingerprints = []
    for path, real in zip(paths, real_paths(paths), strict=True):
        if isinstance(path, Url) and path in listed:
            fingerprints.append(Fingerprint(path, *listed[path]))
        else:
            fingerprints.append(Fingerprint.of(real))
    return fingerprints


def _common_folders(urls: Sequence[Url]) -> list[Url]:
    """Return the folder that all objects of each bucket have in common."""
    folders: dict[Url, Url] = {}
    for url in urls:
        common = folders.setdefault(url.root, url.parent)
        while common != url.root and not url.path.startswith(f"{common.path}/"):
            common = common.parent
        folders[url.root] = common
    return list(folders.values())


class Manifest:
    """The job of a target, and its complete shards.

    Parameters
    ----------
    target
        The folder of the assignments.

    Attributes
    ----------
    folder, path, plan_path, account_path, counts_folder
        The folder above; the files of the manifest, the plan and the account; the
        folder of the shards' histograms.
    job
        The job of the run, or of an earlier one: the version, the columns that are
        read, the options, the sources and the outputs; None if there was none.
    complete
        The entry of each complete shard, by the name of its output.
    """

    def __init__(self, target: Location) -> None:
        self.target = target
        self._home: Home = (
            FolderHome(target) if isinstance(target, Path) else ObjectHome(target)
        )
        self.folder = target / RUN_FOLDER
        self.counts_folder = self.folder / "counts"
        self.plan_path = self.folder / "plan.parquet"
        self.account_path = self.folder / "account.json"
        self.path = self._home.path
        self._token = secrets.token_hex(8)
        self.job: dict[str, Any] | None = None
        self.complete: dict[str, dict[str, Any]] = {}

    def locked(self) -> AbstractContextManager[None]:
        """Hold the target for this run; refuse if another one does."""
        return self._home.locked(self._token)

    def ticket(self) -> Ticket:
        """Return the ticket of this run, for its workers."""
        return Ticket(job_id_of(self.job), self._home.token, self._token)

    def read(self) -> None:
        """Read the job and the complete shards of an earlier run, if there was one.

        Stop at the first damaged line: a run may have been killed while it wrote.
        """
        entries = map(_parse, self._home.read().splitlines())
        job = next(entries, None)
        if not _is_job(job):
            return
        self.job = job
        for shard in takewhile(_is_shard, entries):
            self.complete[shard["output"]] = shard

    def begin(self, job: dict[str, Any]) -> None:
        """Write the job, and the shards that are complete already."""
        self.job = job
        self._write(self.complete)

    def record(self, output: str, entry: dict[str, Any]) -> None:
        """Record a complete shard; one whose record is lost is packed again."""
        self.complete[output] = {"output": output, **entry}
        self._home.append(json.dumps(self.complete[output]) + "\n")

    def finish(self, outputs: list[str]) -> None:
        """Write the shards in the order of the sources; remove the histograms."""
        self._write({output: self.complete[output] for output in outputs})
        self._home.remove_counts()

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        self._home.write(
            [json.dumps(entry) + "\n" for entry in (self.job, *entries.values())]
        )


def _parse(line: bytes) -> Any:
    """Return an entry of the manifest; None if its line is no JSON."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _is_job(entry: Any) -> bool:
    """Say whether an entry is a job, which can be compared and replaced."""
    return (
        isinstance(entry, dict)
        and entry.keys() >= {"version", "columns", "options", "sources", "outputs"}
        and isinstance(entry["sources"], list)
        and all(map(_is_fingerprint, entry["sources"]))
        and isinstance(entry["outputs"], list)
        and all(isinstance(name, str) for name in entry["outputs"])
    )


def _is_fingerprint(source: Any) -> bool:
    return isinstance(source, dict) and source.keys() == set(Fingerprint._fields)


def _is_shard(entry: Any) -> bool:
    """Say whether an entry is a complete shard."""
    needed = {"output", "documents", "bytes"}
    return (
        isinstance(entry, dict)
        and entry.keys() >= needed
        and bool(entry.keys() & {"sha256", "etag"})
    )


def job_id_of(job: dict[str, Any] | None) -> str:
    """Return the id of a job, a hash: all outputs of the job carry it, no others."""
    return hashlib.sha256(json.dumps(job).encode()).hexdigest()[:16]


def describe_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the differences between two jobs, in words; nothing if they are equal."""
    changes = []
    for name in ("version", "columns", "options", "sequences"):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            changes += [
                f"{key} was {before.get(key)!r}, is {value!r}"
                for key, value in after.items()
                if before.get(key) != value
            ]
        elif before != after:
            changes.append(f"the {name} was {before!r}, is {after!r}")
    before, after = old["sources"], new["sources"]
    known = {source["path"]: source for source in before}
    changes += [
        f"source {source['path']} "
        + ("was changed" if source["path"] in known else "was not among the sources")
        for source in after
        if known.get(source["path"]) != source
    ]
    now = {source["path"] for source in after}
    changes += [f"source {path} is missing" for path in known if path not in now]
    if before != after and not changes:
        changes.append("the order of the sources")
    return changes
