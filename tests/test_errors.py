"""Errors are also of the builtin kind."""

import fastpack


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
