"""The one decorator of every kernel, with the JIT policy and its reasons."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numpy as np
from numba import njit

Integer: TypeAlias = int | np.integer[Any]
"""An integer in a kernel, whatever its width."""

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def kernel(
    function: Callable[_Parameters, _Result],
) -> Callable[_Parameters, _Result]:
    """Compile `function` at its first call, and keep the machine code on disk.

    - Lazily, without signatures: an eager signature is compiled, or loaded, by
      every import of the module, whether the kernel is called or not.
    - ``nogil=True``: threads that pack different shards run side by side.
    - ``error_model="numpy"``: no branch for a division by zero, which the callers
      have ruled out.
    - ``cache=True``: compiling takes a second or more, loading milliseconds. Numba
      keys the cache by the content of the *one* file that defines the function, so a
      kernel must not use a kernel or a constant of another file: after an upgrade
      it would run the old machine code. A test holds the kernel files to that.
    - No ``parallel=True``: a fork after it is killed under the default OpenMP layer
      (numba#4807), and parallel kernels race in the cache (numba#10128).
    - No ``fastmath`` and no ``boundscheck``: there is no floating point here, and
      bounds are checked by a run with ``NUMBA_BOUNDSCHECK=1``.

    Where no folder for the cache is writable (a read-only container without a home),
    Numba refuses to decorate at all; the kernel is then compiled in each process.
    """
    try:
        compiled = njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        compiled = njit(nogil=True, error_model="numpy")(function)
    return cast("Callable[_Parameters, _Result]", compiled)
