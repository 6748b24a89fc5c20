"""Tokens: an assignment and the tokens of its documents -> training sequences.

A *sequence* is a bin with its tokens in it. A column is *in lockstep* with the tokens
if it has a value for each of them (labels, a mask). *Boundaries* say where documents
begin and end in a sequence. A *block* is documents packed by themselves, in memory.

May import: packing, documents, and what these may.
"""
