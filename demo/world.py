"""The catalogue as the simulator sees it: fame, hidden moods, facets one can have a taste for, series.

1. Fame has a long tail: film number r in the ranking of fame draws 1 / (r + 20). The ranking is random,
   tilted towards English-language films, films since 1975 and series.
2. A facet is something one can have a taste for: a theme, a director, a language, a genre in a decade. The
   facets of famous films are the common tastes.
3. Each film has a hidden mood. Moods are written nowhere, so only co-watching shows them: the part of the
   signal that text cannot have.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from demo.catalogue import Film

KIND_ODDS = {"theme": 6.0, "director": 1.5, "language": 1.0, "genre": 2.0}  # odds of each kind of taste
SMALLEST_FACET = 4  # films
MOODS = 6


class World(NamedTuple):
    """The catalogue as arrays, one row a film in the order of ids. I films, F facets."""

    fame: np.ndarray  # float64 [I]
    mood: np.ndarray  # int64 [I], 0 <= mood < MOODS
    facets: np.ndarray  # bool [F, I]
    facet_odds: np.ndarray  # float64 [F]
    likeness: np.ndarray  # float64 [I, I]: how many facets two films share
    before: np.ndarray  # int64 [I]: the film one must have seen first, -1 when none
    after: np.ndarray  # int64 [I]: the film that follows in the series, -1 when none


def facets_of(film: Film) -> list[tuple[str, str]]:
    """Everything about a film that one can have a taste for, as (kind, value)."""
    facets = [("theme", theme) for theme in film.themes]
    facets.append(("director", film.director))
    facets.extend(("genre", f"{genre} of the {film.year // 10 * 10}s") for genre in film.genres)
    if film.language != "English":
        facets.append(("language", film.language))
    return facets


def facet_matrix(films: Sequence[Film]) -> tuple[np.ndarray, list[str]]:
    """Which film has which facet, bool [F, I], and each facet's kind; rare facets are nobody's taste."""
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, film in enumerate(films):
        for facet in facets_of(film):
            members[facet].append(row)
    kept = sorted(facet for facet, rows in members.items() if len(rows) >= SMALLEST_FACET)
    matrix = np.zeros((len(kept), len(films)), dtype=bool)  # [F, I]
    for index, facet in enumerate(kept):
        matrix[index, members[facet]] = True
    return matrix, [kind for kind, _ in kept]


def taste_odds(facets: np.ndarray, kinds: Sequence[str], fame: np.ndarray) -> np.ndarray:
    """The odds, float64 [F], that a taste is that facet: its kind's odds, shared by the fame of its films."""
    facet_fame = np.array([math.fsum(fame[members]) for members in facets])  # [F], equal on every machine
    odds = np.zeros(len(kinds))
    for kind, share in KIND_ODDS.items():
        same = np.array([other == kind for other in kinds])
        if same.any():
            odds[same] = share * facet_fame[same] / math.fsum(facet_fame[same])
    return odds


def series_links(films: Sequence[Film], series: Mapping[str, Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
    """The film before and the film after each film in its series, int64 [I] each, -1 when there is none."""
    row_of = {film.item_id: row for row, film in enumerate(films)}
    before = np.full(len(films), -1)
    after = np.full(len(films), -1)
    for item_ids in series.values():
        rows = [row_of[item_id] for item_id in item_ids]
        before[rows[1:]] = rows[:-1]
        after[rows[:-1]] = rows[1:]
    return before, after


def draw_fame(films: Sequence[Film], in_series: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fame of each film, float64 [I]: the ranking is drawn, tilted towards what most people have heard of."""
    tilt = np.array([1.0 + (film.language == "English") + (film.year >= 1975) for film in films]) + in_series
    ranking = np.argsort(-tilt * rng.random(len(films)), kind="stable")
    fame = np.empty(len(films))
    fame[ranking] = 1.0 / (20.0 + np.arange(len(films)))
    return fame


def build_world(
    films: Sequence[Film], series: Mapping[str, Sequence[str]], rng: np.random.Generator
) -> World:
    """Arrays of films sorted by item id. Raises KeyError when a series names a film that is not there."""
    facets, kinds = facet_matrix(films)
    before, after = series_links(films, series)
    fame = draw_fame(films, (before >= 0) | (after >= 0), rng)
    member = facets.astype(np.float64)  # counts up to a few dozen: exact in floating point
    return World(
        fame=fame,
        mood=rng.integers(MOODS, size=len(films)),
        facets=facets,
        facet_odds=taste_odds(facets, kinds, fame),
        likeness=member.T @ member,  # [I, F] @ [F, I] -> [I, I]
        before=before,
        after=after,
    )
