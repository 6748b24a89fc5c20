"""Home: where the manifest of a target lies, and the lock that its run holds."""

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from fastpack.errors import OutputExistsError
from fastpack.storage.access import read_bytes
from fastpack.storage.location import Location


class Home(Protocol):
    """The storage of a manifest: a folder, or an object store."""

    @property
    def path(self) -> Location:
        """The manifest."""

    @property
    def token(self) -> Location:
        """The file that holds the token of the present run."""

    def locked(self, token: str) -> AbstractContextManager[None]:
        """Hold the target for the run of this token; refuse if another one does."""

    def read(self) -> bytes:
        """Return the lines of the manifest; nothing, if there is none."""

    def write(self, lines: list[str]) -> None:
        """Replace the manifest by these lines, in one step."""

    def append(self, line: str) -> None:
        """Add a line; what a failure in the next second takes with it is done again."""

    def remove_counts(self) -> None:
        """Remove the histograms of the shards."""


class Ticket(NamedTuple):
    """The right of a worker to write to the target, as long as its run holds that.

    A worker may outlive its run, and must not write into the next one.

    Parameters
    ----------
    job_id
        The id of the job, for the metadata of outputs.
    held_by
        The file that holds the token of the present run.
    token
        The token of the worker's run.
    """

    job_id: str
    held_by: Location
    token: str

    def check(self) -> None:
        """Refuse to go on if another run holds the target."""
        held = read_bytes(self.held_by) or b""
        if not held.startswith(self.token.encode()):
            target = self.held_by.parent.parent
            msg = (
                f"the run has ended, and another one may hold {target}\n"
                "Hint: run the same command again if the target is not complete."
            )
            raise OutputExistsError(msg)


def held_error(target: Location, when_free: str) -> OutputExistsError:
    """Return the error that another run holds the target, and when that is free."""
    msg = (
        f"another run is packing into {target}\n"
        f"Hint: wait for it, or choose another folder; {when_free}."
    )
    return OutputExistsError(msg)
