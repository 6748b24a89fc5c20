"""The command line. What the commands need is imported when one is run."""

import signal
import sys
import threading
from collections.abc import Sequence

from fastpack.cli.arguments import make_parser
from fastpack.cli.printing import say
from fastpack.errors import FastpackError, OptionError, OptionTypeError

BAD_DATA = 1
USAGE = 2
INTERRUPTED = 130
TERMINATED = 143


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code: 0, 1 for bad data, 2 for wrong usage."""
    arguments = make_parser().parse_args(argv)
    if threading.current_thread() is threading.main_thread():
        # Leave as from an interrupt: temporary files are removed on the way out.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        from fastpack.cli.commands import COMMANDS  # noqa: PLC0415

        COMMANDS[arguments.command](arguments)
    except (OptionError, OptionTypeError) as error:
        return _complain(error, USAGE)
    except (FastpackError, OSError, MemoryError) as error:
        return _complain(error, BAD_DATA)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    return 0


def _complain(error: object, code: int) -> int:
    say(f"fastpack: error: {error}")
    return code
