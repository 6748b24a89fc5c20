"""Files: the same as packing and verification, for many files of any size.

sources (names -> files), formats and reading (a file -> its documents) open a corpus;
manifest and targets keep the books of the folder that is written; shard is the work on
one file, passes sends it to an executor, pack_files is the life of a run. verify_files
reads an assignment back.

A *source* is a file that is read, the *target* the folder that is written, a *shard*
one source with its output, a *job* what a target is packed from and by which rules.

May import: packing, verification, documents, and what these may.
"""
