"""Obedience: the confident parts of a constraint as one hard filter, and an honest account of what it did.

Parts that name an attribute leave out items without it, also where a value is unwanted: an item whose brand is not
known may be the brand that must not come. They are counted. What cannot be obeyed is said: parts that exclude each
other, parts that no item of the catalogue fulfils, and conditions that together with the request's own leave nothing.

Relative words are resolved here, among the items that everything else allows: "cheap lipstick" is the cheap quarter
of the lipsticks.

Letters: n items.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalogue
from index.columns import ColumnKind
from index.conditions import Exists, Filter, Match, Range
from index.conditions import Part as FilterPart
from index.filters import compile_mask
from service.constraints.relative import PLAIN
from service.constraints.types import (
    Bounds,
    Clause,
    Condition,
    Constraint,
    Contradiction,
    Part,
    Relative,
    Together,
    Values,
    is_hard,
)

Mask = NDArray[np.bool_]
LEAST_OWN = 1  # numbers in the user's history from which it is compared with


@dataclass(frozen=True)
class Obeyed:
    """A constraint as it was applied."""

    clauses: tuple[tuple[Clause, bool], ...]  # relative words resolved; whether each filtered
    mask: Mask | None  # bool [n], None where nothing filtered
    contradictions: tuple[Contradiction, ...]
    missing: dict[str, int]  # items left out because they lack the attribute, by attribute
    excluded: tuple[
        int | None, ...
    ] = ()  # items that each clause by itself left out; None where it did not filter


def obey(
    constraint: Constraint, catalogue: Catalogue, strict: bool, own: Mask | None, history: Sequence[int] = ()
) -> Obeyed:
    """Apply a constraint where the request's own conditions allow `own` (bool [n], None for all).

    `history` holds the catalogue rows of the user's items, for comparatives.
    """
    if not constraint.clauses:
        return Obeyed((), None, constraint.contradictions, {})
    everything = np.ones(len(catalogue), dtype=bool)
    allowed = everything if own is None else own
    fixed = [_is_fixed(clause) for clause in constraint.clauses]
    hard = [all(is_hard(part, strict) for part in clause) for clause in constraint.clauses]
    mask = everything.copy()
    masks: dict[int, Mask] = {}  # of the clauses that filter
    for place, (clause, is_fixed, filters) in enumerate(zip(constraint.clauses, fixed, hard, strict=True)):
        if is_fixed and filters:
            masks[place] = _clause_mask(clause, catalogue)
            mask &= masks[place]
    resolved: list[tuple[Clause, bool]] = []
    among = mask & allowed
    for place, (clause, is_fixed, filters) in enumerate(zip(constraint.clauses, fixed, hard, strict=True)):
        settled = (
            clause if is_fixed else tuple(_resolve_part(part, catalogue, among, history) for part in clause)
        )
        resolved.append((settled, filters))
        if not is_fixed and filters:
            masks[place] = _clause_mask(settled, catalogue)
            mask &= masks[place]
    applied = [clause for clause, filters in resolved if filters]
    contradictions = (
        *constraint.contradictions,
        *_contradictions(resolved, catalogue, strict),
    )
    if applied and not contradictions and not (mask & allowed).any():
        contradictions = (_empty(mask, own is not None),)
    missing = _missing(applied, catalogue, allowed)
    excluded = tuple(
        int((allowed & ~masks[place]).sum()) if place in masks else None for place in range(len(resolved))
    )
    return Obeyed(tuple(resolved), mask if applied else None, contradictions, missing, excluded)


def part_filter(part: Part, kind: ColumnKind | None = None, known: bool = True) -> Filter:
    """The part in the filter grammar. `known`: an item that lacks the attribute fails it."""
    if isinstance(part, Together):
        inside: tuple[FilterPart, ...] = tuple(part_filter(each, kind, known) for each in part.parts)
        if part.include:
            return Filter(must=inside)
        exists = tuple(Exists(each.attribute) for each in part.parts) if known else ()
        return Filter(
            must=exists, must_not=(Filter(must=tuple(part_filter(each, kind) for each in part.parts)),)
        )
    assert not isinstance(part, Relative), "relative words are resolved before they filter"
    condition = _condition(part)
    if part.include:
        return Filter(must=(condition,))
    return Filter(must=(Exists(part.attribute),) if known else (), must_not=(condition,))


def part_mask(part: Part, catalogue: Catalogue) -> Mask:
    """bool [n]: the items that fulfil a resolved part."""
    mask: Mask = compile_mask(part_filter(part), catalogue)
    return mask


def _condition(part: Values | Bounds) -> Match | Range:
    if isinstance(part, Values):
        return Match(part.attribute, part.values)
    return Range(part.attribute, gte=part.gte, gt=part.gt, lte=part.lte, lt=part.lt)


def _clause_mask(clause: Clause, catalogue: Catalogue) -> Mask:
    mask: Mask = np.zeros(len(catalogue), dtype=bool)
    for part in clause:
        mask |= part_mask(part, catalogue)
    return mask


def _is_fixed(clause: Clause) -> bool:
    """No relative word in it."""
    parts = [each for part in clause for each in (part.parts if isinstance(part, Together) else (part,))]
    return not any(isinstance(part, Relative) for part in parts)


def _resolve_part(part: Part, catalogue: Catalogue, among: Mask, history: Sequence[int]) -> Part:
    if isinstance(part, Together):
        return replace(part, parts=tuple(_resolve(each, catalogue, among, history) for each in part.parts))
    return _resolve(part, catalogue, among, history)


def _resolve(part: Condition, catalogue: Catalogue, among: Mask, history: Sequence[int]) -> Condition:
    """A relative word as bounds: a percentile of the numbers among what is allowed, or of the user's history."""
    if not isinstance(part, Relative):
        return part
    numbers = catalogue.numbers(part.attribute)
    own = numbers[list(history)] if part.own else np.empty(0)
    own = own[np.isfinite(own)]
    pool = numbers[among & np.isfinite(numbers)]
    if not len(pool):
        pool = numbers[np.isfinite(numbers)]
    plain = part.percentile if not part.own else PLAIN
    percentile = plain if part.side == "low" else 100 - plain
    edge = float(np.percentile(pool, percentile))
    compares = False
    if len(own) >= LEAST_OWN:
        median = float(np.median(own))
        compares = part.than or (median < edge if part.side == "low" else median > edge)
        edge, percentile = (median, 50.0) if compares else (edge, percentile)
    edge = round(edge, 6)
    low = (part.side == "low") == part.include
    closed = part.include and not compares
    bounds = Bounds(
        part.attribute, part.words, part.confidence, soft=part.soft, percentile=percentile,
        basis="history" if compares else "catalogue",
    )  # fmt: skip
    if low:
        return replace(bounds, lte=edge) if closed else replace(bounds, lt=edge)
    return replace(bounds, gte=edge) if closed else replace(bounds, gt=edge)


