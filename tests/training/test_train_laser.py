"""Two-phase training on the checkerboard world with a tiny backbone: what moves, what may not, and what is selected."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from model.bi_tuning import BiTuning, Prompted
from model.encoder import TextEncoder
from model.m_former import Routing
from model.whitening import fit_whitening
from tests.tiny import tiny_backbone, tiny_collaborative, tiny_config
from tests.training_world import ITEM_IDS, ITEMS, checkerboard, no_progress, record
from training import train_laser
from training.data import EvalRows, leave_one_out
from training.fit import FitResult
from training.loss_terms import LossTerms
from training.losses import contrastive_loss
from training.metrics import history_mask, ndcg_at, target_ranks
from training.scorers import EmbeddingScorer, Encoding, TrainingItems
from training.sentences import Attributes, Sentences
from training.train_id_recommenders import hold_out_last
from training.train_laser import LaserTrainer, LaserTrainingConfig

BASE = LaserTrainingConfig(
    phase1_epochs=5,
    phase2_epochs=3,
    batch_size=16,
    learning_rate=5e-3,
    state_dropout=0.1,
    validation_users=200,
)
Line = tuple[str, dict[str, float]]


class Scene:
    """A trainer, an untrained side, and what the trainer said."""

    def __init__(self, config: LaserTrainingConfig = BASE, users: int = 160, **shape: object) -> None:
        self.split = leave_one_out(checkerboard(users))
        laser = tiny_config(**shape)
        text = TextEncoder(laser, tiny_backbone())
        records = [record(row) for row in range(ITEMS)]
        tokens = text.item_tokens(records)
        text.whitening = fit_whitening(text.text_vectors(tokens))
        collaborative = tiny_collaborative(ITEM_IDS)
        items = TrainingItems(ITEM_IDS, tokens, text.text_vectors(tokens))
        self.encoding = Encoding(text, items, collaborative)
        self.lines: list[Line] = []
        self.steps: list[tuple[str, int, dict[str, float]]] = []
        _, rows = hold_out_last(self.split.train)
        self.trainer = LaserTrainer(
            self.encoding,
            rows,
            self.split.valid,
            config,
            0,
            lambda stage, metrics: self.lines.append((stage, dict(metrics))),
            no_progress,
            Sentences(Attributes.read(records)),
            lambda stage, step, values: self.steps.append((stage, step, dict(values))),
        )
        torch.manual_seed(0)
        widths = [collaborative.state_widths[name] for name in laser.sources]
        self.side = BiTuning(laser, widths, text.backbone.width)

    def values(self, stage: str, name: str) -> list[float]:
        return [line[name] for said, line in self.lines if said == stage and name in line]


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


# What training does ---------------------------------------------------------------------------------------------


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


# Which matrix an epoch trains against ---------------------------------------------------------------------------


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


# One epoch, looked at closely -----------------------------------------------------------------------------------


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


# Other shapes ---------------------------------------------------------------------------------------------------


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
