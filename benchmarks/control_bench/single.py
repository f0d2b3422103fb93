"""Cases of one condition: C1 include, C2 exclude, C3 range, C5 other words for a value, C8 relative.

Each function drafts a sentence about one item's attributes (or None where the item has nothing to say it with)
and never looks at who asks: build.py decides whether a draft is of use for a user.
"""

from random import Random
from typing import Literal, NamedTuple

import numpy as np

from benchmarks.control_bench import phrases, wording
from benchmarks.control_bench.cases import Condition, Expected, Relative
from benchmarks.control_bench.phrases import Flavour
from benchmarks.control_bench.wording import Range, flavour, say_comparison, say_range, say_side
from benchmarks.control_bench.world import Value, World
from index.columns import fold

OPERATORS = ("lt", "lte", "gt", "gte", "between")
INNER = (0.1, 0.9)  # bounds lie between these quantiles of a column
COMPARING = 0.25  # share of comparisons among relative words
APART = 0.15  # quantiles between the two ends of a range


class Draft(NamedTuple):
    """A sentence and what a right answer to it satisfies."""

    sentence: str
    expected: Expected
    pair: str | None = None
    kind: str = ""


def include(world: World, rng: Random, row: int) -> Draft | None:
    """C1: one value of the item, said as the catalogue spells it."""
    value = pick(rng, world.values_of(row))
    if value is None:
        return None
    sentence = rng.choice(phrases.INCLUDE).format(x=value.text)
    return Draft(sentence, Expected(filter={"must": [value.condition]}))


def exclude(world: World, rng: Random, row: int) -> Draft | None:
    """C2: the same with a "no"."""
    value = pick(rng, world.values_of(row))
    if value is None:
        return None
    sentence = rng.choice(phrases.EXCLUDE).format(x=value.text)
    return Draft(sentence, Expected(filter={"must_not": [value.condition]}))


def bounded(world: World, rng: Random, row: int) -> Draft | None:
    """C3: bounds on a number."""
    found = number_range(world, rng)
    if found is None:
        return None
    sentence = rng.choice(phrases.RANGE).format(x=found.phrase)
    return Draft(sentence, Expected(filter={"must": [found.condition]}))


def reworded(world: World, rng: Random, row: int) -> Draft | None:
    """C5: a value of the item in a paraphrase, in another spelling, by a part of its name, or misspelt."""
    value = pick(rng, world.values_of(row))
    if value is None:
        return None
    way = rng.random()
    words = ""
    if way < 0.4 and (known := phrases.PARAPHRASES.get(fold(value.text))):
        words = rng.choice(known)
    elif way < 0.55:
        words = wording.other_spelling(rng, value.text)
    elif way < 0.7:
        words = part_of_name(world, rng, value)
    words = words or wording.misspell(rng, value.text)
    if not words or fold(words) in world.words:
        return None
    sentence = rng.choice(phrases.INCLUDE).format(x=words)
    return Draft(sentence, Expected(filter={"must": [value.condition]}))


def relative(world: World, rng: Random, row: int) -> Draft | None:
    """C8: a relative word, alone or with a value of the item, or a comparison with the user's own history."""
    if not world.numeric:
        return None
    column = rng.choice(world.numeric)
    side: Literal["low", "high"] = rng.choice(("low", "high"))
    if rng.random() < COMPARING and (sentence := say_comparison(rng, column, side)):
        return Draft(sentence, Expected(relative=Relative(column, side, "history")))
    value = pick(rng, world.values_of(row)) if rng.random() < 0.5 else None
    words = say_side(rng, column, side) + (f" {value.text}" if value else "")
    sentence = rng.choice(phrases.SIDE).format(x=words)
    wanted: Condition | None = {"must": [value.condition]} if value else None
    return Draft(sentence, Expected(filter=wanted, relative=Relative(column, side)))


def number_range(world: World, rng: Random) -> Range | None:
    """Bounds that a person would choose, on any numeric column; None where there is none."""
    if not world.numeric:
        return None
    column, operator = rng.choice(world.numeric), rng.choice(OPERATORS)
    numbers = world.catalogue.numbers(column)
    start = rng.uniform(INNER[0], INNER[1] - (APART if operator == "between" else 0))
    end = rng.uniform(start + APART, INNER[1]) if operator == "between" else start
    low, high = (round_number(column, float(np.nanquantile(numbers, q))) for q in (start, end))
    if operator == "between" and flavour(column) is Flavour.YEARS and rng.random() < 0.5:
        low = low // 10 * 10
        high = low + 9
    return say_range(rng, column, low, max(low, high), operator)


def round_number(column: str, number: float) -> float:
    """As people round: dollars to 1 and above 30 to 5, minutes to 5, years to 1, anything else to two digits."""
    counts = flavour(column)
    if counts is Flavour.YEARS:
        return float(round(number))
    if counts is Flavour.MINUTES or (counts is Flavour.MONEY and number > 30):
        return float(5 * round(number / 5))
    if counts is Flavour.MONEY:
        return float(max(1, round(number)))
    return float(f"{number:.2g}")


def part_of_name(world: World, rng: Random, value: Value) -> str:
    """A long word of a name that no other value holds: Hitchcock. "" where there is none, and for what is no name."""
    if value.column not in world.categorical:
        return ""
    words = fold(value.text).split()
    alone = [
        word
        for word in words
        if len(word) >= 5 and word.isalpha() and sum(word in known.split() for known in world.words) == 1
    ]
    return rng.choice(alone) if alone and len(words) > 1 else ""


def pick(rng: Random, values: tuple[Value, ...]) -> Value | None:
    """One of the values: first a column, then a value of it, so that long columns do not crowd out others."""
    columns = sorted({value.column for value in values})
    if not columns:
        return None
    column = rng.choice(columns)
    return rng.choice([value for value in values if value.column == column])
