"""ObjectHome: a manifest in an object store, locked by conditional writes.

A store has no lock that is freed at the end of a process. So the holder of the lock
writes it again every few seconds, each time under the condition that it is as it was
left. Who finds a lock watches it: one that changes is held, one that does not change
for `LEASE_SECONDS` was left by a run that died, and is taken, again under the
condition that it is as it was. No clocks are compared.

Nothing is appended in a store. New lines are written as objects of their own, one a
second at most, and joined when the manifest is written anew:

    lock             the token of the run that holds it, and a number
    manifest.jsonl   as in a folder
    manifest/        the lines since then
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fastpack.errors import OutputExistsError, StorageError
from fastpack.files.home import held_error
from fastpack.storage.location import RUN_FOLDER, Url
from fastpack.storage.objects import (
    Condition,
    condition_of,
    list_objects,
    put_new,
    put_object,
    put_unchanged,
    read_object,
    remove_objects,
)

LEASE_SECONDS = 30.0
"""The time without a change after which a lock is free."""

_FREE = b"free"
"""The content of a lock that nobody holds."""

_FLUSH_SECONDS = 1.0
"""The least time from one object of new lines to the next."""


class ObjectHome:
    """The objects of a manifest: see `Home`.

    Parameters
    ----------
    target
        The folder of the outputs.
    """

    def __init__(self, target: Url) -> None:
        self.target = target
        self.folder = target / RUN_FOLDER
        self.counts_folder = self.folder / "counts"
        self.path = self.folder / "manifest.jsonl"
        self.lock = self.token = self.folder / "lock"
        self._parts = self.folder / "manifest"
        self._token = ""
        self._n_parts = 0
        self._waiting: list[str] = []
        self._flushed = 0.0
        self._is_lost = False

    @contextmanager
    def locked(self, token: str) -> Iterator[None]:
        """Hold the target by the lock, which is renewed until the end."""
        self._token = token
        held = self._take(f"{token} 0".encode())
        ended = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(held, ended), daemon=True)
        renewing.start()
        try:
            yield
        finally:
            try:
                if not self._is_lost:
                    self._flush()
            finally:
                ended.set()
                renewing.join()

    def _take(self, content: bytes) -> Condition:
        """Take the lock, and return its state; refuse if another run holds it."""
        if held := put_new(self.lock, content):
            return held
        until = time.monotonic() + LEASE_SECONDS
        found = condition_of(self.lock)
        while read_object(self.lock) != _FREE and time.monotonic() < until:
            time.sleep(LEASE_SECONDS / 20)
            before, found = found, condition_of(self.lock)
            if found != before and read_object(self.lock) != _FREE:
                raise self._held_error()
        taken = put_unchanged(self.lock, content, found) if found else None
        if taken is None:  # another was faster
            raise self._held_error()
        return taken

    def _held_error(self) -> OutputExistsError:
        when_free = f"a run that was killed frees this one after {LEASE_SECONDS:.0f} s"
        return held_error(self.target, when_free)

    def _renew(self, held: Condition, ended: threading.Event) -> None:
        """Write the lock again and again; leave it as one that is free."""
        number = 0
        while not self._is_lost:
            is_end = ended.wait(LEASE_SECONDS / 6)
            number += 1
            # Another number, or the tag of the object would be the same.
            content = _FREE if is_end else f"{self._token} {number}".encode()
            try:
                renewed = put_unchanged(self.lock, content, held)
            except StorageError:  # the store may answer again in time
                renewed = held
            if is_end:
                return
            self._is_lost = renewed is None
            held = renewed or held

    def read(self) -> bytes:
        """Read the manifest, and the lines that were written since."""
        lines = read_object(self.path) or b""
        if not lines:
            return lines
        for url, _ in list_objects(self._parts):
            lines += read_object(url) or b""
        return lines

    def write(self, lines: list[str]) -> None:
        """Write the manifest anew; remove what it replaces."""
        self._check()
        parts = [url for url, _ in list_objects(self._parts)]
        put_object(self.path, "".join(lines).encode())
        remove_objects(parts)
        self._waiting = []
        self._n_parts = 0

    def append(self, line: str) -> None:
        """Add a line; the end of this process may lose those of the last second."""
        self._check()
        self._waiting.append(line)
        if time.monotonic() > self._flushed + _FLUSH_SECONDS:
            self._flush()

    def _flush(self) -> None:
        """Write the lines that wait as an object."""
        if self._waiting:
            self._check()
            part = self._parts / f"{self._token}-{self._n_parts:08}.jsonl"
            put_object(part, "".join(self._waiting).encode())
            self._n_parts += 1
            self._waiting = []
            self._flushed = time.monotonic()

    def _check(self) -> None:
        """Refuse to write what belongs to another run."""
        if self._is_lost:
            msg = (
                f"this run lost its hold of {self.target}: another one took it\n"
                "Hint: the store did not answer for a while; run again when that ended."
            )
            raise OutputExistsError(msg)

    def remove_counts(self) -> None:
        """Remove the histograms."""
        remove_objects([url for url, _ in list_objects(self.counts_folder)])
