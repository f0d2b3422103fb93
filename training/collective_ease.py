"""Collective EASE: item-item weights from co-occurrence and text together, in one closed form.

EASE regresses every item on all others over the users. Collective EASE (Jeunen, Van Balen & Goethals, RecSys 2020)
gives it more rows to regress over: besides users, the words of the items' texts. Two items of equal text then count
like two that many users took together, and sparse items borrow from their text.

    G = X'X + tfidf_strength * T T' + vector_strength * Z Z' + penalty I        W = -P_ij / P_jj, P = G^-1

X: the binary users-by-items matrix of training interactions; T: TF-IDF rows; Z: whitened text vectors. Of each row of
W the strongest weights are kept, which loses nothing where cutting W to factors loses much (docs/experiments.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from model.fusion import NEIGHBOURS
from model.neighbours import NeighbourArrays, Neighbours, SparseRows
from training.baselines import ease_items, joined_text, tfidf_vectors
from training.baselines.item_item import regression_weights
from training.baselines.scorer import Rows, Scores, binary_matrix, dense, recency_matrix
from training.data import Dataset, EvalRows
from training.ranking import rank_users, summarise
from training.train_id_recommenders import VALIDATION_USERS, sample_rows

BLOCK = 2048  # rows of a dense matrix that are worked on at a time


@dataclass(frozen=True)
class NeighbourConfig:
    """How much texts count (in users), the ridge, how many weights a row keeps, and the decays to choose from.

    Beyond `max_items` the most frequent are solved, the rest attached by text (model/neighbours.py).
    """

    tfidf_strength: float = 4.0
    vector_strength: float = 2.0
    penalty: float = 40.0
    kept: int = 128
    decays: tuple[float, ...] = (0.7, 0.8, 0.9)
    new_item_gain: float = 2.0
    max_items: int = 20_000

    def __post_init__(self) -> None:
        if min(self.tfidf_strength, self.vector_strength) < 0:
            raise ValueError("neighbours.tfidf_strength and vector_strength must be at least 0")
        if self.penalty <= 0:
            raise ValueError(f"neighbours.penalty must be above 0, not {self.penalty}")
        if self.kept < 1 or self.max_items < 1:
            raise ValueError("neighbours.kept and max_items must be at least 1")
        if not self.decays or not all(0 < decay <= 1 for decay in self.decays):
            raise ValueError(f"neighbours.decays must lie in (0, 1], not {self.decays}")


@dataclass(frozen=True)
class PlacedNeighbours:
    """Scores of neighbours in the order of a catalogue, as the index adds them."""

    arrays: NeighbourArrays
    name: str = NEIGHBOURS

    def score(self, histories: Sequence[Rows]) -> Scores:
        """float32 [B, n]: recency-weighted sums of the history items' rows."""
        starts, rows, weights, decay = self.arrays
        n = len(starts) - 1
        table = csr_array((weights, rows, starts), shape=(n, n))
        return dense(recency_matrix(histories, n, decay) @ table)


def neighbour_scorer(neighbours: Neighbours, text_vectors: Scores) -> PlacedNeighbours:
    """The scores in the order of the vocabulary, at weight 1, items outside the regression attached."""
    return PlacedNeighbours(neighbours.placed(range(len(neighbours.solved)), text_vectors, 1.0))


def fit_neighbours(
    config: NeighbourConfig,
    dataset: Dataset,
    train: Sequence[Rows],
    valid: EvalRows,
    text_vectors: Scores,
    seed: int,
) -> Neighbours:
    """Solve on training interactions; choose the decay on validation, by NDCG@10 as served."""
    tfidf = tfidf_vectors([joined_text(item, dataset.info.text) for item in dataset.items])
    interactions = binary_matrix(train, len(dataset.items))  # [U, I]
    frequent = _most_frequent(interactions, ease_items(len(dataset.items), max_items=config.max_items))
    weights = collective_ease(interactions[:, frequent], tfidf[frequent], text_vectors[frequent], config)
    gram = csr_array(interactions.T @ interactions)
    gram.sort_indices()
    solved = np.zeros(len(dataset.items), dtype=bool)
    solved[frequent] = True
    fitted = Neighbours(
        _strongest(weights, config.kept, frequent, len(dataset.items)),
        solved,
        SparseRows(gram.indptr.astype(np.int64), gram.indices.astype(np.int32), gram.data.astype(np.float32)),
        config.decays[0],
        config.tfidf_strength + config.vector_strength,
        config.penalty,
        config.new_item_gain,
        config.kept,
    )
    return _with_best_decay(fitted, text_vectors, config.decays, sample_rows(valid, VALIDATION_USERS, seed))


def collective_ease(
    interactions: csr_array, tfidf: csr_array, text_vectors: Scores, config: NeighbourConfig
) -> Scores:
    """W [I, I] of the module's equation, dense. Time grows with I ** 3, memory with I ** 2."""
    gram = dense(interactions.T @ interactions)  # [I, I]
    for start in range(0, len(gram), BLOCK):
        block = slice(start, start + BLOCK)
        gram[block] += config.tfidf_strength * dense(tfidf[block] @ tfidf.T)
        gram[block] += config.vector_strength * (text_vectors[block] @ text_vectors.T)
    gram[np.diag_indices_from(gram)] += config.penalty
    return regression_weights(gram)


def _strongest(weights: Scores, kept: int, items: Rows, n_items: int) -> SparseRows:
    """Of each row of W over `items` the `kept` largest weights above 0, as rows over all n_items."""
    sources, targets, values = [], [], []
    for start in range(0, len(weights), BLOCK):
        block = weights[start : start + BLOCK]  # [b, I]
        best = np.argpartition(-block, min(kept, block.shape[1]) - 1, axis=1)[:, :kept]  # [b, kept]
        largest = np.take_along_axis(block, best, axis=1)
        row, place = np.nonzero(largest > 0)
        sources.append(items[start + row])
        targets.append(items[best[row, place]])
        values.append(largest[row, place])
    return SparseRows.from_entries(
        np.concatenate(sources), np.concatenate(targets), np.concatenate(values), n_items
    )


def _most_frequent(interactions: csr_array, count: int) -> Rows:
    """Rows of the `count` items with most users, ascending; an item without users is none of them."""
    users = interactions.sum(axis=0)
    order = np.argsort(-users, kind="stable")[: min(count, int((users > 0).sum()))]
    return np.sort(order).astype(np.int64)


def _with_best_decay(
    neighbours: Neighbours, text_vectors: Scores, decays: Sequence[float], rows: EvalRows
) -> Neighbours:
    if len(decays) == 1:
        return replace(neighbours, decay=decays[0])
    arrays = neighbour_scorer(neighbours, text_vectors).arrays
    ndcgs = []
    for decay in decays:
        scorer = PlacedNeighbours(arrays._replace(decay=decay))
        ndcgs.append(summarise(rank_users(scorer, rows, len(neighbours.solved)).served).ndcg)
    return replace(neighbours, decay=decays[int(np.argmax(ndcgs))])
