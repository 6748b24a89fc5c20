"""Best-fit packing of LLM training documents, at memory speed.

The public names. They are loaded when they are first used, so that ``import fastpack``
and the command line's ``--help`` wait for neither Polars nor Numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastpack.comparison import compare, truncations
    from fastpack.errors import (
        DataError,
        DataTypeError,
        FastpackError,
        MissingExtraError,
        OptionError,
        OptionTypeError,
        OutputExistsError,
        SourceNotFoundError,
        VerificationError,
    )
    from fastpack.frame import pack, plan
    from fastpack.grouped_histogram import GroupedHistogram
    from fastpack.histogram import LengthHistogram
    from fastpack.options import PackingOptions
    from fastpack.passes import PackingProgress
    from fastpack.plan_quality import quality
    from fastpack.planning import PackingPlan
    from fastpack.shards import pack_files
    from fastpack.verification import verify

__version__ = "0.1.0"

_HOMES = {
    "DataError": "errors",
    "DataTypeError": "errors",
    "FastpackError": "errors",
    "GroupedHistogram": "grouped_histogram",
    "LengthHistogram": "histogram",
    "MissingExtraError": "errors",
    "OptionError": "errors",
    "OptionTypeError": "errors",
    "OutputExistsError": "errors",
    "PackingOptions": "options",
    "PackingPlan": "planning",
    "PackingProgress": "passes",
    "SourceNotFoundError": "errors",
    "VerificationError": "errors",
    "compare": "comparison",
    "pack": "frame",
    "pack_files": "shards",
    "plan": "frame",
    "quality": "plan_quality",
    "truncations": "comparison",
    "verify": "verification",
}

__all__ = [
    "DataError",
    "DataTypeError",
    "FastpackError",
    "GroupedHistogram",
    "LengthHistogram",
    "MissingExtraError",
    "OptionError",
    "OptionTypeError",
    "OutputExistsError",
    "PackingOptions",
    "PackingPlan",
    "PackingProgress",
    "SourceNotFoundError",
    "VerificationError",
    "compare",
    "pack",
    "pack_files",
    "plan",
    "quality",
    "truncations",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module 'fastpack' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"fastpack.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
