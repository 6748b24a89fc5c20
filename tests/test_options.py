import numpy as np
import pytest

import fastpack
from fastpack import OptionError, OptionTypeError, PackingOptions


@pytest.mark.parametrize("value", [1, 2, 2047, 2**31 - 1, np.int32(8), np.uint64(8)])
def test_context_lengths(value):
    options = PackingOptions(context_length=value)
    assert options.context_length == value
    assert type(options.context_length) is int


@pytest.mark.parametrize("value", [0, -1, 2**31, 2**70, np.int64(-5)])
def test_context_length_out_of_range(value):
    with pytest.raises(OptionError, match="`context_length` must be at") as caught:
        PackingOptions(context_length=value)
    assert str(value) in str(caught.value)
    assert "Hint:" in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "value",
    [2048.0, True, np.bool_(True), "2048", None, np.float64(8), [8], np.array([8, 9])],
)
def test_context_length_of_wrong_type(value):
    with pytest.raises(OptionTypeError, match="`context_length` must be an integer"):
        PackingOptions(context_length=value)


def test_long_documents():
    with pytest.raises(OptionError, match="'cut'\nHint: choose one of 'split'"):
        PackingOptions(context_length=8, long_documents="cut")
    with pytest.raises(OptionTypeError, match="`long_documents` must be a string"):
        PackingOptions(context_length=8, long_documents=None)


def test_errors_are_of_the_builtin_kind():
    kinds = {
        fastpack.OptionError: ValueError,
        fastpack.OptionTypeError: TypeError,
        fastpack.DataError: ValueError,
        fastpack.DataTypeError: TypeError,
        fastpack.SourceNotFoundError: FileNotFoundError,
        fastpack.OutputExistsError: FileExistsError,
    }
    for error, kind in kinds.items():
        assert issubclass(error, kind)
        assert issubclass(error, fastpack.FastpackError)
