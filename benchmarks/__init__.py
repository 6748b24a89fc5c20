"""Speed and memory, for airspeed velocity; `figures.py` prints the README's numbers.

``FASTPACK_BENCHMARK_DOCUMENTS`` (numbers, separated by commas) sets how many documents
are packed; without it, 10 thousand, 1 million and 10 million.
``FASTPACK_BENCHMARK_DISTRIBUTIONS`` (names) leaves out others of their lengths.
"""
