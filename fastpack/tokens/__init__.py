"""Tokens: an assignment and the tokens of its documents -> training sequences.

sequence_options says what sequences hold, selection takes the columns that they are
made of, columns gives the flat values of one. block packs documents in memory: layout
is the assignment as arrays, moving takes values to their places, boundaries tells where
chunks are, lists makes lists of what was moved, leftovers is what a block leaves for a
last one. lazy and pack_tokens are the ways to it. sequences builds one sequence at a
time: storage and mapped are the tokens where they lie, index the chunks in order,
gatherer copies them. fill is what is added to chunks. verification is the judge of all.

A *sequence* is a bin with its tokens in it. A column is *in lockstep* with the tokens
if it has a value for each of them (labels, a mask). *Boundaries* say where documents
begin and end in a sequence. A *block* is documents packed by themselves, in memory.

May import: packing, documents, and what these may.
"""
