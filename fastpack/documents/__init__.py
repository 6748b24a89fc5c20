"""Documents: what is packed, and counted.

inputs (containers and columns -> checked lengths) and groups (the columns of `by` ->
numbers) stand first; batches reads a corpus part by part, by way of streaming, which
alone makes Polars' unstable calls; length_table, sums, histogram and grouped_histogram
count it.

A *document* is one training document, its length counted in tokens. A *batch* is some
consecutive documents. A *histogram* says how many documents have each length: all that
planning needs to know. A *group* is the documents that do not differ in the columns of
the rule `by`.

May import: options, kernels, schemas, errors.
"""
