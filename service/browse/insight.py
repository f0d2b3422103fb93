"""The numbers of the insight page, from item vectors, popularity and the router: pure functions.

Letters: S sampled rows, D width of z, K experts, n rows.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.browse.insight_schemas import Colouring, Expert, ItemMap, Popularity, Reach
from service.browse.title_search import VALUES

LABELS = 7  # values with a colour of their own
EACH = 10  # most similar items
NEIGHBOURHOOD, BLURS = 12, 3  # items averaged for the map, and how often
SHOWN = 5  # titles of an expert, and of what comes back most
STEPS = 20  # of the popularity curve

Vectors = NDArray[np.float32]
RowNumbers = NDArray[np.int64]


def item_map(catalogue: Catalogue, rows: RowNumbers, vectors: Vectors) -> ItemMap:
    """The first two principal components of `vectors` [S, D], which are those of `rows`, blurred.

    Whitened vectors vary as much in every direction. Each is therefore taken as the mean of its neighbourhood first:
    what single items have of their own averages out, and the directions remain in which neighbourhoods differ. Along
    each of them items stand in their order at even distances, or a few far outliers would press the others together.
    """
    vectors = blurred(vectors)
    centred = vectors - vectors.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred.T @ centred, hermitian=True)
    wanted = np.zeros((len(directions), 2), np.float32)
    wanted[:, : min(2, len(directions))] = directions[:2].T
    places = centred @ wanted  # [S, 2]
    return ItemMap(
        item_ids=[catalogue.item_ids[row] for row in rows],
        titles=[catalogue.title(row) for row in rows.tolist()],
        x=_spread(places[:, 0]),
        y=_spread(places[:, 1]),
        explained=float(sizes[:2].sum() / max(float(sizes.sum()), 1e-9)),
        colourings=[
            colouring
            for name, column in catalogue.columns.items()
            if column.kind is not ColumnKind.TEXT and (colouring := _colouring(catalogue, name, rows))
        ],
    )


def blurred(vectors: Vectors) -> Vectors:
    """Each row of [S, D] as the direction of the mean of those most similar to it and itself; BLURS times over."""
    near = min(NEIGHBOURHOOD, len(vectors))
    nearest = np.argpartition(-(vectors @ vectors.T), near - 1, axis=1)[:, :near]  # [S, near]
    for _ in range(BLURS):
        vectors = vectors[nearest].mean(axis=1)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return vectors


def experts(catalogue: Catalogue, rows: RowNumbers, shares: Vectors) -> list[Expert]:
    """What each expert is for; `shares` [S, K] are those of `rows`."""
    most = shares.argmax(axis=1)
    return [
        Expert(
            expert=expert,
            items=int((most == expert).sum()),
            share=float(shares[:, expert].mean()),
            typical=_titles(catalogue, rows[np.argsort(-shares[:, expert], kind="stable")[:SHOWN]]),
        )
        for expert in range(shares.shape[1])
    ]


def popularity(counts: NDArray[np.float32]) -> Popularity:
    """From how often each item was taken, [n]."""
    ordered = np.sort(counts)[::-1].astype(np.float64)
    total = max(float(ordered.sum()), 1e-9)
    ends = [-(-len(ordered) * step // STEPS) for step in range(1, STEPS + 1)]
    return Popularity(
        never=int((counts <= 0).sum()), curve=[float(ordered[:end].sum() / total) for end in ends]
    )


def reach(catalogue: Catalogue, rows: RowNumbers, vectors: Vectors) -> Reach:
    """Among `rows` themselves, by their `vectors` [S, D], each seen from the mean, as similar items are asked for."""
    similarity = (vectors - vectors.mean(axis=0)) @ vectors.T  # [S, S]
    np.fill_diagonal(similarity, -np.inf)
    each = min(EACH, max(len(rows) - 1, 0))
    nearest = np.argpartition(-similarity, each - 1, axis=1)[:, :each] if each else np.empty((0, 0), np.int64)
    times = np.bincount(nearest.ravel(), minlength=len(rows))  # [S]
    most = np.argsort(-times, kind="stable")[:SHOWN]
    return Reach(
        asked=len(rows),
        each=each,
        coverage=float((times > 0).mean()),
        gini=gini(times),
        most=list(zip(_titles(catalogue, rows[most]), times[most].tolist(), strict=True)),
    )


def gini(counts: NDArray[np.int64]) -> float:
    """Gini coefficient: the mean difference between two counts, over twice the mean. 0 where nothing was counted."""
    ordered = np.sort(counts).astype(np.float64)
    total = ordered.sum()
    if total == 0:
        return 0.0
    n = len(ordered)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total))


def _colouring(catalogue: Catalogue, name: str, rows: RowNumbers) -> Colouring | None:
    """How the points are coloured by a column; None where it has nothing to tell them apart by."""
    if catalogue.columns[name].kind in VALUES:
        return _labelled(catalogue, name, rows)
    numbers = catalogue.numbers(name)[rows]
    if len(np.unique(numbers[np.isfinite(numbers)])) < 2:
        return None
    found = [float(number) if np.isfinite(number) else None for number in numbers]
    return Colouring(column=name, labels=[], values=[], numbers=found)


def _labelled(catalogue: Catalogue, name: str, rows: RowNumbers) -> Colouring | None:
    """By the commonest values; of several, an item shows the rarest, which tells most."""
    terms = catalogue.terms(name)
    common = [terms.values[code] for code in np.argsort(-np.diff(terms.starts), kind="stable")[:LABELS]]
    if len(common) < 2:
        return None
    values: list[int | None] = [None] * len(rows)
    for place, value in enumerate(common):
        for n in np.flatnonzero(np.isin(rows, terms.rows_of(value))).tolist():
            values[n] = place
    return Colouring(column=name, labels=common, values=values, numbers=[])


def _titles(catalogue: Catalogue, rows: Sequence[int] | RowNumbers) -> list[str]:
    return [catalogue.title(int(row)) or catalogue.item_ids[int(row)] for row in rows]


def _spread(values: Vectors) -> list[float]:
    """The order of the values as places from -1 to 1."""
    ranks = values.argsort(kind="stable").argsort(kind="stable")  # [S]
    found: list[float] = np.round(2 * ranks / max(len(ranks) - 1, 1) - 1, 4).tolist()
    return found
