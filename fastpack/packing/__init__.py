"""Packing: a histogram -> a plan -> the assignment of documents, in their order.

chunks (documents -> chunks), then placement (chunks -> runs): spaces and best_fit, or
optimal, a folder of its own. They make up block_plan, one a block, block_plans of all;
with bounds and account (the figures) they make up planned, then plan, which plan_file
saves. Best-fit is planned anew when it is loaded; what took a search is restored, after
validity has looked at its runs, by their profile. cursors and assigner turn a plan into
rows; in_memory and lazy are the two ways through them, shares that of many workers,
pack the public functions.

May import: documents, options, outputs, kernels, threads, schemas, errors. Never
verification, which is to judge by itself.

The words, one for one thing, in code and messages:

document        one training document; its length is counted in tokens
context length  L, the tokens of one training sequence
chunk           a piece of a document of at most L tokens
bin             one training sequence; its capacity is L. In code, tables and attributes
                `bin`, `n_bins`; in sentences, a sequence
space           the tokens still free in a bin
best fit        the bin with the least space that is enough
cut             a place where a document is divided, nothing lost (a truncation, in the
                paper); unnecessary if the document would have fitted whole
truncated       tokens thrown away; nothing else is called so
footprint       the tokens of a bin for one chunk: its own, the extra ones, the rounding
range           neighbouring bins that all have the same space
run             one placement: a range of bins, each given as many chunks of one length
plan            all runs: the packing of a histogram of chunk lengths
pattern         the lengths that fill one bin; a plan may be patterns and their uses
certificate     what a search has proven: so many bins are needed
assignment      the bin of every chunk, and its offset there
padding         capacity left unused when packing ends
concatenation   the baseline: join all documents, cut every L tokens
key             a chunk length and a group, as one number
slot            the place of the cursor of a key
cursor, round   the place of the next chunk of a key; one pass over the bins of its run
rank            the number of chunks of a key before a chunk, in the corpus
batch           consecutive documents, checked, in memory
block           consecutive documents that are packed by themselves
source, target  a file that is read; the folder that is written
shard, job      one source with its output; what a target is packed from, by which rules
"""
