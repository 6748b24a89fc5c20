"""FolderHome: a manifest in a folder of this machine, locked by the system."""

import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from fastpack.errors import OutputExistsError
from fastpack.files.home import held_error
from fastpack.outputs import replacing, system_errors_name
from fastpack.storage.location import RUN_FOLDER

_SYNC_SECONDS = 1.0
"""The least time from one flush of the manifest to the disk to the next."""

_WHEN_FREE = "the end of its process frees this one"
"""When a lock is free, for the error that it is not."""

_held: set[Path] = set()
_held_lock = threading.Lock()
"""Targets that threads of this process hold: the lock in the file is for processes."""


class FolderHome:
    """The files of a manifest: see `Home`.

    Parameters
    ----------
    target
        The folder of the outputs.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = target / RUN_FOLDER
        self.counts_folder = self.folder / "counts"
        self.path = self.folder / "manifest.jsonl"
        # Files of their own: a process that opens a file that it has locked, as threads
        # do to read the token, loses its lock when it closes that.
        self.lock = self.folder / "lock"
        self.token = self.folder / "token"
        self._synced = 0.0

    @contextmanager
    def locked(self, token: str) -> Iterator[None]:
        """Hold the target by a lock on a file, which the system frees at its end."""
        import fcntl  # noqa: PLC0415 -- Windows has none

        target = self.target.resolve()
        with _held_lock:
            if target in _held:
                raise held_error(self.target, _WHEN_FREE)
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
                    raise held_error(self.target, _WHEN_FREE) from error
                self._replace(self.token, token)
                try:
                    yield
                finally:
                    self.token.unlink(missing_ok=True)
        finally:
            with _held_lock:
                _held.discard(target)

    def _refuse_links(self) -> None:
        """Refuse to write through links: others may have made them."""
        plan = self.folder / "plan.parquet"
        files = (self.lock, self.token, plan, self.path)
        for path in (self.folder, self.counts_folder, *files):
            if path.is_symlink():
                raise _link_error(path)

    def _open_lock(self) -> TextIO:
        """Open the file of the lock, and no other file in its place."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self.lock, flags, 0o666)
        status = os.fstat(descriptor)
        if status.st_nlink > 1 or not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise _link_error(self.lock)
        return os.fdopen(descriptor, "r+", encoding="ascii")

    def read(self) -> bytes:
        """Read the manifest."""
        return self.path.read_bytes() if self.path.exists() else b""

    def write(self, lines: list[str]) -> None:
        """Write the manifest anew."""
        self._replace(self.path, "".join(lines))

    def _replace(self, path: Path, text: str) -> None:
        with replacing(path, overwrite=True, follow_link=False) as temporary:
            temporary.write_text(text, "utf-8")

    def append(self, line: str) -> None:
        """Add a line; the end of this process does not lose it."""
        with system_errors_name(self.path), self._open_to_append() as file:
            file.write(line)
            # Each time costs 5 ms, which is all of the driver's time for many shards.
            if time.monotonic() > self._synced + _SYNC_SECONDS:
                file.flush()
                os.fsync(file.fileno())
                self._synced = time.monotonic()

    def _open_to_append(self) -> TextIO:
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
        return os.fdopen(os.open(self.path, flags), "a", encoding="utf-8")

    def remove_counts(self) -> None:
        """Remove the folder of the histograms."""
        shutil.rmtree(self.counts_folder, ignore_errors=True)


def _link_error(path: Path) -> OutputExistsError:
    msg = (
        f"fastpack's own file or folder is a link: {path}\n"
        "Hint: remove it, or choose another folder: fastpack would write elsewhere."
    )
    return OutputExistsError(msg)
