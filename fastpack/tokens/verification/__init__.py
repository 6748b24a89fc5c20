"""Verification of tokens: whether sequences hold every token of every document, once.

verify_tokens is the public function; tables opens what it is given. expected cuts the
documents as the rules say, found reads the sequences: layouts finds where their chunks
are, by the boundaries, names of which documents these are. Both give hashes of their
chunks, which are added up and compared; if the sums differ, second_look finds the first
chunk that is wrong.

May import: the options, columns and selection of tokens, documents, options, kernels,
errors. Never packing: a verifier that used the packer could not disprove it.
"""
