"""Gather: the chunks of a sequence, wherever they lie -> one array.

Chunks lie in *pieces*: arrays of values in memory or in mapped files, one behind the
other in number. A piece has the *address* of its first value, so one kernel reads any
number of pieces of any dtype; that no chunk leads out of them is checked once, when the
index is made. Values are moved as bytes.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba.core import cgutils, config, types
from numba.extending import intrinsic

from fastpack.kernels.jit import Integer, kernel

carray: Any = vars(numba)["carray"]  # it has no types


def _memmove(target: int, source: int, size: int) -> None:
    """Copy bytes in plain Python, from address to address."""
    ctypes.memmove(int(target), int(source), int(size))


def _memcpy(_context: Any, _target: Any, _source: Any, _size: Any) -> Any:
    """Copy bytes from address to address, in compiled code."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        write_to, read_from = (
            builder.inttoptr(address, cgutils.voidptr_t) for address in arguments[:2]
        )
        raw_memcpy: Any = cgutils.raw_memcpy  # it has no types
        raw_memcpy(builder, write_to, read_from, arguments[2], itemsize=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


def _ignore(address: int) -> None:
    """Do nothing: plain Python has no hints."""


def _prefetch(_context: Any, _address: Any) -> Any:
    """Tell the processor that an address will be read."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        llvm: Any = vars(cgutils)["ir"]
        pointer, flag = cgutils.voidptr_t, cgutils.int32_t
        kind = llvm.FunctionType(llvm.VoidType(), [pointer, flag, flag, flag])
        declare: Any = cgutils.get_or_insert_function  # it has no types
        function = declare(builder.module, kind, "llvm.prefetch")
        to_read, to_keep, of_data = flag(0), flag(3), flag(1)
        address = builder.inttoptr(arguments[0], pointer)
        builder.call(function, [address, to_read, to_keep, of_data])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _c_pointer(address: int) -> Any:
    """Turn an address into a pointer in plain Python."""
    return ctypes.c_void_p(int(address))


def _pointer(_context: Any, _address: Any) -> Any:
    """Turn an address into a pointer in compiled code."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), generate


_IS_PLAIN = vars(config)["DISABLE_JIT"]

copy_bytes: Callable[..., None] = _memmove if _IS_PLAIN else intrinsic(_memcpy)
"""Copy `size` bytes to the address `target` from `source`."""

prefetch: Callable[..., None] = _ignore if _IS_PLAIN else intrinsic(_prefetch)
"""Begin to load what is at an address, or do nothing if that cannot be."""

as_pointer: Callable[..., Any] = _c_pointer if _IS_PLAIN else intrinsic(_pointer)
"""Turn an address into a pointer, as `carray` takes it."""

# The places of a directory.
_FIRST, _POSITIONS, _LENGTHS, _PIECE_STARTS, _ADDRESSES, _FILL = range(0, 12, 2)
_ITEMSIZE, _BEFORE, _AFTER, _ALIGN = range(12, 16)


def make_directory(
    *,
    first: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int32],
    piece_starts: npt.NDArray[np.int64],
    addresses: npt.NDArray[np.int64],
    fill: npt.NDArray[np.uint8],
    itemsize: int,
    before: int,
    after: int,
    align: int,
) -> npt.NDArray[np.int64]:
    """Return what `gather` reads, as one array: the address and the size of each array.

    An array takes 50 ns to be passed to a kernel, and six of them half the time of the
    copy that is made. They have to live as long as the directory is used.

    Parameters
    ----------
    first, positions, lengths
        The chunks of each bin, in order, as `place_chunks` writes them.
    piece_starts, addresses
        The number of the first value of each piece, and its address.
    fill
        The values that are no tokens, as bytes: one that is written before each chunk,
        one behind it, and padding, as many as a sequence has.
    itemsize
        Bytes of a value.
    before, after
        Whether values are written before and behind each chunk: 0 or 1.
    align
        Chunks start at multiples of this.
    """
    arrays = (first, positions, lengths, piece_starts, addresses, fill)
    places = [(each.__array_interface__["data"][0], each.size) for each in arrays]
    return np.array([*sum(places, ()), itemsize, before, after, align], np.int64)


