"""Effort: the time that a search has, and the work it does."""

import time


class OutOfTimeError(Exception):
    """The time is up. It never leaves this folder."""


class Effort:
    """The effort of a search.

    Parameters
    ----------
    seconds
        The time that it has. Until that is up, the clock decides nothing.

    Attributes
    ----------
    iterations : int
        The linear programs solved so far.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.iterations = 0

    def seconds_left(self) -> float:
        """Return the time that is left; raise OutOfTimeError if there is none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise OutOfTimeError
        return left
