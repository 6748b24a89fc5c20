"""Files: the same as packing and verification, for many files of any size.

sources (names -> files), formats and reading (a file -> its documents) open a corpus;
manifest and targets keep account of the folder that is written; shard is the work on
one file, passes sends it to an executor, pack_files is the life of a run. verify_files
reads an assignment back, and verifies it. A new format of sources goes into formats.

A *source* is a file that is read, the *target* the folder that is written, a *shard*
one source with its output. A *job* is all that the outputs in a target depend on:
sources, columns, options, version. A *run* is one call that works on a job; it may end
before the job does, and another goes on.

May import: packing, verification, documents, and what these may.
"""
