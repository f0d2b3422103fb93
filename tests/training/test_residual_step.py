"""The residual step: what is chosen is the best of the grid, and taking it gives the embeddings it was chosen for."""

import copy

import numpy as np
import pytest
import torch

from model.bi_tuning import BiTuning
from model.encoder import TextEncoder
from model.whitening import fit_whitening
from tests.tiny import tiny_backbone, tiny_collaborative, tiny_config
from tests.training_world import ITEM_IDS, ITEMS, checkerboard, record
from training.data import leave_one_out
from training.metrics import history_mask, ndcg_at, target_ranks
from training.residual_step import choose_step, take_step
from training.scorers import EmbeddingScorer, Encoding, TrainingItems

ROWS = leave_one_out(checkerboard(60)).valid


@pytest.fixture(scope="module")
def encoding() -> Encoding:
    text = TextEncoder(tiny_config(), tiny_backbone())
    tokens = text.item_tokens([record(row) for row in range(ITEMS)])
    text.whitening = fit_whitening(text.text_vectors(tokens))
    return Encoding(
        text, TrainingItems(ITEM_IDS, tokens, text.text_vectors(tokens)), tiny_collaborative(ITEM_IDS)
    )


@pytest.fixture
def sides(encoding: Encoding) -> tuple[BiTuning, BiTuning]:
    """Two sides whose residual maps are random."""
    torch.manual_seed(0)
    widths = [encoding.collaborative.state_widths[name] for name in encoding.text.config.sources]
    made = BiTuning(encoding.text.config, widths, 32), BiTuning(encoding.text.config, widths, 32)
    for side in made:
        torch.nn.init.normal_(side.residual.weight, std=0.05)
    return made


def served_ndcg(encoding: Encoding, item_side: BiTuning, user_side: BiTuning) -> float:
    catalogue = [encoding.items.history([row]) for row in range(ITEMS)]
    matrix = encoding.text.embed(item_side, catalogue, encoding.collaborative)
    scores = EmbeddingScorer("", encoding, user_side, matrix).score(ROWS.histories)
    ranks = target_ranks(scores, ROWS.targets, history_mask(ROWS.histories, ITEMS))
    return float(ndcg_at(ranks, 10).mean())


def test_the_figures_are_those_of_the_sides_after_the_step(
    encoding: Encoding, sides: tuple[BiTuning, BiTuning]
) -> None:
    chosen = choose_step(encoding, *sides, ROWS)
    assert chosen.ndcg_trained == pytest.approx(served_ndcg(encoding, *sides), abs=1e-6)
    for side in sides:
        take_step(side, chosen.step)
    assert chosen.ndcg == pytest.approx(served_ndcg(encoding, *sides), abs=1e-6)


def test_the_best_step_of_the_grid_is_chosen(encoding: Encoding, sides: tuple[BiTuning, BiTuning]) -> None:
    found = {}
    for step in (0.0, 0.5, 1.0):
        moved = copy.deepcopy(sides)
        for side in moved:
            take_step(side, step)
        found[step] = served_ndcg(encoding, *moved)
    assert len(set(found.values())) == 3
    chosen = choose_step(encoding, *sides, ROWS, steps=(0.0, 0.5, 1.0))
    assert chosen.ndcg == pytest.approx(max(found.values()), abs=1e-6)
    assert found[chosen.step] == max(found.values())


def test_what_added_nothing_stays_at_zero_shot(encoding: Encoding, sides: tuple[BiTuning, BiTuning]) -> None:
    for side in sides:
        take_step(side, 0.0)
    chosen = choose_step(encoding, *sides, ROWS)
    assert chosen.step == 0.0
    assert chosen.ndcg == chosen.ndcg_trained


def test_the_parts_sum_to_the_embedding(encoding: Encoding, sides: tuple[BiTuning, BiTuning]) -> None:
    histories = [encoding.items.history(rows) for rows in ROWS.histories[:9]]
    base, added = encoding.text.residual_parts(sides[1], histories, encoding.collaborative)
    total = base + added
    z = encoding.text.embed(sides[1], histories, encoding.collaborative)
    np.testing.assert_allclose(z, total / np.linalg.norm(total, axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(base, axis=1), 1, atol=1e-5)
    assert np.linalg.norm(added, axis=1).min() > 0.1
