"""What one training step says of itself: the loss, the terms it is the sum of, and what the router did."""

from typing import NamedTuple

from torch import Tensor

from model.m_former import Routing

__all__ = ["LossTerms", "expert_shares"]


class LossTerms(NamedTuple):
    """Scalars of a batch, and the experts' shares in it [K]; None where a term has no part in the loss."""

    total: Tensor
    contrastive: Tensor
    balance: Tensor | None = None
    in_batch: Tensor | None = None
    experts: Tensor | None = None

    def numbers(self) -> dict[str, float]:
        """By name, as a chart shows them; experts are counted from 1."""
        terms = {"contrastive": self.contrastive, "balance": self.balance, "in-batch": self.in_batch}
        found = {"loss": self.total.item()}
        found |= {name: term.item() for name, term in terms.items() if term is not None}
        shares = [] if self.experts is None else self.experts.tolist()
        return found | {f"expert {number}": share for number, share in enumerate(shares, 1)}


def expert_shares(routing: Routing) -> Tensor:
    """The router's mean probability of each expert over the present collaborative tokens: P_j of eq. 10. -> [K]."""
    return routing.probabilities[routing.present].mean(dim=0).detach()
