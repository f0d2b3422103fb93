"""The demo data can be learned from: co-watching predicts the next film well above popularity, not always."""

import numpy as np
import pytest

from demo.catalogue import load_films, load_series
from demo.simulator import Person, simulate

FILMS = load_films()
ROW = {film.item_id: row for row, film in enumerate(FILMS)}


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return simulate(FILMS, load_series(), users=3000, seed=7)


@pytest.fixture(scope="module")
def watched(people: list[Person]) -> np.ndarray:
    """Who watched what before their last film: float [U, I]."""
    matrix = np.zeros((len(people), len(FILMS)))
    for user, person in enumerate(people):
        matrix[user, list(person.rows[:-1])] = 1.0
    return matrix


def cosine(watched: np.ndarray) -> np.ndarray:
    """Cosine of co-watching between films, the diagonal zero: float [I, I]."""
    together = watched.T @ watched
    norms = np.sqrt(np.maximum(np.diag(together), 1.0))
    scores = together / np.outer(norms, norms)
    np.fill_diagonal(scores, 0.0)
    return np.asarray(scores)


def recall_at_10(scores: np.ndarray, watched: np.ndarray, people: list[Person]) -> float:
    scores = np.where(watched > 0, -np.inf, scores)  # [U, I]
    targets = np.array([person.rows[-1] for person in people])
    own = scores[np.arange(len(people)), targets]
    return float(((scores > own[:, None]).sum(axis=1) < 10).mean())


def test_co_watching_beats_popularity_and_is_not_an_oracle(people: list[Person], watched: np.ndarray) -> None:
    popularity = recall_at_10(np.broadcast_to(watched.sum(axis=0), watched.shape), watched, people)
    neighbours = recall_at_10(watched @ cosine(watched), watched, people)
    assert 0.05 < popularity < 0.15
    assert 2 * popularity < neighbours
    assert 0.20 < neighbours < 0.40


def test_three_space_operas_in_space_operas_out(watched: np.ndarray) -> None:
    seen = [ROW[item_id] for item_id in ("the-fifth-element-1997", "dune-2021", "star-trek-2009")]
    scores = cosine(watched)[seen].sum(axis=0)
    scores[seen] = -np.inf
    best = np.argsort(-scores)[:10]
    assert sum("space opera" in FILMS[row].themes for row in best) >= 8
