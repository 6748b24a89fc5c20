"""Checks of single options, by their types: what is wrong, and what helps."""

import operator
from collections.abc import Sequence
from typing import Any

from fastpack.errors import OptionError, OptionTypeError


def as_integer(name: str, value: Any, hint: str) -> int:
    """Return the value of an option as an int, of any type that is an integer."""
    msg = f"`{name}` must be an integer, got {value!r}\nHint: {hint}."
    # bool has __index__, and so has numpy.bool in older releases.
    if type(value).__name__ in {"bool", "bool_"} or not hasattr(value, "__index__"):
        raise OptionTypeError(msg)
    try:
        return operator.index(value)
    except TypeError as error:  # an array of more than one integer, say
        raise OptionTypeError(msg) from error


def check_by(by: object) -> tuple[str, ...] | None:
    """Return the names of columns, each once."""
    if by is None:
        return None
    names = (by,) if isinstance(by, str) else by
    if not isinstance(names, Sequence) or not all(
        isinstance(name, str) for name in names
    ):
        msg = (
            f"`by` must be columns' names, got {by!r}\n"
            "Hint: such as 'source' or ['source', 'language']."
        )
        raise OptionTypeError(msg)
    if not names or len(set(names)) < len(names):
        msg = (
            f"`by` must name columns, each once, got {by!r}\n"
            "Hint: None packs all documents together."
        )
        raise OptionError(msg)
    return tuple(names)


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of the choices."""
    hint = "Hint: choose one of " + ", ".join(map(repr, choices)) + "."
    if not isinstance(value, str):
        msg = f"`{name}` must be a string, got {value!r}\n{hint}"
        raise OptionTypeError(msg)
    if value not in choices:
        msg = f"`{name}` is unknown: {value!r}\n{hint}"
        raise OptionError(msg)
