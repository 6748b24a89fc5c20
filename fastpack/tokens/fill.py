"""Fill: the values in places of sequences for which no document has one."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fastpack.tokens.columns import check_fits
from fastpack.tokens.sequence_options import SequenceOptions


class Fill(NamedTuple):
    """The values that are added to the chunks of a column.

    Parameters
    ----------
    values
        The value before each chunk, that behind it, and the padding: of the dtype of
        the column, shape (3,).
    before, after
        The number of values added before and behind each chunk: 0 or 1.
    """

    values: npt.NDArray[Any]
    before: int
    after: int


def fill_of(
    name: str,
    dtype: pl.DataType,
    numpy_dtype: np.dtype[Any],
    sequence_options: SequenceOptions,
) -> Fill:
    """Return the values that are added to the chunks of a column.

    A column in lockstep has its pad value beside the tokens that are added, too.

    Raises
    ------
    OptionError
        A value does not fit the column.
    """
    values = np.zeros(3, numpy_dtype)
    pad = sequence_options.columns.get(name)
    for place, parameter in enumerate(("bos_id", "eos_id", "pad_id")):
        value = getattr(sequence_options, parameter) if pad is None else pad
        if value is not None and sequence_options.is_filled:
            what = f"`{parameter}` {value}" if pad is None else f"the pad value {pad}"
            check_fits(what, value, name, dtype)
            values[place] = value
    before = sequence_options.n_before
    return Fill(values, before, sequence_options.n_extra - before)
