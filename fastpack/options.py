"""PackingOptions: every rule of a packing, validated once."""

import operator
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from fastpack.errors import OptionError, OptionTypeError

LongDocuments = Literal["split", "truncate", "drop", "error"]

MAX_CONTEXT_LENGTH = 2**31 - 1
"""`chunk_length` and `bin_offset` are Int32 columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackingOptions:
    """The rules of a packing.

    Parameters
    ----------
    context_length
        L, the tokens in one training sequence: 1 ... 2**31 - 1.
    long_documents
        What is done with a document longer than L. ``"split"``: cut it into chunks of
        L tokens and a remainder, the rule of Ding et al. (2024), section 3.1.
        ``"truncate"``: pack its first L tokens. ``"drop"``: pack nothing of it.
        ``"error"``: refuse the corpus.

    Raises
    ------
    OptionTypeError
        `context_length` is not an integer, or `long_documents` not a string.
    OptionError
        `context_length` is out of range, or `long_documents` unknown.

    Examples
    --------
    >>> from fastpack import PackingOptions
    >>> PackingOptions(context_length=2048)
    PackingOptions(context_length=2048, long_documents='split')
    """

    context_length: int
    long_documents: LongDocuments = "split"

    def __post_init__(self) -> None:
        """Validate, and turn NumPy integers into ints."""
        object.__setattr__(
            self, "context_length", _check_context_length(self.context_length)
        )
        _check_choice("long_documents", self.long_documents, get_args(LongDocuments))

    def as_dict(self) -> dict[str, Any]:
        """Return the options by name, as JSON can hold them."""
        return asdict(self)


def _check_context_length(value: object) -> int:
    hint = "Hint: pass the number of tokens in a training sequence, such as 2048."
    # bool has __index__, and so has numpy.bool in older releases.
    if type(value).__name__ in {"bool", "bool_"} or not hasattr(value, "__index__"):
        msg = f"`context_length` must be an integer, got {value!r}\n{hint}"
        raise OptionTypeError(msg)
    try:
        number = operator.index(value)
    except TypeError as error:  # an array of more than one integer, say
        msg = f"`context_length` must be an integer, got {value!r}\n{hint}"
        raise OptionTypeError(msg) from error
    if not 1 <= number <= MAX_CONTEXT_LENGTH:
        bound = "at least 1" if number < 1 else "at most 2**31 - 1"
        msg = f"`context_length` must be {bound}, got {number}\n{hint}"
        raise OptionError(msg)
    return number


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    hint = "Hint: choose one of " + ", ".join(map(repr, choices)) + "."
    if not isinstance(value, str):
        msg = f"`{name}` must be a string, got {value!r}\n{hint}"
        raise OptionTypeError(msg)
    if value not in choices:
        msg = f"`{name}` is unknown: {value!r}\n{hint}"
        raise OptionError(msg)
