"""The version of fastpack, for the package, its files and its build."""

__version__ = "0.2.0"
