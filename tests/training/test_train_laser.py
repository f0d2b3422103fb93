"""Two-phase training on the checkerboard world with a tiny backbone: what moves, what may not, and what is selected."""

import copy
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from model.bi_tuning import BiTuning
from tests.training.laser_scene import BASE, Scene
from tests.training_world import ITEMS
from training.data import EvalRows
from training.fit import FitResult
from training.metrics import history_mask, ndcg_at, target_ranks
from training.scorers import EmbeddingScorer
from training.train_laser import LaserTrainingConfig


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def changed(before: dict[str, Tensor], after: nn.Module) -> set[str]:
    return {name for name, value in after.state_dict().items() if not torch.equal(before[name], value)}


@dataclass
class Trained:
    scene: Scene
    frozen: list[tuple[nn.Module, dict[str, Tensor]]]
    start: dict[str, Tensor]
    first: FitResult
    matrix: Tensor
    kept: Tensor
    item_side: BiTuning
    second: FitResult


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Both phases, once for all tests that only look."""
    folder, scene = tmp_path_factory.mktemp("state"), Scene()
    parts = [scene.encoding.text.backbone, *scene.encoding.collaborative.recommenders.values()]
    frozen, start = [(part, weights(part)) for part in parts], weights(scene.side)
    first, matrix = scene.trainer.phase1(scene.side, folder / "phase-1.state")
    item_side, kept = copy.deepcopy(scene.side), matrix.clone()
    second = scene.trainer.phase2(scene.side, matrix, folder / "phase-2.state")
    return Trained(scene, frozen, start, first, matrix, kept, item_side, second)


def test_every_step_says_its_loss_by_terms_its_rate_and_its_experts(trained: Trained) -> None:
    steps = trained.scene.steps
    of_first = [values for stage, _, values in steps if stage == "phase 1"]
    of_second = [values for stage, _, values in steps if stage == "phase 2"]
    assert [step for stage, step, _ in steps if stage == "phase 1"] == list(range(len(of_first)))
    assert len(of_first) == 5 * len(of_second) // 3 == 5 * 10
    weights = BASE.balance, BASE.in_batch
    for values in of_first:
        total = values["contrastive"] + weights[0] * values["balance"] + weights[1] * values["in-batch"]
        assert values["loss"] == pytest.approx(total, rel=1e-5)
        assert values["expert 1"] + values["expert 2"] == pytest.approx(1, abs=1e-5)
    assert all("in-batch" not in values for values in of_second)
    rates = [values["learning rate"] for values in of_first]
    assert max(rates) == pytest.approx(BASE.learning_rate, rel=0.05)
    assert rates[0] < 0.1 * BASE.learning_rate
    means = [np.mean([values["loss"] for values in of_first[n : n + 10]]) for n in range(0, 50, 10)]
    assert means == pytest.approx(trained.scene.values("phase 1", "loss"))


def test_the_loss_falls_in_both_phases(trained: Trained) -> None:
    for stage in ("phase 1", "phase 2"):
        losses = trained.scene.values(stage, "loss")
        assert losses[-1] < losses[0]


def test_validation_rises_above_zero_shot(trained: Trained) -> None:
    scene = trained.scene
    zero_shot = scene.values("phase 1", "validation")[0]
    untrained = Scene()
    assert zero_shot == untrained.trainer.validation_ndcg(
        untrained.side, untrained.trainer.item_matrix(untrained.side)
    )
    assert trained.first.best_value > zero_shot + 0.01
    assert trained.second.best_value > zero_shot + 0.03


def test_everything_trainable_moves_but_what_no_row_uses(trained: Trained) -> None:
    still = set(trained.start) - changed(trained.start, trained.item_side)
    assert still == set()  # even the weight of sentences, which decays


def test_the_backbone_and_the_id_recommenders_are_bit_equal(trained: Trained) -> None:
    for module, before in trained.frozen:
        assert changed(before, module) == set()
        assert all(parameter.grad is None for parameter in module.parameters())


def test_the_two_sides_differ_after_phase_2_and_the_matrix_is_the_item_sides(trained: Trained) -> None:
    assert trained.second.best_epoch >= 0, "the world must be one where phase 2 helps"
    assert changed(weights(trained.item_side), trained.scene.side)
    assert torch.equal(trained.matrix, trained.kept)
    assert torch.equal(trained.scene.trainer.item_matrix(trained.item_side), trained.kept)
    assert not torch.allclose(trained.scene.trainer.item_matrix(trained.scene.side), trained.kept, atol=1e-3)


def test_the_best_weights_and_their_matrix_reach_the_value_they_were_chosen_for(trained: Trained) -> None:
    trainer = trained.scene.trainer
    assert trained.first.best_value == max(trained.scene.values("phase 1", "validation"))
    assert trainer.validation_ndcg(trained.item_side, trained.matrix) == trained.first.best_value
    assert trainer.validation_ndcg(trained.scene.side, trained.matrix) == trained.second.best_value


def test_phase_2_starts_where_phase_1_ended(trained: Trained) -> None:
    assert trained.scene.values("phase 2", "validation")[0] == trained.first.best_value


def test_validation_is_ndcg_as_served_of_the_embedding_alone(trained: Trained) -> None:
    scene, rows = trained.scene, trained.scene.trainer.valid
    scorer = EmbeddingScorer("Laser", scene.encoding, scene.side, trained.matrix.numpy())
    ranks = target_ranks(scorer.score(rows.histories), rows.targets, history_mask(rows.histories, ITEMS))
    assert trained.second.best_value == pytest.approx(ndcg_at(ranks, 10).mean())


def test_items_are_unit_vectors_encoded_as_a_history_of_themselves(trained: Trained) -> None:
    encoding = trained.scene.encoding
    assert (trained.matrix.shape, trained.matrix.dtype) == ((ITEMS, 32), torch.float32)
    np.testing.assert_allclose(trained.matrix.norm(dim=1), 1, atol=1e-5)
    alone = encoding.text.embed(trained.item_side, [encoding.items.history([7])], encoding.collaborative)
    np.testing.assert_allclose(alone[0], trained.matrix[7], atol=1e-5)


def test_phase_1_trains_against_the_matrix_of_the_weights_before_the_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(replace(BASE, phase1_epochs=3, phase2_epochs=1), users=40)
    current: list[Tensor] = []
    inner = scene.trainer._epoch

    def epoch(phase: str, side: BiTuning, matrix: Tensor, *rest: object) -> float:
        if phase == "phase 1":
            assert torch.equal(matrix, scene.trainer.item_matrix(side))
        current.append(matrix.clone())
        loss = inner(phase, side, matrix, *rest)  # type: ignore[arg-type]
        assert torch.equal(matrix, current[-1])  # stale within the epoch
        return loss

    monkeypatch.setattr(scene.trainer, "_epoch", epoch)
    _, matrix = scene.trainer.phase1(scene.side, tmp_path / "phase-1.state")
    assert all(not torch.equal(one, two) for one, two in pairwise(current))
    scene.trainer.phase2(scene.side, matrix, tmp_path / "phase-2.state")
    assert torch.equal(current[-1], matrix)


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("phase", [1, 2])
def test_a_phase_killed_in_its_second_epoch_ends_bit_equal(
    phase: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(BASE, phase1_epochs=3, phase2_epochs=3)

    def run(folder: Path, killed_after: int | None = None) -> tuple[dict[str, Tensor], Tensor]:
        scene = Scene(config, users=40)
        if killed_after is not None:
            steps = iter(range(killed_after))
            inner = scene.trainer._loss

            def loss(*arguments: object) -> Tensor:
                if next(steps, None) is None:
                    raise Killed
                return inner(*arguments)  # type: ignore[arg-type]

            monkeypatch.setattr(scene.trainer, "_loss", loss)
        _, matrix = scene.trainer.phase1(scene.side, folder / "phase-1.state")
        scene.trainer.phase2(scene.side, matrix, folder / "phase-2.state")
        return weights(scene.side), matrix

    whole, matrix = run(tmp_path / "whole")
    batches = 3  # 40 rows in batches of 16
    with pytest.raises(Killed):
        run(tmp_path / "killed", killed_after=(phase - 1) * 3 * batches + batches + 2)
    again, remade = run(tmp_path / "killed")
    assert torch.equal(remade, matrix)
    assert all(torch.equal(whole[name], value) for name, value in again.items())


def test_a_phase_without_epochs_is_left_out(tmp_path: Path) -> None:
    scene = Scene(replace(BASE, phase1_epochs=0, phase2_epochs=0), users=40)
    start = weights(scene.side)
    result, matrix = scene.trainer.phase1(scene.side, tmp_path / "phase-1.state")
    assert scene.trainer.phase2(scene.side, matrix, tmp_path / "phase-2.state") == result
    assert (result.best_epoch, result.epochs) == (-1, 0)
    assert changed(start, scene.side) == set()


@pytest.mark.parametrize(
    "shape",
    [
        {"read_out": "suffix"},
        {"read_out": "mean"},
        {"sources": ()},
        {"sources": ("gru4rec",), "base_prefix": False},
    ],
    ids=["suffix", "mean", "no sources", "one source, no base prefix"],
)
def test_every_read_out_and_any_number_of_sources_trains(shape: dict[str, object], tmp_path: Path) -> None:
    scene = Scene(replace(BASE, phase1_epochs=3, phase2_epochs=1), users=60, **shape)
    start = weights(scene.side)
    result, matrix = scene.trainer.phase1(scene.side, tmp_path / "phase-1.state")
    scene.trainer.phase2(scene.side, matrix, tmp_path / "phase-2.state")
    losses = scene.values("phase 1", "loss")
    assert losses[-1] < losses[0]
    assert result.epochs == 3
    with safe_open(tmp_path / "phase-1.state", framework="pt") as stored:
        assert not torch.equal(stored.get_tensor("weights/suffix"), start["suffix"])
    assert any(name.startswith("m_former.queries") for name in start) == (shape.get("sources") != ())


def test_validation_users_are_a_sample_of_the_given_size() -> None:
    scene = Scene(replace(BASE, validation_users=30), users=60)
    valid: EvalRows = scene.trainer.valid
    assert len(set(valid.users.tolist())) == 30
    for user, history, target in zip(valid.users, valid.histories, valid.targets, strict=True):
        assert [*history, target] == [*scene.split.valid.histories[user], scene.split.valid.targets[user]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0, not 0.0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0, not 0.0"),
        ({"patience": 0}, "patience must be at least 1, not 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"rows_per_epoch": 0}, "rows_per_epoch must be at least 1, not 0"),
        ({"validation_users": 0}, "validation_users must be at least 1, not 0"),
        ({"phase1_epochs": -1}, "phase1_epochs must be at least 0, not -1"),
        ({"phase2_epochs": -1}, "phase2_epochs must be at least 0, not -1"),
        ({"users": -1}, "users must be at least 0, not -1"),
        ({"balance": -0.1}, "balance must be at least 0, not -0.1"),
        ({"in_batch": -0.1}, "in_batch must be at least 0, not -0.1"),
        ({"state_dropout": 1.0}, "state_dropout must lie in [0, 1), not 1.0"),
        ({"warmup": 1.0}, "warmup must lie in [0, 1), not 1.0"),
    ],
)
def test_settings_that_cannot_train_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        LaserTrainingConfig(**changes)  # type: ignore[arg-type]
    assert str(caught.value) == message
