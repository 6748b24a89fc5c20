"""Assigning: runs are dealt, chunk by chunk."""

import numpy as np

import fastpack
from fastpack.kernels.assignment import CURSOR
from fastpack.kernels.best_fit import RUN


def test_a_run_deals_its_chunks_like_cards():
    # Four sixes open bins 0 ... 3; eight ones fill two bins of space 4 with four each.
    table = fastpack.pack(np.array([6] * 4 + [1] * 8), context_length=10)
    assert table["bin"].to_list() == [0, 1, 2, 3, 0, 1, 0, 1, 0, 1, 0, 1]
    assert table["bin_offset"].to_list() == [0] * 4 + [6, 6, 7, 7, 8, 8, 9, 9]


def test_cursor_and_run_records_are_aligned():
    assert CURSOR.itemsize == 24
    assert RUN.itemsize == 40
