"""Soft steering: score + w * similarity to what is wanted - w * similarity to what is not, attribute by attribute.

    closeness of an item to a value   1 if it has it, else that of its nearest value, by the text model
    closeness of an item to a range   1 inside; outside it falls with the share of items in between, to 0 at a quarter
    w                                 `steering` standard deviations of the user's own scores

The index adds boosts that are not negative, so a penalty is a boost for all others; `shift` is what that added to
every item and is taken off the scores that are shown.

Letters: n items, V values.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from index.neighbours import Boosts
from service.constraints.meaning import Meanings
from service.constraints.obey import Mask, part_mask
from service.constraints.types import Bounds, Clause, Leaning, Part, Relative, Together, Values

Column = NDArray[np.float32]  # [n]

REACH = 4.0  # closeness falls to 0 over 1 / REACH of the items
LEANING = 0.5  # weight of a phrase that may mean its values
RELATED = 0.5  # most that an item without a value can be close to it


class Steering(NamedTuple):
    """What is added to every item's score, and how much of it is the same for all."""

    values: Column  # [n], >= 0
    shift: float


def steer(
    clauses: Sequence[Clause], leanings: Sequence[Leaning], catalogue: Catalogue, meanings: Meanings | None
) -> Steering | None:
    """What soft clauses and leanings add per unit of weight, or None where there are none."""
    total = np.zeros(len(catalogue), np.float32)
    if not clauses and not leanings:
        return None
    for clause in clauses:
        total += np.max([_signed(part, catalogue, meanings) for part in clause], axis=0)
    for leaning in leanings:
        total += _leaning(leaning, catalogue) * np.float32(LEANING if leaning.include else -LEANING)
    lowest = float(min(total.min(initial=0.0), 0.0))
    return Steering(total - np.float32(lowest), -lowest)


def add_boosts(boosts: Boosts | None, steering: Steering, weight: float) -> Boosts:
    """The neighbours' boosts and the steering's as one."""
    values = steering.values * np.float32(weight)  # [n]
    if boosts is not None:
        values[boosts.rows] += boosts.values
    rows = np.flatnonzero(values).astype(np.int64)
    return Boosts(rows, values[rows])


def _signed(part: Part, catalogue: Catalogue, meanings: Meanings | None) -> Column:
    """The closeness to what is wanted, or minus that to what is not."""
    if isinstance(part, Together):
        close = np.min([np.abs(_signed(each, catalogue, meanings)) for each in part.parts], axis=0)
        return _sign(close, part.include)
    assert not isinstance(part, Relative), "relative words are resolved before they steer"
    close = _to_range(part, catalogue) if isinstance(part, Bounds) else _to_values(part, catalogue, meanings)
    return _sign(close, part.include)


def _sign(close: Column, include: bool) -> Column:
    return close if include else np.negative(close)


def _to_values(part: Values, catalogue: Catalogue, meanings: Meanings | None) -> Column:
    terms = catalogue.terms(part.attribute)
    close = np.zeros(len(catalogue), np.float32)
    if meanings is not None:
        for value, similarity in meanings.related(part.attribute, part.values):
            rows = terms.rows_of(value)
            close[rows] = np.maximum(close[rows], np.float32(RELATED * similarity))
    for value in part.values:
        close[terms.rows_of(value)] = 1.0
    return close


def _to_range(part: Bounds, catalogue: Catalogue) -> Column:
    """1 inside of the bounds, less outside; of a range that is not wanted, inside alone counts."""
    inside = part_mask(part, catalogue)
    if not part.include:
        unwanted: Mask = ~inside & catalogue.present(part.attribute)
        return unwanted.astype(np.float32)
    numbers = catalogue.numbers(part.attribute)
    known = np.isfinite(numbers)
    ordered = np.sort(numbers[known])
    close = np.zeros(len(catalogue), np.float32)
    ranks = np.searchsorted(ordered, numbers[known]) / max(len(ordered), 1)  # share of items below
    gap = np.zeros_like(ranks)
    for bound, sign in ((part.gte, 1), (part.gt, 1), (part.lte, -1), (part.lt, -1)):
        if bound is not None:
            edge = np.searchsorted(ordered, bound) / max(len(ordered), 1)
            gap = np.maximum(gap, sign * (edge - ranks))
    close[known] = np.maximum(0.0, 1.0 - REACH * gap).astype(np.float32)
    close[known & ~inside] *= np.float32(RELATED)
    close[inside] = 1.0
    return close


def _leaning(leaning: Leaning, catalogue: Catalogue) -> Column:
    close = np.zeros(len(catalogue), np.float32)
    for attribute, value, similarity in leaning.near:
        rows = catalogue.terms(attribute).rows_of(value)
        close[rows] = np.maximum(close[rows], np.float32(similarity))
    return close
