"""Documents: checked, read in batches, and counted.

inputs (containers and columns -> checked lengths) and groups (the columns of the rule
`by` -> numbers) come first; batches reads a corpus part by part, through streaming, the
only place of Polars' unstable calls; length_table, sums, histogram, grouped_histogram
and counter count it, histogram_frame reads what was counted from a file; blocks cuts it
where the rule `block_documents` says.

A *document* is one training document, its length counted in tokens. A *batch* is some
consecutive documents. A *histogram* has the number of documents of each length: all
that planning needs. A *group* is all documents with the same values in the columns
`by`. A *block* is consecutive documents that are packed by themselves.

May import: options, kernels, threads, schemas, errors.
"""
