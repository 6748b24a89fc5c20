"""Best-fit packing of LLM training documents, at memory speed.

The public names. They are loaded when they are first used, so that ``import fastpack``
and the command line's ``--help`` wait for neither Polars nor Numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastpack.version import __version__ as __version__

if TYPE_CHECKING:
    from fastpack.documents.grouped_histogram import GroupedHistogram
    from fastpack.documents.histogram import LengthHistogram
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
    from fastpack.files.pack_files import pack_files
    from fastpack.files.passes import PackingProgress
    from fastpack.options import PackingOptions
    from fastpack.packing.pack import pack, plan
    from fastpack.packing.plan import PackingPlan
    from fastpack.reports.compare import compare
    from fastpack.reports.cuts import cuts
    from fastpack.reports.quality import quality
    from fastpack.verification.verify import verify

_HOMES = {
    name: module
    for module, names in {
        "documents.grouped_histogram": ["GroupedHistogram"],
        "documents.histogram": ["LengthHistogram"],
        "errors": [
            "DataError",
            "DataTypeError",
            "FastpackError",
            "MissingExtraError",
            "OptionError",
            "OptionTypeError",
            "OutputExistsError",
            "SourceNotFoundError",
            "VerificationError",
        ],
        "files.pack_files": ["pack_files"],
        "files.passes": ["PackingProgress"],
        "options": ["PackingOptions"],
        "packing.pack": ["pack", "plan"],
        "packing.plan": ["PackingPlan"],
        "reports.compare": ["compare"],
        "reports.cuts": ["cuts"],
        "reports.quality": ["quality"],
        "verification.verify": ["verify"],
    }.items()
    for name in names
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
    "cuts",
    "pack",
    "pack_files",
    "plan",
    "quality",
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
