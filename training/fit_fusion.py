"""The collaborative columns c of `[z ; a*c]`: which scorers, as which factors, at which weight.

Linear scorers (EASE, item-kNN, TF-IDF mean, popularity) are fitted on training interactions and cut to low rank;
ID recommenders are their own factors. The weights are chosen on validation, for scorers trained on those users'
rows would look better there than they are.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from model.collaborative import Collaborative
from model.fusion import Fusion, ItemFactors
from training.baselines import (
    EASE,
    ItemItem,
    ItemKNN,
    Popularity,
    Scorer,
    TextMean,
    ease_items,
    joined_text,
    tfidf_vectors,
)
from training.config import FusionConfig
from training.data import Dataset, EvalRows
from training.factors import FactorScorer, factorise, popularity_factors
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
    """Fit factors and weights. `embeddings` is Laser alone, whose weight is 1 by definition."""
    if not config.enabled:
        return Fusion(collaborative, (), {})
    factors = fit_factors(config, dataset, train, seed)
    parts: list[Scorer] = [embeddings]
    parts += [IdScorer(name, model) for name, model in collaborative.recommenders.items()]
    parts += [FactorScorer(factor) for factor in factors]
    n_items = len(dataset.items)
    choice = choose_weights(candidate_pool(parts, valid, n_items, seed=seed), seed=seed)
    weights = relative_to(embeddings.name, choice.weights)
    log("fusion", {"validation": choice.ndcg, "users": choice.users, **weights})
    fusion = Fusion(collaborative, factors, weights)
    fusion.fit_from_text(text_vectors)
    return fusion


def fit_factors(
    config: FusionConfig, dataset: Dataset, train: Sequence[Rows], seed: int
) -> list[ItemFactors]:
    """The configured linear scorers on training interactions, each as a pair of factors."""
    n_items = len(dataset.items)
    factors = []
    for name in config.scorers:
        if name == "popularity":
            factors.append(popularity_factors(Popularity.fit(train, n_items).log_counts))
        else:
            scorer = _linear(name, dataset, train)
            factors.append(factorise(scorer, config.rank, train, seed)._replace(name=name))
    return factors


def _linear(name: str, dataset: Dataset, train: Sequence[Rows]) -> ItemItem | TextMean:
    n_items = len(dataset.items)
    if name == "EASE":
        return EASE.fit(train, n_items, max_items=ease_items(n_items))
    if name == "item-kNN":
        return ItemKNN.fit(train, n_items)
    assert name == "TF-IDF mean", name  # FusionConfig lets nothing else through
    texts = [joined_text(item, dataset.info.text) for item in dataset.items]
    return TextMean(name, tfidf_vectors(texts))


def relative_to(name: str, weights: Mapping[str, float]) -> dict[str, float]:
    """The others' weights when `name` weighs 1."""
    own = max(weights[name], SMALLEST_Z)
    return {other: weight / own for other, weight in weights.items() if other != name}
