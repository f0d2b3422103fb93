"""Cases of several conditions, and of none: C4 together, C6 minimal pairs, C7 what cannot be met, C9 irrelevant.

As in single.py a function drafts from one item's attributes, or gives None.
"""

from collections.abc import Callable
from difflib import get_close_matches
from random import Random
from typing import Literal

import numpy as np

from benchmarks.control_bench import phrases, wording
from benchmarks.control_bench.cases import Condition, Expected
from benchmarks.control_bench.phrases import Flavour
from benchmarks.control_bench.single import Draft, number_range, pick
from benchmarks.control_bench.wording import flavour, say_range
from benchmarks.control_bench.world import Value, World
from index.columns import fold

TOO_CLOSE = 0.7  # an invented name more alike than this to a value might be taken for it

Form = Callable[[World, Random, Value], Draft | None]
Kind = Literal["include", "exclude", "not only"]
PAIRS: tuple[tuple[Kind, Kind], ...] = (
    ("include", "exclude"),
    ("include", "not only"),
    ("exclude", "not only"),
)


def together(world: World, rng: Random, row: int) -> Draft | None:
    """C4: two conditions in one sentence, in one of five forms."""
    value = pick(rng, world.values_of(row))
    forms: tuple[Form, ...] = (_both, _with_range, _with_exclusion, _either, _neither)
    return rng.choice(forms)(world, rng, value) if value else None


def minimal_pair(world: World, rng: Random, row: int) -> tuple[Draft, Draft] | None:
    """C6: two sentences about one value that differ in a word or two and mean different things."""
    value = pick(rng, world.values_of(row))
    if value is None:
        return None
    kinds = rng.choice(PAIRS)
    templates = dict(zip(("include", "exclude", "not only"), rng.choice(phrases.MINIMAL), strict=True))
    meant = {
        "include": Expected(filter={"must": [value.condition]}),
        "exclude": Expected(filter={"must_not": [value.condition]}),
        "not only": Expected(open={"must": [value.condition]}),
    }
    one, other = (Draft(templates[kind].format(x=value.text), meant[kind], kind=kind) for kind in kinds)
    return one, other


def impossible(world: World, rng: Random, row: int) -> Draft | None:
    """C7: a contradiction, a request that no item meets, or a value that the catalogue does not have."""
    value = pick(rng, world.values_of(row))
    forms: tuple[Form, ...] = (_contradiction, _empty_range, _beyond, _never_together, _unknown)
    draft = rng.choice(forms)(world, rng, value) if value else None
    if draft and draft.expected.filter and world.mask(draft.expected.filter).any():
        return None  # possible after all
    return draft


def irrelevant(world: World, rng: Random, row: int) -> Draft | None:
    """C9: a sentence that has nothing to do with any catalogue."""
    return Draft(rng.choice(phrases.IRRELEVANT), Expected(unchanged=True))


def _both(world: World, rng: Random, value: Value) -> Draft | None:
    other = _companion(world, rng, value)
    if other is None:
        return None
    return _draft(_join(rng, _lead(rng, value), other.text), must=[value.condition, other.condition])


def _with_range(world: World, rng: Random, value: Value) -> Draft | None:
    bounds = number_range(world, rng)
    if bounds is None:
        return None
    return _draft(_join(rng, _lead(rng, value), bounds.phrase), must=[value.condition, bounds.condition])


def _with_exclusion(world: World, rng: Random, value: Value) -> Draft | None:
    other = _companion(world, rng, value)
    if other is None:
        return None
    without = rng.choice(phrases.NOTHING_OF).format(x=other.text)
    sentence = _lead(rng, value) + rng.choice((", ", " ")) + without
    return _draft(sentence, must=[value.condition], must_not=[other.condition])


def _either(world: World, rng: Random, value: Value) -> Draft | None:
    others = [other for other in world.values if other.column == value.column and other != value]
    if not others:
        return None
    other = rng.choice(others)
    sentence = rng.choice(phrases.EITHER).format(a=value.text, b=other.text)
    return _draft(sentence, must=[{"key": value.column, "in": [value.text, other.text]}])


def _neither(world: World, rng: Random, value: Value) -> Draft | None:
    other = rng.choice(world.values)
    if other == value:
        return None
    sentence = rng.choice(phrases.NEITHER).format(a=value.text, b=other.text)
    return _draft(sentence, must_not=[value.condition, other.condition])


def _contradiction(world: World, rng: Random, value: Value) -> Draft | None:
    sentence = rng.choice(phrases.CONTRADICTION).format(x=value.text)
    condition: Condition = {"must": [value.condition], "must_not": [value.condition]}
    return Draft(sentence, Expected(filter=condition, report="contradiction"))


def _empty_range(world: World, rng: Random, value: Value) -> Draft | None:
    """Under 5 and over 50."""
    found = number_range(world, rng)
    if found is None or not {"gte", "lte"} <= set(found.condition):
        return None
    column, low, high = (found.condition[key] for key in ("key", "gte", "lte"))
    if low == high:
        return None
    under, over = say_range(rng, column, low, low, "lt"), say_range(rng, column, high, high, "gt")
    condition: Condition = {"must": [under.condition, over.condition]}
    return Draft(_join(rng, under.phrase, over.phrase), Expected(filter=condition, report="contradiction"))


def _beyond(world: World, rng: Random, value: Value) -> Draft | None:
    """Far above every number of the catalogue."""
    if not world.numeric:
        return None
    column = rng.choice(world.numeric)
    largest = float(np.nanmax(world.catalogue.numbers(column)))
    bound = largest + 60 if flavour(column) is Flavour.YEARS else 10.0 * (largest // 10 * 10 + 10)
    over = say_range(rng, column, bound, bound, rng.choice(("gt", "gte")))
    sentence = rng.choice(phrases.RANGE).format(x=over.phrase)
    return Draft(sentence, Expected(filter={"must": [over.condition]}, report="impossible"))


def _never_together(world: World, rng: Random, value: Value) -> Draft | None:
    others = [other for other in world.values if other.column != value.column]
    if not others:
        return None
    other = rng.choice(others)
    condition: Condition = {"must": [value.condition, other.condition]}
    sentence = _join(rng, _lead(rng, value), other.text)
    return Draft(sentence, Expected(filter=condition, report="impossible"))


def _unknown(world: World, rng: Random, value: Value) -> Draft | None:
    name = wording.invented(rng)
    if get_close_matches(fold(name), world.words, 1, TOO_CLOSE):
        return None
    column = wording.spoken(rng.choice(world.categorical))
    sentence = rng.choice(phrases.UNKNOWN).format(c=column, x=name)
    return Draft(sentence, Expected(report="unknown", words=(name,)))


def _companion(world: World, rng: Random, value: Value) -> Value | None:
    """Another value of some item that carries this one."""
    row = int(rng.choice(world.catalogue.terms(value.column).rows_of(value.text).tolist()))
    return pick(rng, tuple(other for other in world.values_of(row) if other != value))


def _lead(rng: Random, value: Value) -> str:
    return rng.choice(phrases.LEAD).format(x=value.text)


def _join(rng: Random, one: str, other: str) -> str:
    return rng.choice(phrases.JOIN).format(a=one, b=other)


def _draft(
    sentence: str, must: list[Condition] | None = None, must_not: list[Condition] | None = None
) -> Draft:
    parts = {"must": must, "must_not": must_not}
    return Draft(sentence, Expected(filter={name: part for name, part in parts.items() if part}))
