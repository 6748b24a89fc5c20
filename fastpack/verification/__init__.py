"""Verification: whether an assignment is a valid packing, by looking at every row.

verify is the public function. columns turns those of a table into integers; expected
tells the tokens each document should have; rows checks each row against the one before
it (a batch runs in the kernel, as started, while the next is read), bins what the rows
add up to in each bin, blocks which bins the documents of a block are in, numbering the
order of the bins.

May import: documents, options, kernels, threads, schemas, errors. Never packing: a
verifier that used the packer could not disprove it.
"""
