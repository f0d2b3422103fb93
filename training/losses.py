"""The losses of Laser (3.3.1), pure functions of tensors.

Letters: B batch, I items, C collaborative tokens, K experts.
"""

import torch
from torch import Tensor
from torch.nn import functional

from model.m_former import Routing


def contrastive_loss(users: Tensor, items: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """-log exp(cos(u, i+) / tau) / sum over all items (eq. 8). users [B, D], items [I, D], targets [B] -> scalar.

    Both sides are unit vectors, so the cosine is the inner product.
    """
    return functional.cross_entropy(users @ items.T / temperature, targets)


def in_batch_loss(
    users: Tensor, items: Tensor, targets: Tensor, log_share: Tensor, temperature: float
) -> Tensor:
    """Contrastive loss against the positives of the batch, users and items both encoded with today's weights.

    users [B, D], items [B, D] (row b is the positive of user b), targets int64 [B] item rows, log_share [B] the log of
    each item's share among training targets, subtracted because popular items are negatives more often (log-q,
    Yi et al. 2019). Equal targets never count as each other's negatives. -> scalar.
    """
    logits = users @ items.T / temperature - log_share[None, :]
    same = (targets[:, None] == targets[None, :]) & ~torch.eye(
        len(targets), dtype=torch.bool, device=users.device
    )
    return functional.cross_entropy(
        logits.masked_fill(same, float("-inf")), torch.arange(len(users), device=users.device)
    )


def balance_loss(routing: Routing) -> Tensor:
    """K * sum over experts of f_j * P_j (eq. 9-11), over the present collaborative tokens of a batch. -> scalar.

    f_j is the share of tokens whose best expert is j, P_j the mean router probability of j. 1 when experts share
    the work evenly, K when one does it all.
    """
    probabilities = routing.probabilities[routing.present]  # [tokens, K]
    experts = probabilities.shape[1]
    best = functional.one_hot(probabilities.argmax(dim=1), experts).to(probabilities.dtype)
    return experts * (best.mean(dim=0) * probabilities.mean(dim=0)).sum()


def filter_loss(scores: Tensor, unheard: Tensor, true: Tensor, temperature: float) -> Tensor:
    """Cross-entropy to what a filter would leave of the `unheard` scores; scores [B, I], true bool [B, I] -> scalar.

    The teacher is the softmax of `unheard` over the items that are true, at least one a row (a filter distilled into
    the embedding; Hinton et al. 2015).
    """
    teacher = (unheard / temperature).masked_fill(~true, float("-inf")).softmax(dim=1)
    return functional.cross_entropy(scores / temperature, teacher)
