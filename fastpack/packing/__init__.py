"""Packing: a histogram -> a plan -> the assignment of documents, in their order.

chunks (documents -> chunks), best_fit (chunks -> runs), bounds and account (the figures
of a plan) make up the plan; cursors and assigner turn it into rows; pack and lazy are
the public functions on frames.

May import: documents, options, outputs, kernels, schemas, errors. Never verification,
which is to judge by itself.
"""
