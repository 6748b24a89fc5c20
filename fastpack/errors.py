"""The errors that fastpack raises. Each is of the builtin kind too."""


class FastpackError(Exception):
    """Base class of every error that fastpack raises on purpose."""


class OptionError(FastpackError, ValueError):
    """A parameter has a value that cannot be right."""


class OptionTypeError(FastpackError, TypeError):
    """A parameter has a value of the wrong type."""


class DataError(FastpackError, ValueError):
    """The data cannot be packed: null or negative lengths, an absent column ..."""


class DataTypeError(FastpackError, TypeError):
    """The data are of the wrong type: a column of floats, an unknown container ..."""


class VerificationError(FastpackError, ValueError):
    """An assignment is not a valid packing of its documents."""


class SourceNotFoundError(FastpackError, FileNotFoundError):
    """A source, or the folder of an output, does not exist."""


class OutputExistsError(FastpackError, FileExistsError):
    """The output exists already and is not to be overwritten."""


class StorageError(FastpackError, OSError):
    """An object store does not answer, or refuses what was asked of it."""


class MissingExtraError(FastpackError, ImportError):
    """A package of an extra is not installed."""


class EngineError(FastpackError, RuntimeError):
    """A cluster cannot be reached, or loses workers time and again; a pool lost one."""


class ForkedProcessError(FastpackError, RuntimeError):
    """The process was forked after Polars had run: it would hang in it."""
