"""Formats: how corpora lie in files, one module a format.

registry lists them, and knows which is that of a file; format has the words that they
share, document_file and binary what those with offsets and headers share, writing (with
chunks, by boundary_columns) what those share that training sequences are written in.
A format opens a source, and gives its documents as a table: lengths in one column,
tokens in another, of which only what is asked for is read.

A new format is a module here and a line of `registry.FORMATS`. All that finds, reads,
packs or verifies sources then takes it too, and ``fastpack formats`` lists it.

May import: tokens, documents, and what these may.
"""
