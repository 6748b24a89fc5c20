"""Speed and memory: suites for airspeed velocity, and scripts.

``bench_*.py`` are the suites of airspeed velocity; a test runs them, too. The other
modules are scripts, run as ``python -m benchmarks.NAME`` from the root of the project
(driver, engines, figures, large, limit, paper, peers, sequences, token_files, tokens,
undefined_names), and what several of them use (distributions, packers, per_chunk).
README.md has their results.

Environment variables, each a list with commas, choose among the parameters of suites:
``FASTPACK_BENCHMARK_DOCUMENTS`` (numbers; by default 10 thousand to 10 million),
``FASTPACK_BENCHMARK_CONTEXT_LENGTHS`` (numbers), ``FASTPACK_BENCHMARK_DISTRIBUTIONS``
(names of document lengths in distributions.py).
"""