def _contradictions(
    resolved: Sequence[tuple[Clause, bool]], catalogue: Catalogue, strict: bool
) -> list[Contradiction]:
    """Clauses that exclude each other, and clauses that no item fulfils."""
    found: list[Contradiction] = []
    single = [clause[0] for clause, filters in resolved if len(clause) == 1 and (filters or not strict)]
    for place, part in enumerate(single):
        for other in single[place + 1 :]:
            text = _clash(part, other)
            if text:
                words = f"{_words(part)} / {_words(other)}"
                found.append(Contradiction("contradiction", text, words, _attribute(part)))
    for clause, filters in resolved:
        if (filters or not strict) and not _clause_mask(clause, catalogue).any():
            attribute = _attribute(clause[0])
            words = ", ".join(map(_words, clause))
            found.append(Contradiction("impossible", _impossible(clause[0], catalogue), words, attribute))
    return found


def _clash(one: Part, other: Part) -> str:
    """Why two parts cannot both hold, or ""."""
    if isinstance(one, Values) and isinstance(other, Values):
        wanted, unwanted = (one, other) if one.include else (other, one)
        opposed = wanted.include and not unwanted.include and one.attribute == other.attribute
        if opposed and {v.casefold() for v in wanted.values} <= {v.casefold() for v in unwanted.values}:
            return f"{wanted.values[0]} is both asked for and ruled out."
    if not isinstance(one, Bounds) or not isinstance(other, Bounds) or one.attribute != other.attribute:
        return ""
    if one.include and other.include and _disjoint(one, other):
        return f"No {one.attribute} is within both {one.words!r} and {other.words!r}."
    return ""


def _disjoint(one: Bounds, other: Bounds) -> bool:
    low = max(_low(one), _low(other))
    high = min(_high(one), _high(other))
    return low > high


def _low(bounds: Bounds) -> tuple[float, int]:
    """Lower end, comparable: an open bound is higher than a closed one."""
    return (bounds.gt, 1) if bounds.gt is not None else (-np.inf if bounds.gte is None else bounds.gte, 0)


def _high(bounds: Bounds) -> tuple[float, int]:
    return (bounds.lt, -1) if bounds.lt is not None else (np.inf if bounds.lte is None else bounds.lte, 0)


def _impossible(part: Part, catalogue: Catalogue) -> str:
    if isinstance(part, Bounds):
        numbers = catalogue.numbers(part.attribute)
        return f"No item has such a {part.attribute}: it runs from {np.nanmin(numbers):g} to {np.nanmax(numbers):g}."
    return "No item of this catalogue fulfils this."


def _empty(mask: Mask, has_own: bool) -> Contradiction:
    if not mask.any():
        return Contradiction(
            "impossible", "No item of this catalogue fulfils all parts of the sentence together."
        )
    if has_own:
        return Contradiction(
            "conflicts_with_filter", "The sentence leaves nothing of what filter and exclusions allow."
        )
    return Contradiction("nothing_left", "Nothing is left.")


def _missing(clauses: Sequence[Clause], catalogue: Catalogue, allowed: Mask) -> dict[str, int]:
    found: dict[str, int] = {}
    for clause in clauses:
        attributes = {attribute for part in clause for attribute in _attributes(part)}
        if len(clause) == 1 or len(attributes) == 1:
            for attribute in attributes:
                found[attribute] = int((allowed & ~catalogue.present(attribute)).sum())
    return {attribute: count for attribute, count in found.items() if count}


def _attributes(part: Part) -> list[str]:
    return [each.attribute for each in (part.parts if isinstance(part, Together) else (part,))]


def _attribute(part: Part) -> str | None:
    return None if isinstance(part, Together) else part.attribute


def _words(part: Part) -> str:
    return " ".join(each.words for each in part.parts) if isinstance(part, Together) else part.words