@kernel
def source_of(
    position: Integer,
    piece_starts: npt.NDArray[np.int64],
    addresses: npt.NDArray[np.int64],
    itemsize: int,
) -> Integer:
    """Return the address of a value by its number: its piece is found by bisection."""
    low, high = 0, piece_starts.size
    while high - low > 1:
        middle = (low + high) // 2
        if piece_starts[middle] <= position:
            low = middle
        else:
            high = middle
    place = (position - piece_starts[low]) * itemsize
    return np.int64(addresses[low] + place)


@kernel
def gather_at(
    bin: int,  # noqa: A002
    first: npt.NDArray[np.int64],
    positions: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int32],
    piece_starts: npt.NDArray[np.int64],
    addresses: npt.NDArray[np.int64],
    fill: npt.NDArray[np.uint8],
    itemsize: int,
    before: int,
    after: int,
    align: int,
    target: Integer,
    size: int,
) -> Integer:
    """Write a sequence to the address `target`, which has room for `size` values."""
    # The chunks lie apart, in memory that is in no cache: all are asked for at once,
    # which takes a quarter less time.
    for c in range(first[bin], first[bin + 1]):
        source = source_of(positions[c], piece_starts, addresses, itemsize)
        prefetch(source)
        prefetch(source + lengths[c] * itemsize)
    bos = np.int64(fill.ctypes.data)
    eos = bos + itemsize
    padding = eos + itemsize
    start = target
    for c in range(first[bin], first[bin + 1]):
        n_bytes = np.int64(lengths[c]) * itemsize
        source = source_of(positions[c], piece_starts, addresses, itemsize)
        if before:
            copy_bytes(target, bos, itemsize)
            target += itemsize
        copy_bytes(target, source, n_bytes)
        target += n_bytes
        if after:
            copy_bytes(target, eos, itemsize)
            target += itemsize
        if align > 1:
            gap = -((target - start) // itemsize) % align * itemsize
            copy_bytes(target, padding, gap)
            target += gap
    copy_bytes(target, padding, start + size * itemsize - target)
    return (target - start) // itemsize


@kernel
def gather(
    bin: int,  # noqa: A002
    directory: npt.NDArray[np.int64],
    out: npt.NDArray[Any],
    chunk_lengths: npt.NDArray[np.int32],
) -> Integer:
    """Write a sequence and padding behind it; return its values without the padding.

    It is compiled for each dtype of `out`, and `gather_at` once.

    Parameters
    ----------
    bin
        The number of the sequence.
    directory
        Where the chunks lie: see `make_directory`.
    out
        Output, shape (L,).
    chunk_lengths
        Output: the tokens of each chunk, with those that are added; or of shape (0,).
    """
    first = carray(as_pointer(directory[_FIRST]), (directory[_FIRST + 1],), np.int64)
    positions = carray(
        as_pointer(directory[_POSITIONS]), (directory[_POSITIONS + 1],), np.int64
    )
    lengths = carray(
        as_pointer(directory[_LENGTHS]), (directory[_LENGTHS + 1],), np.int32
    )
    piece_starts = carray(
        as_pointer(directory[_PIECE_STARTS]), (directory[_PIECE_STARTS + 1],), np.int64
    )
    addresses = carray(
        as_pointer(directory[_ADDRESSES]), (directory[_ADDRESSES + 1],), np.int64
    )
    fill = carray(as_pointer(directory[_FILL]), (directory[_FILL + 1],), np.uint8)
    before, after = directory[_BEFORE], directory[_AFTER]
    for c in range(chunk_lengths.size):
        chunk_lengths[c] = lengths[first[bin] + c] + before + after
    return gather_at(
        bin,
        first,
        positions,
        lengths,
        piece_starts,
        addresses,
        fill,
        directory[_ITEMSIZE],
        before,
        after,
        directory[_ALIGN],
        np.int64(out.ctypes.data),
        out.size,
    )
