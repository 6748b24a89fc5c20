"""Numba kernels: arrays in, arrays out. They know no Polars and raise nothing.

``from fastpack import kernels``, then ``kernels.counting.count_lengths(...)``: a kernel
file is imported when it is first used, because Numba takes longer to import than
everything else together.

May import: Numba and NumPy. No kernel file uses another, except jit, which holds the
decorator: Numba's cache would keep the old machine code of what another file defines.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastpack.kernels import assignment as assignment
    from fastpack.kernels import best_fit as best_fit
    from fastpack.kernels import boundaries as boundaries
    from fastpack.kernels import concatenation as concatenation
    from fastpack.kernels import counting as counting
    from fastpack.kernels import cutting as cutting
    from fastpack.kernels import expectation as expectation
    from fastpack.kernels import gathering as gathering
    from fastpack.kernels import hashing as hashing
    from fastpack.kernels import indexing as indexing
    from fastpack.kernels import knapsack as knapsack
    from fastpack.kernels import lookup as lookup
    from fastpack.kernels import moving as moving
    from fastpack.kernels import numbering as numbering
    from fastpack.kernels import ordering as ordering
    from fastpack.kernels import parts as parts
    from fastpack.kernels import patterns as patterns
    from fastpack.kernels import shuffling as shuffling
    from fastpack.kernels import verification as verification


_FILES = frozenset(
    {
        "assignment",
        "best_fit",
        "boundaries",
        "concatenation",
        "counting",
        "cutting",
        "expectation",
        "gathering",
        "hashing",
        "indexing",
        "knapsack",
        "lookup",
        "moving",
        "numbering",
        "ordering",
        "parts",
        "patterns",
        "shuffling",
        "verification",
    }
)


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return import_module(f"{__name__}.{name}")
