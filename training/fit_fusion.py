"""What joins the embedding in the served score, and at which weight: ID recommenders, popularity, neighbours.

The weights are chosen on validation, for scorers trained on those users' rows would look better there than they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.collaborative import Collaborative
from model.fusion import NEIGHBOURS, POPULARITY, Fusion
from training.baselines import Popularity, Scorer
from training.collective_ease import fit_neighbours, neighbour_scorer
from training.config import ID_RECOMMENDERS, FusionConfig
from training.data import Dataset, EvalRows
from training.fit import Log
from training.fusion import candidate_pool, choose_weights
from training.scorers import IdScorer

Rows = NDArray[np.int64]
SMALLEST_Z = 2.0**-5  # z's share where the search would do without it


def fit_fusion(
    config: FusionConfig,
    dataset: Dataset,
    train: Sequence[Rows],
    valid: EvalRows,
    embeddings: Scorer,
    collaborative: Collaborative,
    text_vectors: NDArray[np.float32],
    seed: int,
    log: Log,
) -> Fusion:
    """Fit the sources and their weights. `embeddings` is Laser alone, whose weight is 1 by definition."""
    n_items = len(dataset.items)
    parts: list[Scorer] = [embeddings]
    popularity = neighbours = None
    if ID_RECOMMENDERS in config.sources:
        parts += [IdScorer(name, model) for name, model in collaborative.recommenders.items()]
    if POPULARITY in config.sources:
        counted = replace(Popularity.fit(train, n_items), name=POPULARITY)
        popularity = counted.log_counts
        parts.append(counted)
    if NEIGHBOURS in config.sources:
        neighbours = fit_neighbours(config.neighbours, dataset, train, valid, text_vectors, seed)
        log("neighbours", {"decay": neighbours.decay, "weights": len(neighbours.weights.rows)})
        parts.append(neighbour_scorer(neighbours, text_vectors))
    if len(parts) == 1:
        return Fusion(collaborative)
    choice = choose_weights(candidate_pool(parts, valid, n_items, seed=seed), seed=seed)
    weights = relative_to(embeddings.name, choice.weights)
    log("fusion", {"validation": choice.ndcg, "users": choice.users, **weights})
    fusion = Fusion(collaborative, popularity, neighbours, weights)
    taken = np.bincount(np.concatenate([np.empty(0, np.int64), *train]), minlength=n_items)
    fusion.keep_texts(text_vectors, taken)
    return fusion


def relative_to(name: str, weights: Mapping[str, float]) -> dict[str, float]:
    """The others' weights when `name` weighs 1."""
    own = max(weights[name], SMALLEST_Z)
    return {other: weight / own for other, weight in weights.items() if other != name}
