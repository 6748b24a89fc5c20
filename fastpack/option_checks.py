"""Checks of single options, by their types: what is wrong, and what helps."""

import operator
from bisect import bisect
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import wraps
from math import inf, isqrt
from typing import Any, ParamSpec, TypeVar, get_args

from fastpack.errors import OptionError, OptionTypeError

_LONGEST = 200
"""Characters of a value that a message shows: of a frame, they would be pages."""

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def refuse_unknown(
    function: Callable[_Parameters, _Result],
) -> Callable[_Parameters, _Result]:
    """Let a function that takes rules by name say which names there are.

    It raises OptionTypeError if a keyword is none of its parameters, nor of the rules.
    """
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    (rules,) = get_args(function.__annotations__["rules"])
    known = dict.fromkeys([*names, *rules.__annotations__])

    @wraps(function)
    def checked(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        for name in kwargs:
            if name not in known:
                raise _unknown(function.__qualname__, name, list(known))
        return function(*args, **kwargs)

    return checked


def _unknown(function: str, name: str, known: list[str]) -> OptionTypeError:
    known = [each for each in known if each != "self"]
    names = ", ".join(known)
    hint = f"its parameters are {names}"
    if close := get_close_matches(name, known, 1):
        hint = f"did you mean `{close[0]}`? The parameters are {names}"
    msg = (
        f"`{name}` is no parameter of {function.removesuffix('.__init__')}\n"
        f"Hint: {hint}."
    )
    return OptionTypeError(msg)


def show(value: object) -> str:
    """Return the text of a value for a message: of one that is long, only its type."""
    text = repr(value)
    if len(text) <= _LONGEST and "\n" not in text:
        return text
    return f"a {type(value).__module__}.{type(value).__qualname__}"


def as_integer(name: str, value: Any, hint: str) -> int:
    """Return the value of an option as an int, of any type that is an integer."""
    msg = f"`{name}` must be an integer, got {show(value)}\nHint: {hint}."
    # bool has __index__, and so has numpy.bool in older releases.
    if type(value).__name__ in {"bool", "bool_"} or not hasattr(value, "__index__"):
        raise OptionTypeError(msg)
    try:
        return operator.index(value)
    except TypeError as error:  # an array of more than one integer, say
        raise OptionTypeError(msg) from error


def as_power(number: int) -> str:
    """Write the bound of an integer type as people know it, others as they are."""
    is_bound = number >= 2**31 - 1 and number & (number + 1) == 0
    return f"2**{number.bit_length()} - 1" if is_bound else str(number)


def as_number(name: str, value: Any, end: float, hint: str) -> float:
    """Return the value of an option as a float, of any type that is a real number.

    It is at least 0, and less than `end`.
    """
    if type(value) is float and 0 <= value < end:
        return value
    msg = f"`{name}` must be a number, got {show(value)}\nHint: {hint}."
    if isinstance(value, (bool, str, bytes)):
        raise OptionTypeError(msg)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise OptionTypeError(msg) from error
    if not 0 <= number < end:
        bound = "finite" if end == inf else f"less than {end:g}"
        bound = f"at least 0, and {bound}"
        msg = f"`{name}` must be {bound}, got {show(value)}\nHint: {hint}."
        raise OptionError(msg)
    return number


def check_by(by: object) -> tuple[str, ...] | None:
    """Return the names of columns, each once."""
    if by is None:
        return None
    names = (by,) if isinstance(by, str) else by
    if not isinstance(names, Sequence) or not all(
        isinstance(name, str) for name in names
    ):
        msg = (
            f"`by` must be columns' names, got {show(by)}\n"
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
    if value in choices:
        return
    hint = f"choose one of {', '.join(map(repr, choices))}"
    if not isinstance(value, str):
        msg = f"`{name}` must be a string, got {show(value)}\nHint: {hint}."
        raise OptionTypeError(msg)
    if close := get_close_matches(value, choices, 1):
        hint = f"did you mean {close[0]!r}? Else {hint}"
    msg = f"`{name}` is unknown: {value!r}\nHint: {hint}."
    raise OptionError(msg)


def align_error(context_length: int, align: int) -> OptionError:
    """Return the error that `align` does not divide L, with values near to both."""
    small = [n for n in range(1, isqrt(context_length) + 1) if context_length % n == 0]
    divisors = [*small, *(context_length // n for n in reversed(small))]
    place = bisect(divisors, align)
    low = context_length // align * align
    msg = (
        f"`align` must divide `context_length`, got {align} and {context_length}\n"
        f"Hint: such as `align` {divisors[place - 1]} or {divisors[place]}, or "
        f"`context_length` {low} or {low + align}."
    )
    return OptionError(msg)
