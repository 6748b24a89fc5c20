"""The one decorator of every kernel, with the JIT policy and its reasons.

And an instruction that Numba does not have. It changes no result, so machine code that
was kept does no harm if it changes here.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

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


def prefetch(array: npt.NDArray[Any], place: np.uint64) -> None:
    """Have an element brought to the caches, to be changed. Nothing without the JIT."""


@overload(prefetch)
def _compiled_prefetch(array: Any, place: Any) -> Any:  # noqa: ARG001 -- types
    def instruction(array: Any, place: Any) -> None:
        address = array.ctypes.data + place * np.uint64(array.itemsize)
        _prefetch(address)  # type: ignore[call-arg]

    return instruction


@intrinsic
def _prefetch(_context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        pointer, number = cgutils.voidptr_t, cgutils.int32_t
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        # To be written, into all caches, data.
        how = number(1), number(3), number(1)
        builder.call(function, [builder.inttoptr(values[0], pointer), *how])
        return context.get_dummy_value()

    return types.void(address), generate
