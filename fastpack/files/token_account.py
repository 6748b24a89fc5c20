"""TokenAccount: the figures of tokens that were packed block by block."""

from typing import Any

from fastpack.options import PackingOptions
from fastpack.packing.account import Account
from fastpack.packing.plan import PackingPlan
from fastpack.version import __version__


class TokenAccount(Account):
    """The figures of a packing of token files, over all blocks.

    Parameters
    ----------
    plan
        The packing of the whole corpus by one plan.
    options
        The rules by which the blocks were packed.
    n_bins
        The sequences of all blocks.
    n_blocks
        The blocks, without the last one, of what the others left out.

    Attributes
    ----------
    n_documents, n_tokens, packed, padding, efficiency ... : int or float
        As those of `PackingPlan`: every document and every token is in one of them.
    n_bins, n_blocks : int
        As above.
    bins_added_by_blocks : int
        Sequences more than `plan` has: what packing by blocks costs. Below 0 if blocks
        happen to be better.

    Examples
    --------
    >>> import fastpack
    >>> plan = fastpack.plan([8, 6, 6, 4, 3], context_length=8)
    >>> fastpack.TokenAccount(plan, plan.options, n_bins=5, n_blocks=2)
    TokenAccount: 5 documents in 5 sequences of 8 tokens
      documents     5   (0 empty, 0 cut, 0 dropped)
      tokens       27   (27 packed, 0 truncated, 0 dropped)
      chunks        5
      sequences     5   (lower bound 4)
      padding      13   (efficiency 67.5 %)
      blocks        2   (+1 sequences by them)
    """

    def __init__(
        self, plan: PackingPlan, options: PackingOptions, n_bins: int, n_blocks: int
    ) -> None:
        # Of documents and chunks there are as many as in the plan. The figures of bins
        # are properties, which follow from these.
        followers = ("padding", "efficiency")
        figures = plan.figures()
        vars(self).update({k: v for k, v in figures.items() if k not in followers})
        self.options = options
        self.n_bins = n_bins
        self.n_blocks = n_blocks
        self.bins_added_by_blocks = n_bins - plan.n_bins

    def figures(self) -> dict[str, Any]:
        """Return the figures by name, as JSON can hold them."""
        own = ("n_blocks", "bins_added_by_blocks")
        return {**super().figures(), **{name: getattr(self, name) for name in own}}

    def as_dict(self) -> dict[str, Any]:
        """Return the version, the options and the figures, as JSON can hold them."""
        described = {"version": __version__, "options": self.options.as_dict()}
        return {**described, "figures": self.figures()}

    def _lines(self) -> dict[str, tuple[int, str]]:
        added = f"{self.bins_added_by_blocks:+,} sequences by them"
        return {**super()._lines(), "blocks": (self.n_blocks, added)}
