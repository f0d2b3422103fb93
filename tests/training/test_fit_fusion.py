"""The columns behind z: which scorers they hold, that they sum to the served score, and who chose their weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from model.collaborative import Collaborative
from model.fusion import NEIGHBOURS, POPULARITY, Fusion
from tests.tiny import tiny_collaborative
from tests.training_world import ITEM_IDS, ITEMS, checkerboard, no_log, write_world
from training.baselines import Popularity, Scorer
from training.collective_ease import NeighbourConfig, PlacedNeighbours, neighbour_scorer
from training.config import FusionConfig
from training.data import Dataset, EvalRows, leave_one_out, load_dataset
from training.fit_fusion import fit_fusion, relative_to
from training.metrics import history_mask, ndcg_at, target_ranks
from training.scorers import IdScorer

FULL = FusionConfig(neighbours=NeighbourConfig(penalty=5.0))
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


def test_what_the_weights_are_chosen_for_is_what_the_index_serves(
    dataset: Dataset, collaborative: Collaborative
) -> None:
    fusion = fit_fusion(FULL, dataset, SPLIT.train, SPLIT.valid, Noise(), collaborative, TEXT, 0, no_log)
    weights = {"gru4rec": 0.5, NEIGHBOURS: 2.0, POPULARITY: 0.25}
    neighbours, counted = fusion.neighbours, Popularity.fit(SPLIT.train, ITEMS)
    assert neighbours is not None
    parts: dict[str, Scorer] = {
        NEIGHBOURS: neighbour_scorer(neighbours, TEXT),
        POPULARITY: counted,
        "gru4rec": IdScorer("gru4rec", collaborative.recommenders["gru4rec"]),
    }
    fusion = Fusion(collaborative, counted.log_counts, neighbours, weights)
    fusion.keep_texts(TEXT, np.ones(ITEMS, int))
    histories = SPLIT.test.histories
    expected = sum(weight * parts[name].score(histories) for name, weight in weights.items())
    placed = fusion.placed_neighbours(ITEM_IDS, TEXT)
    assert placed is not None
    served = fusion.user_columns(histories) @ fusion.item_columns(ITEM_IDS, TEXT).T
    served += PlacedNeighbours(placed).score(histories)
    np.testing.assert_allclose(served, expected, rtol=1e-4, atol=1e-4)


def test_what_knows_the_answer_is_weighed_in_and_the_log_says_so(
    dataset: Dataset, collaborative: Collaborative
) -> None:
    logged: list[tuple[str, dict[str, float]]] = []

    def log(stage: str, metrics: Mapping[str, float]) -> None:
        logged.append((stage, dict(metrics)))

    fusion = fit_fusion(FULL, dataset, SPLIT.train, SPLIT.valid, Noise(), collaborative, TEXT, 0, log)
    assert fusion.weights[NEIGHBOURS] > 0
    (first, fitted), (stage, metrics) = logged
    assert (first, stage) == ("neighbours", "fusion")
    assert fusion.neighbours is not None
    assert fitted == {"decay": fusion.neighbours.decay, "weights": len(fusion.neighbours.weights.rows)}
    assert metrics["users"] == 100
    assert {name: metrics[name] for name in fusion.weights} == fusion.weights
    assert set(metrics) == {"validation", "users", "gru4rec", POPULARITY, NEIGHBOURS}
    rows = SPLIT.valid
    scores = Noise().score(rows.histories) + fusion.user_columns(rows.histories) @ fusion.table().T
    scores += fusion.weights[NEIGHBOURS] * neighbour_scorer(fusion.neighbours, TEXT).score(rows.histories)
    ranks = target_ranks(scores, rows.targets, history_mask(rows.histories, ITEMS))
    assert ndcg_at(ranks, 10).mean() > 0.7
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


def test_texts_of_warm_items_are_kept_for_cold_ones(dataset: Dataset, collaborative: Collaborative) -> None:
    fusion = fit_fusion(FULL, dataset, SPLIT.train, SPLIT.valid, Noise(), collaborative, TEXT, 0, no_log)
    assert fusion.texts is not None
    np.testing.assert_array_equal(fusion.texts.rows, np.flatnonzero(collaborative.warm))
    np.testing.assert_array_equal(fusion.texts.vectors, TEXT[collaborative.warm])


def test_a_fusion_without_sources_has_no_columns_and_says_nothing(
    dataset: Dataset, collaborative: Collaborative
) -> None:
    def shout(stage: str, metrics: Mapping[str, float]) -> None:
        raise AssertionError("nothing was chosen")

    config = FusionConfig(sources=())
    fusion = fit_fusion(config, dataset, SPLIT.train, SPLIT.valid, Noise(), collaborative, TEXT, 0, shout)
    assert (fusion.weights, fusion.width, fusion.neighbours) == ({}, 0, None)
    assert fusion.collaborative is collaborative


def test_weights_are_relative_to_lasers_own() -> None:
    assert relative_to("z", {"z": 0.5, "EASE": 1.0, "gru4rec": 0.0}) == {"EASE": 2.0, "gru4rec": 0.0}
    assert relative_to("z", {"z": 1.0}) == {}


def test_where_the_search_would_do_without_z_it_keeps_a_32nd() -> None:
    assert relative_to("z", {"z": 0.0, "EASE": 1.0}) == {"EASE": 32.0}
