"""ID recommenders on a checkerboard world, what each round may see, and the sampled softmax against the full one."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from model.id_recommenders import PADDING, BERT4Rec, IdRecommenderConfig, Kind, build_id_recommender
from tests.training_world import ITEMS, Rows, checkerboard, no_log
from training import train_id_recommenders
from training.data import EvalRows, leave_one_out
from training.metrics import history_mask, ndcg_at, recall_at, target_ranks
from training.ranking import rank_users
from training.scorers import IdScorer
from training.train_id_recommenders import (
    CrossFitted,
    IdTrainingConfig,
    Recipe,
    catalogue_cross_entropy,
    cloze_loss,
    hold_out_last,
    length_batches,
    next_item_loss,
    sample_rows,
    start_from_text,
    train_id_recommender,
    validation_ndcg,
)

KINDS: list[Kind] = ["sasrec", "bert4rec", "gru4rec"]
TEXT = np.random.default_rng(5).normal(size=(ITEMS, 20)).astype(np.float32)  # which tell nothing


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, CrossFitted]:
    split = leave_one_out(checkerboard())
    config = IdTrainingConfig(width=32, epochs=10, patience=5, batch_size=16)
    folder = tmp_path_factory.mktemp("state")
    quick = {kind: Recipe(dropout=0.1, learning_rate=5e-3, rate_from_text=5e-3) for kind in KINDS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_id_recommenders, "RECIPES", quick)
        return {
            kind: train_id_recommender(
                config.shape(kind, ITEMS), config, split.train, split.valid, folder, 0, no_log, TEXT
            )
            for kind in KINDS
        }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns_the_checkerboard(kind: Kind, trained: dict[Kind, CrossFitted]) -> None:
    new = leave_one_out(checkerboard(seed=1))  # users it has never seen
    rows_of = {"cross_fitted": hold_out_last(new.train)[1], "final": new.test}
    for name, rows in rows_of.items():
        ranks = rank_users(IdScorer(kind, getattr(trained[kind], name)), rows, ITEMS).served
        assert recall_at(ranks, 10).mean() > 0.98
        assert recall_at(ranks, 1).mean() > 0.6  # by chance .03, by the group alone .06


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_out_is_frozen_and_in_evaluation(kind: Kind, trained: dict[Kind, CrossFitted]) -> None:
    for model in (trained[kind].cross_fitted, trained[kind].final):
        assert not model.training
        assert not any(parameter.requires_grad for parameter in model.parameters())


# Who may see what -----------------------------------------------------------------------------------------------


def secret_world() -> list[Rows]:
    """Training item 38 occurs only as the last training item of each user, 39 only after it."""
    histories = [history[:6] for history in checkerboard(users=120)]
    return [np.concatenate([history[history < 38][:3], [38, 39, 39]]) for history in histories]


def test_the_cross_fitted_round_never_meets_the_last_training_item_and_the_final_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[set[int]] = []
    batches: list[tuple[int, np.ndarray]] = []
    inner = train_id_recommenders.pad_histories
    asked: list[tuple[int, EvalRows]] = []

    def watched(sequences: list[Rows], longest: int) -> torch.Tensor:
        tokens = inner(sequences, longest)
        batches.append((len(met), tokens.numpy().copy()))
        return tokens

    def judged(model: torch.nn.Module, rows: EvalRows) -> float:
        asked.append((len(met), rows))
        return 0.0

    round_ = train_id_recommenders._round

    def counted(*arguments: object) -> object:
        result = round_(*arguments)  # type: ignore[arg-type]
        met.append({int(token) - 1 for number, seen in batches if number == len(met) for token in seen.flat})
        return result

    monkeypatch.setattr(train_id_recommenders, "pad_histories", watched)
    monkeypatch.setattr(train_id_recommenders, "validation_ndcg", judged)
    monkeypatch.setattr(train_id_recommenders, "_round", counted)
    split = leave_one_out(secret_world())
    config = IdTrainingConfig(width=8, epochs=1)
    train_id_recommender(
        config.shape("sasrec", ITEMS), config, split.train, split.valid, tmp_path, 0, no_log, TEXT
    )
    assert 38 not in met[0]
    assert 38 in met[1]
    assert 39 not in met[0] | met[1]  # validation and test items
    (_, first), (_, second) = asked
    assert set(first.targets.tolist()) == {38}
    assert set(second.targets.tolist()) == {39}
    assert all(38 not in history for history in first.histories)


def test_both_rounds_are_resumed_from_their_own_state(tmp_path: Path) -> None:
    split = leave_one_out(checkerboard(users=40))
    config = IdTrainingConfig(width=8, epochs=2)
    shape = config.shape("gru4rec", ITEMS)

    def go(folder: Path) -> CrossFitted:
        return train_id_recommender(shape, config, split.train, split.valid, folder, 3, no_log, TEXT)

    whole = go(tmp_path / "whole")
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == [
        "gru4rec-1.state",
        "gru4rec-2.state",
    ]
    (tmp_path / "part").mkdir()
    (tmp_path / "whole" / "gru4rec-1.state").rename(tmp_path / "part" / "gru4rec-1.state")
    again = go(tmp_path / "part")
    for before, after in ((whole.cross_fitted, again.cross_fitted), (whole.final, again.final)):
        for one, other in zip(before.parameters(), after.parameters(), strict=True):
            assert torch.equal(one, other)


def test_the_last_training_item_is_held_out_of_users_who_have_two() -> None:
    train = [np.array([3, 1, 2]), np.array([4]), np.array([], dtype=np.int64), np.array([5, 6])]
    shortened, held_out = hold_out_last(train)
    assert [rows.tolist() for rows in shortened] == [[3, 1], [4], [], [5]]
    assert held_out.users.tolist() == [0, 3]
    assert [rows.tolist() for rows in held_out.histories] == [[3, 1], [5]]
    assert held_out.targets.tolist() == [2, 6]


def test_nobody_to_hold_out_from_gives_no_rows() -> None:
    shortened, held_out = hold_out_last([np.array([4])])
    assert [rows.tolist() for rows in shortened] == [[4]]
    assert (held_out.users.tolist(), held_out.histories, held_out.targets.tolist()) == ([], (), [])
    assert held_out.targets.dtype == np.int64


# Batches --------------------------------------------------------------------------------------------------------


def test_length_batches_cover_every_row_once_with_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 50, 1003)
    batches = length_batches(lengths, 64, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1003))
    assert Counter(len(batch) for batch in batches) == {64: 15, 43: 1}
    assert max(np.ptp(lengths[batch]) for batch in batches) <= 6


def test_length_batches_are_drawn_anew_each_time_and_again_by_the_same_seed() -> None:
    lengths = np.full(100, 5)
    first, again, other = (length_batches(lengths, 10, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert {frozenset(batch.tolist()) for batch in first} != {frozenset(batch.tolist()) for batch in other}
    ordered = length_batches(np.arange(100), 10, np.random.default_rng(0))
    assert [batch.min() for batch in ordered] != sorted(batch.min() for batch in ordered)  # not short to long


def test_rows_are_sampled_once_by_seed_and_stay_together() -> None:
    rows = EvalRows(np.arange(50), tuple(np.array([n, n]) for n in range(50)), np.arange(50) + 100)
    assert sample_rows(rows, 50, seed=0) is rows
    some = sample_rows(rows, 20, seed=0)
    assert len(set(some.users.tolist())) == 20
    for user, history, target in zip(some.users, some.histories, some.targets, strict=True):
        assert (history.tolist(), target) == ([user, user], user + 100)
    assert np.array_equal(some.users, sample_rows(rows, 20, seed=0).users)
    assert not np.array_equal(some.users, sample_rows(rows, 20, seed=1).users)


# Losses ---------------------------------------------------------------------------------------------------------


def test_next_item_loss_counts_every_next_item_and_no_padding() -> None:
    torch.manual_seed(0)
    model = build_id_recommender(IdRecommenderConfig("sasrec", 9, width=8, dropout=0.0)).eval()
    rng = np.random.default_rng(0)
    long, short = torch.tensor([[1, 5, 9, 2]]), torch.tensor([[0, 0, 4, 7]])
    assert next_item_loss(model, torch.tensor([[4, 7]]), 0, rng).item() == pytest.approx(
        next_item_loss(model, short, 0, rng).item(), rel=1e-5
    )
    both = next_item_loss(model, torch.cat([long, short]), 0, rng).item()
    alone = [next_item_loss(model, tokens, 0, rng).item() for tokens in (long, short)]
    assert both == pytest.approx((3 * alone[0] + 1 * alone[1]) / 4, rel=1e-5)
    states = model.states(long[:, :-1])[0]
    by_hand = functional.cross_entropy(states @ model.item_vectors.T, torch.tensor([4, 8, 1]))
    assert alone[0] == pytest.approx(by_hand.item(), rel=1e-5)


class Watched(BERT4Rec):
    """Notes which tokens it was shown."""

    def states(self, tokens: torch.Tensor) -> torch.Tensor:
        self.shown = tokens
        return super().states(tokens)


def masks(share: float, rows: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    """(tokens, what the model saw) of one cloze step over padded rows."""
    torch.manual_seed(0)
    model = Watched(IdRecommenderConfig("bert4rec", 9, width=8))
    tokens = torch.tensor([[PADDING, PADDING, 1, 2, 3, 4, 5]]).repeat(rows, 1)
    cloze_loss(model, tokens, share, np.random.default_rng(0))
    return tokens, model.shown


def test_half_of_the_rows_mask_only_their_newest_item() -> None:
    tokens, shown = masks(share=0.5)
    masked = shown == 10
    assert (shown == tokens)[~masked].all()
    assert not masked[tokens == PADDING].any()
    only_last = masked[:, -1] & (masked.sum(dim=1) == 1)
    assert 0.45 < only_last.float().mean() < 0.6  # half, and a few of the others by chance
    others = masked[~only_last]
    assert 0.45 < others[:, 2:].float().mean() < 0.6


def test_a_row_that_drew_no_mask_masks_its_newest_item() -> None:
    _, shown = masks(share=0.0)
    assert ((shown == 10).sum(dim=1) == 1).all()
    assert (shown[:, -1] == 10).all()


def test_cloze_loss_is_the_cross_entropy_of_the_masked_items() -> None:
    torch.manual_seed(0)
    model = BERT4Rec(IdRecommenderConfig("bert4rec", 9, width=8, dropout=0.0)).eval()
    tokens = torch.tensor([[0, 3, 8]])
    states = model.states(torch.tensor([[0, 3, 10]]))[0, -1]
    expected = functional.cross_entropy(states @ model.item_vectors.T, torch.tensor(7))
    assert cloze_loss(model, tokens, 0.0, np.random.default_rng(0)).item() == pytest.approx(expected.item())


# The sampled softmax --------------------------------------------------------------------------------------------


@pytest.fixture
def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """states [64, 16], items [3000, 16], targets [64], some of them far more popular than others."""
    torch.manual_seed(0)
    states, items = torch.randn(64, 16), torch.randn(3000, 16) * 0.5
    targets = torch.where(torch.rand(64) < 0.5, torch.randint(0, 4, (64,)), torch.randint(0, 3000, (64,)))
    return states, items, targets


def sampled(
    scene: tuple[torch.Tensor, torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch, negatives: int
) -> list[torch.Tensor]:
    monkeypatch.setattr(train_id_recommenders, "SOFTMAX_LIMIT", 2999)
    monkeypatch.setattr(train_id_recommenders, "SAMPLED_NEGATIVES", negatives)
    return [catalogue_cross_entropy(*scene, np.random.default_rng(seed)) for seed in range(30)]


def test_with_every_item_drawn_the_sampled_softmax_is_the_full_one(
    scene: tuple[torch.Tensor, torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = catalogue_cross_entropy(*scene, np.random.default_rng(0))
    states, items, targets = scene
    assert full.item() == pytest.approx(functional.cross_entropy(states @ items.T, targets).item())
    for loss in sampled(scene, monkeypatch, 3000):
        assert loss.item() == pytest.approx(full.item(), rel=1e-5)


def test_with_a_fifth_drawn_it_estimates_the_full_one_and_its_gradient(
    scene: tuple[torch.Tensor, torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    states, items, targets = scene
    states.requires_grad_()
    items.requires_grad_()
    full = catalogue_cross_entropy(states, items, targets, np.random.default_rng(0))
    exact = torch.autograd.grad(full, [states, items])
    losses = sampled(scene, monkeypatch, 600)
    assert torch.stack(losses).mean().item() == pytest.approx(full.item(), rel=0.01)
    assert len({loss.item() for loss in losses}) == 30  # drawn anew each time
    drawn = torch.autograd.grad(torch.stack(losses).mean(), [states, items])
    for estimate, truth in zip(drawn, exact, strict=True):
        assert functional.cosine_similarity(estimate.flatten(), truth.flatten(), dim=0) > 0.99


# Validation -----------------------------------------------------------------------------------------------------


def test_validation_is_ndcg_with_the_history_excluded() -> None:
    torch.manual_seed(0)
    model = build_id_recommender(IdRecommenderConfig("sasrec", ITEMS, width=8))
    rows = leave_one_out(checkerboard(users=30, length=12)).valid
    scores = IdScorer("sasrec", model).score(rows.histories)
    ranks = target_ranks(scores, rows.targets, history_mask(rows.histories, ITEMS))
    assert validation_ndcg(model, rows) == pytest.approx(ndcg_at(ranks, 10).mean())
    assert ndcg_at(ranks, 10).mean() != pytest.approx(ndcg_at(target_ranks(scores, rows.targets), 10).mean())


def test_an_empty_history_scores_zero_and_batches_change_nothing(trained: dict[Kind, CrossFitted]) -> None:
    scorer = IdScorer("bert4rec", trained["bert4rec"].final)
    histories = [np.array([2, 22]), np.array([], dtype=np.int64), np.arange(0, 30, 2)]
    scores = scorer.score(histories)
    assert not scores[1].any()
    np.testing.assert_allclose(scores, scorer.score(histories, batch_size=1), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"kinds": ("sasrec", "caser")},
            "id_recommenders.kinds names 'caser'; there are sasrec, bert4rec, gru4rec",
        ),
        ({"kinds": ("sasrec", "sasrec")}, "id_recommenders.kinds names a kind twice"),
        ({"epochs": 0}, "id_recommenders.epochs must be at least 1, not 0"),
        ({"patience": 0}, "id_recommenders.patience must be at least 1, not 0"),
        ({"batch_size": 0}, "id_recommenders.batch_size must be at least 1, not 0"),
        ({"width": 33}, "id_recommenders.width must be a positive multiple of 2 (heads), not 33"),
        ({"masked_share": 1.5}, "id_recommenders.masked_share must lie in [0, 1], not 1.5"),
    ],
)
def test_settings_that_cannot_train_are_refused_before_anything_runs(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match="id_recommenders") as caught:
        IdTrainingConfig(**changes)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_item_tables_start_from_the_leading_directions_of_the_texts() -> None:
    """Three directions of spread 3, 2 and 1: the table gets them in this order, each of spread 0.1."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(5, 5)))[0][:3]
    parts = np.linalg.qr(rng.normal(size=(ITEMS, 3)) - rng.normal(size=3))[0]
    parts -= parts.mean(axis=0)
    texts = ((parts * [3.0, 2.0, 1.0]) @ axes + 7.0).astype(np.float32)
    model = build_id_recommender(IdTrainingConfig(width=16).shape("sasrec", ITEMS))
    before = model.table.weight.detach().clone()
    start_from_text(model, texts, 0.1)
    started = model.item_vectors.detach().numpy()
    np.testing.assert_allclose(started[:, :3].std(axis=0), 0.1, rtol=1e-4)
    leading = np.abs(np.corrcoef(started[:, 0], (texts - texts.mean(axis=0)) @ axes[0])[0, 1])
    assert leading > 0.9
    np.testing.assert_array_equal(model.table.weight[:, 3:].detach(), before[:, 3:])  # no text fills the rest
    np.testing.assert_array_equal(model.table.weight[[0, ITEMS + 1]].detach(), before[[0, ITEMS + 1]])


def test_a_start_from_text_changes_what_is_learned_and_zero_does_without(tmp_path: Path) -> None:
    split = leave_one_out(checkerboard(20))
    tables = {}
    for start in (0.0, 0.5):
        config = IdTrainingConfig(width=16, epochs=1, text_start=start)
        shape = config.shape("sasrec", ITEMS)
        folder = tmp_path / str(start)
        pair = train_id_recommender(shape, config, split.train, split.valid, folder, 0, no_log, TEXT)
        tables[start] = pair.final.item_vectors
        assert (
            pair.cross_fitted.item_vectors.std() < 0.1
        )  # whose states the prefix reads always starts at random
    assert tables[0.0].std() < 0.1
    assert tables[0.5].std() > 0.3
