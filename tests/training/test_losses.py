"""Losses (8) to (12) in closed form: every expected value can be worked out on paper."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from model.m_former import Routing
from training.losses import balance_loss, contrastive_loss, filter_loss, in_batch_loss

NONE = torch.zeros(0, dtype=torch.long)


def routing(probabilities: Tensor, present: Tensor) -> Routing:
    return Routing(probabilities, present, NONE)


# Equation 8 -----------------------------------------------------------------------------------------------------


def test_equal_scores_cost_the_log_of_the_catalogue() -> None:
    users = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    items = torch.tensor([[0.0, 1.0]]).repeat(7, 1)  # orthogonal to every user
    loss = contrastive_loss(users, items, torch.tensor([0, 6]), temperature=0.05)
    assert loss.item() == pytest.approx(math.log(7))


def test_two_items_are_a_logistic_function_of_the_cosine_difference_over_tau() -> None:
    users = torch.tensor([[1.0, 0.0]])
    items = torch.tensor([[1.0, 0.0], [0.6, 0.8]])  # cosines 1 and .6
    assert contrastive_loss(users, items, torch.tensor([0]), 0.2).item() == pytest.approx(
        math.log1p(math.exp(-2))
    )
    assert contrastive_loss(users, items, torch.tensor([1]), 0.2).item() == pytest.approx(
        math.log1p(math.exp(2))
    )
    assert contrastive_loss(users, items, torch.tensor([0]), 0.05).item() == pytest.approx(
        math.log1p(math.exp(-8)), rel=1e-4
    )


def test_the_loss_is_the_mean_over_the_batch() -> None:
    users = normalize(torch.tensor([[1.0, 0.3], [0.2, 1.0], [1.0, 1.0]]), dim=1)
    items = normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.4], [-1.0, 1.0]]), dim=1)
    targets = torch.tensor([3, 1, 0])
    single = [contrastive_loss(users[b : b + 1], items, targets[b : b + 1], 0.1).item() for b in range(3)]
    assert contrastive_loss(users, items, targets, 0.1).item() == pytest.approx(sum(single) / 3)


# The live in-batch term of phase 1 -----------------------------------------------------------------------------


def test_in_batch_without_log_q_is_a_softmax_over_the_batchs_positives() -> None:
    users = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    items = torch.tensor([[1.0, 0.0], [0.6, 0.8]])  # cosines [[1, .6], [0, .8]]
    loss = in_batch_loss(users, items, torch.tensor([4, 9]), torch.zeros(2), temperature=0.4)
    assert loss.item() == pytest.approx((math.log1p(math.exp(-1)) + math.log1p(math.exp(-2))) / 2)


def test_equal_targets_are_not_each_others_negatives() -> None:
    users = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    items = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    shares = torch.zeros(3)
    assert in_batch_loss(users, items, torch.tensor([5, 5, 5]), shares, 0.1).item() == pytest.approx(0)
    # Rows 0 and 1 see two candidates, row 2 all three.
    mixed = in_batch_loss(users, items, torch.tensor([5, 5, 8]), shares, 0.1)
    assert mixed.item() == pytest.approx((2 * math.log(2) + math.log(3)) / 3)


def test_log_q_takes_popularity_out_of_the_candidates() -> None:
    users = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    items = torch.tensor([[0.0, -1.0], [0.0, 1.0]])  # the first user is torn, the second sure
    shares = torch.tensor([0.75, 0.25]).log()  # the first item is drawn three times as often
    loss = in_batch_loss(users, items, torch.tensor([0, 1]), shares, 0.05)
    # Corrected, the first user's candidates weigh 1 / .75 and 1 / .25: its positive has probability 1/4.
    assert loss.item() == pytest.approx(math.log(4) / 2)


def test_both_sides_of_the_in_batch_term_are_live() -> None:
    users = normalize(torch.randn(4, 3, generator=torch.manual_seed(0)), dim=1).requires_grad_()
    items = normalize(torch.randn(4, 3, generator=torch.manual_seed(1)), dim=1).requires_grad_()
    in_batch_loss(users, items, torch.arange(4), torch.zeros(4), 0.1).backward()
    assert users.grad is not None
    assert items.grad is not None
    assert users.grad.abs().sum() > 0
    assert items.grad.abs().sum() > 0


# Equations 9 to 11 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("experts", [1, 2, 8])
def test_balance_is_1_when_experts_share_the_work_and_k_when_one_does_it_all(experts: int) -> None:
    present = torch.ones(1, experts, dtype=torch.bool)
    even = torch.eye(experts)[None]  # token j goes to expert j
    alone = torch.eye(experts)[torch.zeros(experts, dtype=torch.long)][None]  # every token to expert 0
    assert balance_loss(routing(even, present)).item() == pytest.approx(1)
    assert balance_loss(routing(alone, present)).item() == pytest.approx(experts)


def test_balance_multiplies_shares_of_choices_with_mean_probabilities() -> None:
    probabilities = torch.tensor([[[0.9, 0.1], [0.6, 0.4]], [[0.3, 0.7], [0.8, 0.2]]])  # choices 0, 0, 1, 0
    loss = balance_loss(routing(probabilities, torch.ones(2, 2, dtype=torch.bool)))
    assert loss.item() == pytest.approx(2 * (0.75 * 0.65 + 0.25 * 0.35))


def test_padding_counts_neither_in_shares_nor_in_probabilities() -> None:
    probabilities = torch.tensor([[[0.9, 0.1], [0.6, 0.4]], [[0.3, 0.7], [0.8, 0.2]]])
    present = torch.tensor([[True, False], [True, False]])
    # Left are .9/.1 (choice 0) and .3/.7 (choice 1).
    assert balance_loss(routing(probabilities, present)).item() == pytest.approx(2 * (0.5 * 0.6 + 0.5 * 0.4))
    poisoned = probabilities.clone()
    poisoned[~present] = torch.tensor([1.0, 0.0])
    assert torch.equal(
        balance_loss(routing(poisoned, present)), balance_loss(routing(probabilities, present))
    )


def test_the_router_gets_its_gradient_from_the_probabilities() -> None:
    logits = torch.tensor([[[2.0, 0.0], [1.0, 0.0]]], requires_grad=True)
    balance_loss(routing(logits.softmax(dim=-1), torch.ones(1, 2, dtype=torch.bool))).backward()
    assert logits.grad is not None
    assert (logits.grad[..., 0] > 0).all()  # descending takes probability from the expert that does it all
    assert (logits.grad[..., 1] < 0).all()


def test_the_filter_loss_is_the_cross_entropy_to_what_a_filter_leaves() -> None:
    """Teacher (1/4, 3/4, 0) of the scores (0, log 3, 9) at temperature 1; student 1/3 each: the loss is log 3."""
    unheard = torch.tensor([[0.0, math.log(3), 9.0]])
    true = torch.tensor([[True, True, False]])
    even = filter_loss(torch.zeros(1, 3), unheard, true, 1.0)
    assert even.item() == pytest.approx(math.log(3))
    student = torch.tensor([[0.0, 0.0, math.log(2)]])  # 1/4, 1/4, 1/2
    assert filter_loss(student, unheard, true, 1.0).item() == pytest.approx(math.log(4))
    cool = filter_loss(student / 2, unheard / 2, true, 0.5)  # temperature divides both
    assert cool.item() == pytest.approx(math.log(4))
