"""The books of a target folder: who writes there, what is packed, what is complete.

They are in a folder of their own, ``_fastpack/``, beside the assignments:

    lock             held by the process that writes; the system frees it when that ends
    counts/          the histogram of each shard, while the run lasts
    plan.parquet     the plan
    manifest.jsonl   the job in its first line, then one line a complete shard
"""

import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from fastpack.errors import DataError, OutputExistsError
from fastpack.outputs import replacing

FOLDER = "_fastpack"

_held: set[Path] = set()
_held_lock = threading.Lock()
"""Targets that threads of this process write to: the lock is one of processes."""


class Fingerprint(NamedTuple):
    """What tells that a source is still the same file."""

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> "Fingerprint":
        """Look at a file."""
        status = path.stat()
        return cls(str(path.resolve()), status.st_size, status.st_mtime_ns)

    def check(self) -> None:
        """Refuse a file that was changed in the meantime."""
        if self.of(Path(self.path)) != self:
            msg = (
                "the file changed while it was packed\n"
                "Hint: pack again when nobody writes to it."
            )
            raise DataError(msg)


class Ticket(NamedTuple):
    """What tells a worker that the run it works for still holds the target.

    A worker may outlive its run, and must not write into the next one.
    """

    lock: Path
    token: str

    def check(self) -> None:
        """Refuse to go on where another run holds the target."""
        if self.lock.read_text() != self.token:
            msg = f"the run has ended, and another one holds {self.lock.parent.parent}"
            raise OutputExistsError(msg)


class Manifest:
    """What is packed into a target, and which of its shards are complete.

    Parameters
    ----------
    target
        The folder of the assignments.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = target / FOLDER
        self.counts = self.folder / "counts"
        self.plan = self.folder / "plan.parquet"
        self._path = self.folder / "manifest.jsonl"
        self.ticket = Ticket(self.folder / "lock", secrets.token_hex(8))
        self.job: dict[str, Any] | None = None
        self.complete: dict[str, dict[str, Any]] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the target for this process; refuse where another one does."""
        import fcntl  # noqa: PLC0415 -- Windows has none

        target = self.target.resolve()
        with _held_lock:
            if target in _held:
                raise self._is_held()
            _held.add(target)
        try:
            self.counts.mkdir(parents=True, exist_ok=True)
            # Not flock, which a forked child would hold on to when its parent is dead.
            with self.ticket.lock.open("a+") as file:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise self._is_held() from error
                file.truncate(0)
                file.write(self.ticket.token)
                file.flush()
                yield
        finally:
            with _held_lock:
                _held.discard(target)

    def _is_held(self) -> OutputExistsError:
        msg = (
            f"another run is packing into {self.target}\n"
            "Hint: wait for it, or choose another folder."
        )
        return OutputExistsError(msg)

    def read(self) -> None:
        """Read what an earlier run left; a line that is damaged is where it ends."""
        if not self._path.exists():
            return
        for number, line in enumerate(self._path.read_bytes().splitlines()):
            try:
                entry = json.loads(line)
                if number == 0:
                    describe_changes(entry, entry)
                    self.job = entry
                else:
                    _ = entry["bytes"], entry["documents"]
                    self.complete[str(entry["output"])] = entry
            except (ValueError, TypeError, KeyError, AttributeError):
                break

    def begin(self, job: dict[str, Any]) -> None:
        """Write the job, and the shards that are complete already."""
        self.job = job
        self._write(self.complete)

    def forget(self) -> None:
        """Start anew."""
        self._path.unlink(missing_ok=True)

    def enter(self, output: str, entry: dict[str, Any]) -> None:
        """Note that a shard is complete."""
        self.complete[output] = {"output": output, **entry}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.complete[output]) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def finish(self, outputs: list[str]) -> None:
        """Put the shards in order, and remove what only a run needs."""
        self._write({output: self.complete[output] for output in outputs})
        shutil.rmtree(self.counts, ignore_errors=True)

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        lines = [json.dumps(entry) + "\n" for entry in (self.job, *entries.values())]
        with replacing(self._path, overwrite=True) as temporary:
            temporary.write_text("".join(lines), "utf-8")


def identify(job: dict[str, Any] | None) -> str:
    """Return a name for a job, which every file that it writes carries."""
    return hashlib.sha256(json.dumps(job).encode()).hexdigest()[:16]


def describe_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Say how two jobs differ."""
    changes = []
    for name in ("version", "columns", "options"):
        before, after = old.get(name), new[name]
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
