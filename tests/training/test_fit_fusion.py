"""The columns behind z: which scorers they hold, that they sum to the served score, and who chose their weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from model.collaborative import Collaborative
from model.fusion import Fusion
from tests.tiny import tiny_collaborative
from tests.training_world import ITEM_IDS, ITEMS, checkerboard, no_log, write_world
from training.baselines import EASE, ItemKNN, Popularity, Scorer
from training.config import LINEAR_SCORERS, FusionConfig
from training.data import Dataset, EvalRows, leave_one_out, load_dataset
from training.factors import FactorScorer
from training.fit_fusion import fit_factors, fit_fusion, relative_to
from training.metrics import history_mask, ndcg_at, target_ranks
from training.scorers import IdScorer

FULL = FusionConfig(rank=ITEMS)
SPLIT = leave_one_out(checkerboard(100))
TEXT = np.random.default_rng(5).normal(size=(ITEMS, 16)).astype(np.float32)


@dataclass(frozen=True)
class Noise:
    """Laser alone, knowing nothing."""

    name: str = "Laser"

    def score(self, histories: Sequence[np.ndarray]) -> np.ndarray:
        users = [np.random.default_rng(int(history.sum())).normal(size=ITEMS) for history in histories]
        return np.array(users, dtype=np.float32)


@dataclass(frozen=True)
class Oracle:
    """Laser alone, knowing the ring."""

    name: str = "Laser"

    def score(self, histories: Sequence[np.ndarray]) -> np.ndarray:
        scores = np.zeros((len(histories), ITEMS), dtype=np.float32)
        for line, history in zip(scores, histories, strict=True):
            last = history[-1]
            line[last + 20 if last < 20 else (last - 20 + 2) % 20] = 1
        return scores


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return load_dataset(write_world(tmp_path_factory.mktemp("world"), checkerboard(100)))


@pytest.fixture(scope="module")
def collaborative() -> Collaborative:
    return tiny_collaborative(ITEM_IDS, ["gru4rec"])


def test_factors_of_full_rank_score_as_the_scorers_they_were_cut_from(dataset: Dataset) -> None:
    factors = {factor.name: FactorScorer(factor) for factor in fit_factors(FULL, dataset, SPLIT.train, 0)}
    assert tuple(factors) == LINEAR_SCORERS
    whole = {
        "EASE": EASE.fit(SPLIT.train, ITEMS),
        "item-kNN": ItemKNN.fit(SPLIT.train, ITEMS),
        "popularity": Popularity.fit(SPLIT.train, ITEMS),
    }
    for name, scorer in whole.items():
        expected = scorer.score(SPLIT.valid.histories)
        np.testing.assert_allclose(
            factors[name].score(SPLIT.valid.histories), expected, atol=2e-3 * np.abs(expected).max()
        )


def test_the_text_factor_brings_items_of_the_same_title_words_together(dataset: Dataset) -> None:
    (factor,) = fit_factors(replace(FULL, scorers=("TF-IDF mean",)), dataset, SPLIT.train, 0)
    (scores,) = FactorScorer(factor).score([np.array([2])])
    assert scores[0::2].mean() > scores[1::2].mean() + 0.05  # "red" before "blue"


def test_rank_bounds_the_columns_and_only_the_named_scorers_are_fitted(dataset: Dataset) -> None:
    factors = fit_factors(FusionConfig(scorers=("popularity", "EASE"), rank=7), dataset, SPLIT.train, 0)
    assert [(factor.name, factor.item_side.shape) for factor in factors] == [
        ("popularity", (ITEMS, 1)),
        ("EASE", (ITEMS, 7)),
    ]
    assert factors[0].constant
    assert not factors[1].constant


def test_what_the_weights_are_chosen_for_is_what_the_index_serves(
    dataset: Dataset, collaborative: Collaborative
) -> None:
    factors = fit_factors(FULL, dataset, SPLIT.train, 0)
    weights = {"gru4rec": 0.5, "EASE": 2.0, "popularity": 0.25}
    fusion = Fusion(collaborative, factors, weights)
    fusion.fit_from_text(TEXT)
    histories = SPLIT.test.histories
    parts: dict[str, Scorer] = {factor.name: FactorScorer(factor) for factor in factors}
    parts["gru4rec"] = IdScorer("gru4rec", collaborative.recommenders["gru4rec"])
    expected = sum(weight * parts[name].score(histories) for name, weight in weights.items())
    served = fusion.user_columns(histories) @ fusion.item_columns(ITEM_IDS, TEXT).T
    np.testing.assert_allclose(served, expected, rtol=1e-4, atol=1e-4)


def test_what_knows_the_answer_is_weighed_in_and_the_log_says_so(
    dataset: Dataset, collaborative: Collaborative
) -> None:
    logged: list[tuple[str, dict[str, float]]] = []

    def log(stage: str, metrics: Mapping[str, float]) -> None:
        logged.append((stage, dict(metrics)))

    fusion = fit_fusion(FULL, dataset, SPLIT.train, SPLIT.valid, Noise(), collaborative, TEXT, 0, log)
    assert fusion.weights["item-kNN"] > 0 or fusion.weights["EASE"] > 0
    ((stage, metrics),) = logged
    assert stage == "fusion"
    assert metrics["users"] == 100
    assert {name: metrics[name] for name in fusion.weights} == fusion.weights
    assert set(metrics) == {"validation", "users", "gru4rec", *LINEAR_SCORERS}
    rows = SPLIT.valid
    scores = Noise().score(rows.histories) + fusion.user_columns(rows.histories) @ fusion.table().T
    ranks = target_ranks(scores, rows.targets, history_mask(rows.histories, ITEMS))
    assert ndcg_at(ranks, 10).mean() > 0.8
    assert ndcg_at(ranks, 10).mean() == pytest.approx(metrics["validation"], abs=0.02)


def test_what_does_not_help_gets_no_column(dataset: Dataset, collaborative: Collaborative) -> None:
    fusion = fit_fusion(FULL, dataset, SPLIT.train, SPLIT.valid, Oracle(), collaborative, TEXT, 0, no_log)
    assert fusion.weights == {}
    assert fusion.width == 0
    assert fusion.item_columns([None, ITEM_IDS[3]], TEXT[:2]).shape == (2, 0)
    assert fusion.user_columns([np.array([1])]).shape == (1, 0)


def test_the_weights_see_validation_and_no_other_target(
    dataset: Dataset, collaborative: Collaborative
) -> None:
    asked: list[list[int]] = []

    @dataclass(frozen=True)
    class Curious(Noise):
        def score(self, histories: Sequence[np.ndarray]) -> np.ndarray:
            asked.extend(history.tolist() for history in histories)
            return super().score(histories)

    some = EvalRows(SPLIT.valid.users[:30], SPLIT.valid.histories[:30], SPLIT.valid.targets[:30])
    fit_fusion(FULL, dataset, SPLIT.train, some, Curious(), collaborative, TEXT, 0, no_log)
    assert asked == [history.tolist() for history in some.histories]


def test_a_cold_item_gets_its_columns_from_its_text(dataset: Dataset) -> None:
    warm = np.ones(ITEMS, dtype=bool)
    warm[7] = False
    source = tiny_collaborative(ITEM_IDS, ["gru4rec"])
    cold = Collaborative(source.recommenders, ITEM_IDS, warm)
    fusion = fit_fusion(FULL, dataset, SPLIT.train, SPLIT.valid, Noise(), cold, TEXT, 0, no_log)
    columns = fusion.item_columns([ITEM_IDS[7], "unheard of", ITEM_IDS[8]], TEXT[[7, 7, 8]])
    assert np.isfinite(columns).all()
    np.testing.assert_array_equal(columns[0], columns[1])
    np.testing.assert_array_equal(columns[2], fusion.table()[8])
    assert not np.allclose(columns[0], fusion.table()[7])


def test_a_disabled_fusion_has_no_columns_and_says_nothing(
    dataset: Dataset, collaborative: Collaborative
) -> None:
    def shout(stage: str, metrics: Mapping[str, float]) -> None:
        raise AssertionError("nothing was chosen")

    config = FusionConfig(enabled=False)
    fusion = fit_fusion(config, dataset, SPLIT.train, SPLIT.valid, Noise(), collaborative, TEXT, 0, shout)
    assert (fusion.weights, fusion.width, fusion.factors) == ({}, 0, {})
    assert fusion.collaborative is collaborative


def test_weights_are_relative_to_lasers_own() -> None:
    assert relative_to("z", {"z": 0.5, "EASE": 1.0, "gru4rec": 0.0}) == {"EASE": 2.0, "gru4rec": 0.0}
    assert relative_to("z", {"z": 1.0}) == {}


def test_where_the_search_would_do_without_z_it_keeps_a_32nd() -> None:
    assert relative_to("z", {"z": 0.0, "EASE": 1.0}) == {"EASE": 32.0}
