"""Files: the same as packing and verification, for many files of any size.

sources (names -> files, object_sources in a store), formats and reading (a file -> its
documents, partitions the columns in the names of its folders) open a corpus; manifest
and targets keep account of the folder that is written, other_files finds what others
put there. The manifest and its lock have a home of one of two kinds (home):
folder_home, object_home. calls sends work to an executor, passes are made of calls, run
is what all runs share. A new format of sources goes into formats.

pack_files is the life of a run that assigns documents; shard is the work on one file,
planning makes the plan. verify_files and verify_token_files read back what was written,
and verify it.

pack_token_files makes sequences, a file for each block of documents: token_blocks cuts
the corpus into blocks, as token_corpus has counted it in its token_sources; token_work
is the work on one block, token_run the life of a run, token_account its figures.

write_sequences and olmo_index write what the loaders of trainers read; packed_layout
says how the sequences lie that are converted.

A *source* is a file that is read, the *target* the folder that is written, a *shard*
one source with its output. A *job* is all that the outputs in a target depend on:
sources, columns, options, version. A *run* is one call that works on a job; it may end
before the job does, and another goes on.

May import: tokens, packing, verification, documents, engines, and what these may.
"""
