"""Where to begin: a few histories and sentences made from the catalogue itself, as different as it allows.

A history is an item in the midst of many that resemble it, and its two nearest. The sentence rules out a value that
the items around it often have, and asks for numbers beyond a round one near the median of all.

Letters: n items, S sampled rows, D width of z.
"""

import math

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.constraints.attributes import Numeric, numeric_columns

STARTERS = 4
LENGTH = 3  # items of a history
SAMPLED = 2000  # rows looked at
AROUND = 24  # items around one
NAMEABLE = 24  # characters of a value that reads well in a sentence
COMMON = 0.1  # of the items around must have a value that is worth ruling out
SIGHTS = {"price": "under ${:g}", "year": "after {:g}", "duration": "under {:g} minutes"}

Vectors = NDArray[np.float32]


def histories(vectors: Vectors, rows: NDArray[np.int64]) -> list[list[int]]:
    """Rows of each starter's history. `vectors` [S, D] are those of `rows` [S]; what all of them share is left out."""
    if len(rows) < LENGTH:
        return []
    own = vectors - vectors.mean(axis=0)
    own /= np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-6)
    similarity = own @ own.T  # [S, S]
    around = min(AROUND, len(rows))
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :around]  # [S, around], itself first
    density = np.take_along_axis(similarity, nearest, axis=1).mean(axis=1)  # [S]
    found: list[list[int]] = []
    while len(found) < STARTERS and np.isfinite(density).any():
        centre = int(density.argmax())
        found.append(rows[nearest[centre, :LENGTH]].tolist())
        density[nearest[centre]] = -np.inf
        density -= np.maximum(similarity[centre], 0)  # the next one lies elsewhere
    return found


def sentences(catalogue: Catalogue, starts: list[list[int]], alive: NDArray[np.bool_]) -> list[str]:
    """A sentence for each history, "" where the catalogue has nothing to say one about."""
    numeric = numeric_columns(catalogue)
    found = []
    for place, rows in enumerate(starts):
        parts = [_without(catalogue, rows, place)]
        if numeric:
            parts.append(_beyond(numeric[place % len(numeric)], catalogue, alive))
        found.append(", ".join(part for part in parts if part))
    return found


def sample(alive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows spread over those that are alive, at most SAMPLED."""
    rows = np.flatnonzero(alive)
    return rows[:: max(1, -(-len(rows) // SAMPLED))]


def _without(catalogue: Catalogue, rows: list[int], place: int) -> str:
    """ "no X": a value that the history's own values often come with, and that not all of the history has."""
    for name in _telling(catalogue):
        terms = catalogue.terms(name)
        has = np.zeros((len(terms.values), len(catalogue)), dtype=bool)
        for code in range(len(terms.values)):
            has[code, terms.rows[terms.starts[code] : terms.starts[code + 1]]] = True
        own = np.logical_or.reduce(has[:, rows], axis=1)  # [V]
        near = np.logical_or.reduce(has[own], axis=0)  # [n]: has a value of the history
        beside = has[:, near].mean(axis=1)  # [V], share of those
        order = np.argsort(-beside * ~own, kind="stable")
        fits = [
            n for n in order[:8] if not own[n] and beside[n] >= COMMON and len(terms.values[n]) <= NAMEABLE
        ]
        if fits:
            return f"no {terms.values[fits[place % len(fits)]]}"
    return ""


def _telling(catalogue: Catalogue) -> list[str]:
    """Columns with few values, each of many items; lists first."""
    kinds = {ColumnKind.LIST: 0, ColumnKind.PATH: 1, ColumnKind.CATEGORICAL: 2}
    names = [
        name
        for name, column in catalogue.columns.items()
        if column.kind in kinds and 2 <= len(catalogue.terms(name).values) <= 400
    ]
    return sorted(
        names, key=lambda name: (kinds[catalogue.columns[name].kind], len(catalogue.terms(name).values))
    )


def _beyond(column: Numeric, catalogue: Catalogue, alive: NDArray[np.bool_]) -> str:
    numbers = catalogue.numbers(column.name)
    numbers = numbers[np.isfinite(numbers) & alive]
    if not len(numbers):
        return ""
    for concept, words in SIGHTS.items():
        if concept in column.concepts:
            return words.format(round_median(numbers * column.factor if concept == "duration" else numbers))
    return f"{column.name.replace('_', ' ')} under {round_median(numbers):g}"


def round_median(numbers: NDArray[np.float64]) -> float:
    """A number near the median that somebody would say: of what is round against the spread, the nearest.

    Round is a multiple of 1, 2 or 5 times a power of ten; the step is at most a quarter of what lies between the
    quartiles. Three digits where half of the numbers are alike.
    """
    low, median, high = np.quantile(numbers, (0.25, 0.5, 0.75)).tolist()
    if high <= low:
        return float(f"{median:.2e}")
    room = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(room))
    step = power * max((times for times in (2, 5) if times * power <= room), default=1)
    return float(f"{round(median / step) * step:.12g}")
