"""Best-fit packing of LLM training documents, at memory speed.

================== =========================================================
`pack`             documents -> the assignment table: where every chunk goes
`pack_files`       the same for many files of any size, into a file for each
`pack_tokens`      documents with their tokens -> training sequences
`pack_token_files` the same for many files of any size, block by block
`plan`             the figures of a packing, without the table
`compare`          best-fit packing beside concatenation and truncation
`cuts`             the cuts inside documents, by the length of the documents
`quality`          what the sequences of a plan hold, how far from a bound
`verify`           check that an assignment is a valid packing
`verify_tokens`    check that sequences hold all tokens of their documents
`write_sequences`  training sequences -> the files of a trainer's loader
`write_olmo_index` an assignment -> the index files of OLMo-core
`PackedSequences`  sequence i of an assignment, built when it is asked for
================== =========================================================

``help(fastpack.pack)`` says more, and so on. `PackingOptions` describes the rules,
which are keyword arguments; `PackingPlan` is what `plan` gives. Every error is a
`FastpackError`.

>>> import fastpack
>>> fastpack.pack([8, 6, 6, 4, 3], context_length=8)["bin"].to_list()
[0, 1, 2, 3, 3]
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastpack import engines as engines
from fastpack import forks as _forks  # noqa: F401 -- watches forks from now on
from fastpack.version import __version__ as __version__

if TYPE_CHECKING:
    from fastpack.documents.grouped_histogram import GroupedHistogram
    from fastpack.documents.histogram import LengthHistogram
    from fastpack.errors import (
        DataError,
        DataTypeError,
        EngineError,
        FastpackError,
        ForkedProcessError,
        MissingExtraError,
        OptionError,
        OptionTypeError,
        OutputExistsError,
        SourceNotFoundError,
        StorageError,
        VerificationError,
    )
    from fastpack.files.olmo_index import write_olmo_index
    from fastpack.files.pack_files import pack_files
    from fastpack.files.pack_token_files import pack_token_files
    from fastpack.files.passes import PackingProgress
    from fastpack.files.token_account import TokenAccount
    from fastpack.files.write_sequences import write_sequences
    from fastpack.options import PackingOptions
    from fastpack.packing.optimal.certificate import Certificate
    from fastpack.packing.pack import pack, plan
    from fastpack.packing.plan import PackingPlan
    from fastpack.reports.compare import compare
    from fastpack.reports.cuts import cuts
    from fastpack.reports.quality import quality
    from fastpack.tokens.pack_tokens import pack_tokens
    from fastpack.tokens.sequences import PackedSequences
    from fastpack.tokens.verification.verify_tokens import verify_tokens
    from fastpack.verification.verify import verify

# The public names are loaded when they are first used, so that ``import fastpack`` and
# the command line's ``--help`` wait for neither Polars nor Numba.
_HOMES = {
    name: module
    for module, names in {
        "documents.grouped_histogram": ["GroupedHistogram"],
        "documents.histogram": ["LengthHistogram"],
        "errors": [
            "DataError",
            "DataTypeError",
            "EngineError",
            "FastpackError",
            "ForkedProcessError",
            "MissingExtraError",
            "OptionError",
            "OptionTypeError",
            "OutputExistsError",
            "SourceNotFoundError",
            "StorageError",
            "VerificationError",
        ],
        "files.olmo_index": ["write_olmo_index"],
        "files.pack_files": ["pack_files"],
        "files.pack_token_files": ["pack_token_files"],
        "files.passes": ["PackingProgress"],
        "files.token_account": ["TokenAccount"],
        "files.write_sequences": ["write_sequences"],
        "options": ["PackingOptions"],
        "packing.optimal.certificate": ["Certificate"],
        "packing.pack": ["pack", "plan"],
        "packing.plan": ["PackingPlan"],
        "reports.compare": ["compare"],
        "reports.cuts": ["cuts"],
        "reports.quality": ["quality"],
        "tokens.pack_tokens": ["pack_tokens"],
        "tokens.sequences": ["PackedSequences"],
        "tokens.verification.verify_tokens": ["verify_tokens"],
        "verification.verify": ["verify"],
    }.items()
    for name in names
}

__all__ = [
    "pack",
    "pack_files",
    "pack_tokens",
    "pack_token_files",
    "plan",
    "compare",
    "cuts",
    "quality",
    "verify",
    "verify_tokens",
    "write_sequences",
    "write_olmo_index",
    "PackedSequences",
    "PackingOptions",
    "PackingPlan",
    "Certificate",
    "TokenAccount",
    "LengthHistogram",
    "GroupedHistogram",
    "PackingProgress",
    "FastpackError",
    "DataError",
    "DataTypeError",
    "EngineError",
    "ForkedProcessError",
    "MissingExtraError",
    "OptionError",
    "OptionTypeError",
    "OutputExistsError",
    "SourceNotFoundError",
    "StorageError",
    "VerificationError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module 'fastpack' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(import_module(f"fastpack.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__", "engines"]
