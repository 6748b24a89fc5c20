"""Arguments that several commands have, and numbers among arguments."""

import argparse
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from fastpack.options import PackingOptions

_Value = TypeVar("_Value")

AddParser: TypeAlias = Callable[..., argparse.ArgumentParser]
"""Makes the parser of a command."""


def add_json(
    parser: argparse.ArgumentParser, text: str = "print the figures as JSON, to stdout"
) -> None:
    """Add the choice of JSON."""
    parser.add_argument("--json", action="store_true", help=text)


def add_overwrite(
    parser: argparse.ArgumentParser, text: str = "replace an output that exists"
) -> None:
    """Add the permission to replace an output."""
    parser.add_argument("--overwrite", action="store_true", help=text)


def integer(text: str) -> int:
    """Read an integer."""
    return _parse(text, int, "an integer")


def number(text: str) -> float:
    """Read a number."""
    return _parse(text, float, "a number")


def positive(text: str) -> int:
    """Read an integer of at least 1."""
    value = integer(text)
    if value < 1:
        message = f"must be an integer of at least 1, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return value


def context_length(text: str) -> int:
    """Read a context length."""

    def parse(text: str) -> int:
        return PackingOptions(context_length=int(text)).context_length

    return _parse(text, parse, "an integer from 1 to 2**31 - 1")


def _parse(text: str, parse: Callable[[str], _Value], what: str) -> _Value:
    try:
        return parse(text)
    except ValueError as error:
        message = f"must be {what}, got {text!r}"
        raise argparse.ArgumentTypeError(message) from error
