"""The manifest of a target: the run that holds it, its job, its complete shards.

It lies in a folder of its own, ``_fastpack/``, beside the assignments:

    lock             held by the process that writes; the system frees it at its end
    counts/          the histogram of each shard, until the run is complete
    plan.parquet     the plan
    manifest.jsonl   the job in its first line, then one line a complete shard
"""

import hashlib
import json
import os
import secrets
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from fastpack.errors import DataError, OutputExistsError
from fastpack.files.formats.registry import files_of
from fastpack.outputs import replacing, system_errors_name

FOLDER = "_fastpack"

_held: set[Path] = set()
_held_lock = threading.Lock()
"""Targets that threads of this process hold: the lock in the file is for processes."""


class Fingerprint(NamedTuple):
    """The identity of a source: the same as long as nobody writes to its files."""

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: str) -> "Fingerprint":
        """Return the fingerprint of a source, as it is now; its path has no links."""
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


class Ticket(NamedTuple):
    """The right of a worker to write to the target, as long as its run holds that.

    A worker may outlive its run, and must not write into the next one.

    Parameters
    ----------
    job_id
        The id of the job, for the metadata of outputs.
    lock
        The file of the lock, which holds the token of the present run.
    token
        The token of the worker's run.
    """

    job_id: str
    lock: Path
    token: str

    def check(self) -> None:
        """Refuse to go on if another run holds the target."""
        if self.lock.read_text() != self.token:
            msg = f"the run has ended, and another one holds {self.lock.parent.parent}"
            raise OutputExistsError(msg)


class Manifest:
    """The job of a target, and its complete shards.

    Parameters
    ----------
    target
        The folder of the assignments.

    Attributes
    ----------
    path, plan_path, counts_folder
        The files of the manifest and the plan; the folder of the shards' histograms.
    job
        The job of the run, or of an earlier one: the version, the columns that are
        read, the options, the sources and the outputs; None if there was none.
    complete
        The entry of each complete shard, by the name of its output.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = target / FOLDER
        self.counts_folder = self.folder / "counts"
        self.plan_path = self.folder / "plan.parquet"
        self.path = self.folder / "manifest.jsonl"
        self._lock = self.folder / "lock"
        self._token = secrets.token_hex(8)
        self.job: dict[str, Any] | None = None
        self.complete: dict[str, dict[str, Any]] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the target for this run; refuse if another one does."""
        import fcntl  # noqa: PLC0415 -- Windows has none

        target = self.target.resolve()
        with _held_lock:
            if target in _held:
                raise self._held_error()
            _held.add(target)
        try:
            self._refuse_links()
            with system_errors_name(self.target):
                self.counts_folder.mkdir(parents=True, exist_ok=True)
                lock = self._open_lock()
            # Not flock: a forked child would keep it after the death of its parent.
            with lock as file:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise self._held_error() from error
                file.truncate(0)
                file.write(self._token)
                file.flush()
                yield
        finally:
            with _held_lock:
                _held.discard(target)

    def _refuse_links(self) -> None:
        """Refuse to write through links: others may have made them."""
        own = (self.folder, self.counts_folder, self._lock, self.plan_path, self.path)
        for path in own:
            if path.is_symlink():
                raise _link_error(path)

    def _open_lock(self) -> TextIO:
        """Open the file of the lock, and no other file in its place."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self._lock, flags, 0o666)
        status = os.fstat(descriptor)
        if status.st_nlink > 1 or not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise _link_error(self._lock)
        return os.fdopen(descriptor, "r+", encoding="ascii")

    def ticket(self) -> Ticket:
        """Return the ticket of this run, for its workers."""
        return Ticket(job_id_of(self.job), self._lock, self._token)

    def _held_error(self) -> OutputExistsError:
        msg = (
            f"another run is packing into {self.target}\n"
            "Hint: wait for it, or choose another folder."
        )
        return OutputExistsError(msg)

    def read(self) -> None:
        """Read the job and the complete shards of an earlier run, if there was one.

        Stop at the first damaged line: a run may have been killed while it wrote.
        """
        if not self.path.exists():
            return
        entries = map(_parse, self.path.read_bytes().splitlines())
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
        """Record a complete shard."""
        self.complete[output] = {"output": output, **entry}
        with system_errors_name(self.path), self._open_to_append() as file:
            file.write(json.dumps(self.complete[output]) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _open_to_append(self) -> TextIO:
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
        return os.fdopen(os.open(self.path, flags), "a", encoding="utf-8")

    def finish(self, outputs: list[str]) -> None:
        """Write the shards in the order of the sources; remove the histograms."""
        self._write({output: self.complete[output] for output in outputs})
        shutil.rmtree(self.counts_folder, ignore_errors=True)

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        lines = [json.dumps(entry) + "\n" for entry in (self.job, *entries.values())]
        with replacing(self.path, overwrite=True, follow_link=False) as temporary:
            temporary.write_text("".join(lines), "utf-8")


def _link_error(path: Path) -> OutputExistsError:
    msg = (
        f"fastpack's own file or folder is a link: {path}\n"
        "Hint: remove it, or choose another folder: fastpack would write elsewhere."
    )
    return OutputExistsError(msg)


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
        and entry.keys() >= {"version", "columns", "options", "sources"}
        and isinstance(entry["sources"], list)
        and all(map(_is_fingerprint, entry["sources"]))
        and isinstance(entry.get("outputs", []), list)
        and all(isinstance(name, str) for name in entry.get("outputs", []))
    )


def _is_fingerprint(source: Any) -> bool:
    return isinstance(source, dict) and source.keys() == set(Fingerprint._fields)


def _is_shard(entry: Any) -> bool:
    """Say whether an entry is a complete shard."""
    return isinstance(entry, dict) and entry.keys() >= {
        "output",
        "documents",
        "bytes",
        "sha256",
    }


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
    before = [Fingerprint(**source) for source in old["sources"]]
    after = [Fingerprint(**source) for source in new["sources"]]
    paths = {source.path: source for source in before}
    changes += [
        f"source {source.path} "
        + ("was changed" if source.path in paths else "was not among the sources")
        for source in after
        if paths.get(source.path) != source
    ]
    now = {source.path for source in after}
    changes += [f"source {path} is missing" for path in paths if path not in now]
    if before != after and not changes:
        changes.append("the order of the sources")
    return changes
