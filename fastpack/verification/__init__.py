"""Verification: whether an assignment is a valid packing, by looking at every row.

verify is the public function. columns turns those of a table into integers; expected
tells the tokens each document should have; rows reads the rows, batch by batch; batch
checks each row against the one before it, many batches at a time; bins checks what the
rows add up to in each bin, blocks which bins the documents of a block are in, numbering
the order of the bins.

May import: documents, options, kernels, threads, schemas, errors. Never packing: a
verifier that used the packer could not disprove it.
"""
