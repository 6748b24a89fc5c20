"""Numba kernels: arrays in, arrays out. They know no Polars and raise nothing.

Nothing is imported here: Numba takes longer to import than everything else
together, so each kernel file is imported by the function that calls it.
"""
