"""Notes, errors and JSON: results go to stdout, all else to stderr."""

import json
import sys
from typing import Any


def say(text: str) -> None:
    """Print a note or an error for people, to stderr."""
    sys.stderr.write(f"{text}\n")


def print_json(value: Any) -> None:
    """Print a result as one line of JSON, to stdout."""
    sys.stdout.write(f"{json.dumps(value)}\n")
