"""One epoch of training Laser: which rows it takes, its losses, its rate, what is dropped."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from model.bi_tuning import BiTuning, Prompted
from model.m_former import Routing
from tests.training.laser_scene import BASE, Scene
from training import train_laser
from training.loss_terms import LossTerms
from training.losses import contrastive_loss
from training.train_laser import LaserTrainingConfig


class Spy(torch.optim.SGD):
    """Takes no step; notes the learning rate and the gradient it was given."""

    def __init__(self, side: BiTuning) -> None:
        super().__init__(side.parameters(), lr=99.0)
        self.rates: list[float] = []
        self.norms: list[float] = []

    def step(self, closure: object = None) -> None:  # type: ignore[override]
        (group,) = self.param_groups
        self.rates.append(group["lr"])
        gradients = [value.grad for value in group["params"] if value.grad is not None]
        self.norms.append(float(torch.stack([gradient.norm() for gradient in gradients]).norm()))


def one_epoch(scene: Scene, seed: int = 0, moving_items: bool = True) -> Spy:
    spy = Spy(scene.side)
    scene.trainer._epoch(
        "phase 1",
        scene.side,
        scene.trainer.item_matrix(scene.side),
        spy,
        np.random.default_rng(seed),
        lambda within: 1 - within,
        moving_items,
    )
    return spy


def test_an_epoch_sets_the_rate_of_every_step_and_clips_the_gradient() -> None:
    scene = Scene(replace(BASE, batch_size=10), users=40)
    spy = one_epoch(scene)
    assert spy.rates == pytest.approx([5e-3 * share for share in (1, 0.75, 0.5, 0.25)])
    assert all(0.99 < norm < 1.001 for norm in spy.norms)  # tau is small: unclipped they are far above 1


def test_an_epoch_takes_each_row_once_or_a_fresh_sample_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows_of(config: LaserTrainingConfig, seed: int) -> list[int]:
        scene, taken = Scene(config, users=40), list[int]()
        inner = scene.trainer._loss

        def loss(side: BiTuning, matrix: Tensor, chosen: np.ndarray, *rest: object) -> LossTerms:
            taken.extend(chosen.tolist())
            return inner(side, matrix, chosen, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(scene.trainer, "_loss", loss)
        one_epoch(scene, seed)
        return taken

    assert sorted(rows_of(BASE, 0)) == list(range(40))
    some, others = (rows_of(replace(BASE, rows_per_epoch=15), seed) for seed in (0, 1))
    assert len(set(some)) == len(some) == 15
    assert set(some) != set(others)
    few = Scene(replace(BASE, users=15), users=40)
    assert len(few.trainer.rows.users) == 15
    assert sorted(rows_of(replace(BASE, users=15), 0)) == sorted(rows_of(replace(BASE, users=15), 1))


def test_a_training_row_predicts_the_last_training_item_from_what_came_before() -> None:
    scene = Scene(users=40)
    for user, (history, target) in enumerate(
        zip(scene.trainer.rows.histories, scene.trainer.rows.targets, strict=True)
    ):
        assert [*history, target] == scene.split.train[user].tolist()


def constant(value: float) -> Callable[..., Tensor]:
    def loss(first: Tensor | Routing, *_: object) -> Tensor:
        tensor = first.probabilities if isinstance(first, Routing) else first
        return tensor.sum() * 0 + value

    return loss


@pytest.mark.parametrize(
    ("moving_items", "changes", "expected"),
    [
        (True, {}, 2.0 + 0.01 * 3.0 + 1.0 * 5.0),
        (False, {}, 2.0 + 0.01 * 3.0),
        (True, {"in_batch": 0.0, "balance": 0.5}, 2.0 + 0.5 * 3.0),
        (True, {"in_batch": 0.2}, 2.0 + 0.01 * 3.0 + 0.2 * 5.0),
    ],
)
def test_the_loss_is_equation_12_and_the_live_term_of_phase_1(
    moving_items: bool, changes: dict[str, float], expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(replace(BASE, **changes), users=10)  # type: ignore[arg-type]
    for name, value in (("contrastive_loss", 2.0), ("balance_loss", 3.0), ("in_batch_loss", 5.0)):
        monkeypatch.setattr(train_laser, name, constant(value))
    matrix = scene.trainer.item_matrix(scene.side)
    loss = scene.trainer._loss(scene.side, matrix, np.arange(8), np.random.default_rng(0), moving_items)
    assert loss.total.item() == pytest.approx(expected)


def test_users_are_scored_against_the_whole_matrix_at_tau(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(replace(BASE, state_dropout=0.0, in_batch=0.0, balance=0.0), users=10)
    scene.side.eval()  # no dropout within the M-Former
    matrix, rows = scene.trainer.item_matrix(scene.side), scene.trainer.rows
    loss = scene.trainer._loss(scene.side, matrix, np.arange(8), np.random.default_rng(0), True)
    text, items, collaborative = scene.encoding
    histories = [items.history(history) for history in rows.histories[:8]]
    users = torch.from_numpy(text.embed(scene.side, histories, collaborative))
    expected = contrastive_loss(users, matrix, torch.from_numpy(rows.targets[:8]), 0.05)
    assert loss.total.item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_live_term_knows_each_items_share_of_the_training_targets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(users=40)
    targets = scene.trainer.rows.targets
    seen: list[tuple[list[int], list[float]]] = []

    def look(users: Tensor, items: Tensor, batch: Tensor, log_share: Tensor, temperature: float) -> Tensor:
        assert (users.shape, items.shape, temperature) == ((8, 32), (8, 32), 0.05)
        assert items.requires_grad
        seen.append((batch.tolist(), log_share.exp().tolist()))
        return users.sum() * 0

    monkeypatch.setattr(train_laser, "in_batch_loss", look)
    matrix = scene.trainer.item_matrix(scene.side)
    scene.trainer._loss(scene.side, matrix, np.arange(8), np.random.default_rng(0), True)
    ((batch, shares),) = seen
    assert batch == targets[:8].tolist()
    assert shares == pytest.approx([(targets == item).sum() / 40 for item in batch])


@pytest.mark.parametrize(("dropout", "low", "high"), [(0.0, 1.0, 1.0), (0.25, 0.68, 0.82)])
def test_states_are_dropped_by_user_at_the_configured_rate(dropout: float, low: float, high: float) -> None:
    scene = Scene(replace(BASE, state_dropout=dropout), users=10)
    histories = [scene.encoding.items.history([1, 3, 5])] * 400
    batch: Prompted = scene.trainer._dropped(histories, np.random.default_rng(0))
    kept = batch.states_present.float().mean(dim=1)
    assert set(kept.tolist()) <= {0.0, 1.0}  # all of a user's states or none
    assert low <= kept.mean().item() <= high
    assert batch.text_present.all(dim=1).float().mean() == 1  # the text stays
    assert batch.vectors_present.all()


def test_rows_with_a_sentence_join_in_pairs_without_states(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(replace(BASE, state_dropout=0.0, in_batch=0.0, balance=0.0, sentence_share=0.5), users=20)
    spoken = scene.trainer._spoken(np.arange(8), np.random.default_rng(0))
    assert len(spoken) == 4  # half as many rows as there are users
    for one, other in zip(spoken[::2], spoken[1::2], strict=True):
        assert one.history.tolist() == other.history.tolist()
        assert one.target != other.target
        assert one.sentence != other.sentence
    batches: list[Prompted] = []
    targets: list[int] = []
    embed = scene.side.forward

    def look(backbone: object, batch: Prompted) -> object:
        batches.append(batch)
        return embed(backbone, batch)  # type: ignore[arg-type]

    def loss(users: Tensor, items: Tensor, batch: Tensor, temperature: float) -> Tensor:
        targets.extend(batch.tolist())
        return users.sum() * 0

    monkeypatch.setattr(scene.side, "forward", look)
    monkeypatch.setattr(train_laser, "contrastive_loss", loss)
    matrix = scene.trainer.item_matrix(scene.side)
    batches.clear()
    scene.trainer._loss(scene.side, matrix, np.arange(8), np.random.default_rng(0), False)
    (batch,) = batches
    assert batch.states_present.any(dim=1).tolist() == [True] * 8 + [False] * 4
    assert batch.sentence_vector.any(dim=1).tolist() == [False] * 8 + [True] * 4
    assert targets == scene.trainer.rows.targets[:8].tolist() + [row.target for row in spoken]


def test_the_live_term_is_of_rows_without_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(replace(BASE, sentence_share=0.5), users=20)
    seen: list[tuple[torch.Size, list[int]]] = []

    def look(users: Tensor, items: Tensor, batch: Tensor, log_share: Tensor, temperature: float) -> Tensor:
        seen.append((users.shape, batch.tolist()))
        assert len(items) == len(log_share) == 8
        return users.sum() * 0

    monkeypatch.setattr(train_laser, "in_batch_loss", look)
    matrix = scene.trainer.item_matrix(scene.side)
    scene.trainer._loss(scene.side, matrix, np.arange(8), np.random.default_rng(0), True)
    assert seen == [(torch.Size([8, 32]), scene.trainer.rows.targets[:8].tolist())]


def test_without_a_share_there_are_no_sentences() -> None:
    assert Scene(users=20).trainer._spoken(np.arange(8), np.random.default_rng(0)) == []


def test_the_rate_warms_up_and_falls_to_a_tenth_over_the_whole_phase() -> None:
    trainer = Scene(replace(BASE, warmup=0.1), users=10).trainer
    first, second = trainer._step(0, 4), trainer._step(1, 4)
    assert first(0.0) == pytest.approx(1e-3 / 0.101)
    assert first(0.2) == pytest.approx(0.051 / 0.101)  # halfway through a tenth of four epochs
    assert trainer._step(2, 4)(0.0) == pytest.approx(0.55)
    assert trainer._step(3, 4)(1.0) == pytest.approx(0.1)
    assert first(1.0) == pytest.approx(second(0.0))
    cold = Scene(replace(BASE, warmup=0.0), users=10).trainer
    assert cold._step(0, 4)(0.0) == pytest.approx(1.0)
