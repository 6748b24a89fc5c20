"""Reports: what packing makes of a corpus, in numbers, charts and words.

corpus counts in one pass; compare, cuts and quality are the public tables. charts and
sweep turn these into the tables that are drawn, report adds the words (sentences);
drawing draws the charts, page writes the report. *Figures* are numbers, a *chart* is
drawn.

May import: packing, documents, and what these may.
"""
