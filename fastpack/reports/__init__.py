"""Reports: what packing makes of a corpus, in numbers, charts and words.

corpus counts in one pass; compare, cuts and quality are the public tables; report says
it in words, charts are the tables that are drawn, drawing draws them, page writes them.

May import: packing, documents, and what these may.
"""
