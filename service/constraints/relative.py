"""Relative words: "cheap", "the newest", "shorter", "high in protein". A word means one end of a column's numbers.

Plain words are the lowest or highest quarter of what is otherwise allowed, superlatives its tenth; comparatives lie
below or above the median of the user's own history where that is what they are compared with ("cheaper than usual");
alone they mean that and what the plain word does.
"""

from functools import cache
from typing import NamedTuple

from service.constraints.types import Side

PLAIN, SUPERLATIVE, COMPARATIVE = 25.0, 10.0, 50.0
SURE, UNSURE = 0.8, 0.6  # an unsure word has other common meanings: it steers, but does not filter


class Sense(NamedTuple):
    """What a relative word says of which concepts, the most likely first."""

    ends: tuple[tuple[str, Side], ...]
    percentile: float
    confidence: float
    free: bool  # also counts in front of a word that is not understood: "a cheap gift"


# word: "concept end, concept end"; a word in brackets is unsure.
WORDS = """
cheap inexpensive affordable low-cost economical low-priced budget bargain thrifty frugal = price low
expensive pricey costly premium luxury luxurious high-end upscale upmarket high-priced = price high
short brief = duration low, pages low, size low
quick speedy = duration low, speed high
fast = speed high, duration low
long lengthy = duration high, pages high, size high
slow (slow) = speed low
old vintage retro (classic) (classical) dated ancient = year low, age high
new recent modern latest contemporary current = year high, age low
light lightweight = weight low, energy low, strength low
heavy = weight high
small compact tiny mini (little) = size low, weight low, capacity low
large big huge giant spacious roomy = size high, capacity high
tall = size high
narrow thin slim = size low
wide = size high
popular bestselling best-selling famous well-known top-selling = popularity high, rank low
obscure unpopular lesser-known little-known = popularity low, rank high
top-rated high-rated highly-rated best-rated acclaimed well-rated well-reviewed = rating high
low-rated poorly-rated badly-rated worst-rated = rating low
(strong) = strength high
(mild) (weak) = strength low, heat low
spicy (hot) = heat high
easy simple (basic) = difficulty low
difficult complex (hard) (challenging) = difficulty high
powerful = power high
low-calorie = energy low
high-calorie = energy high
close near nearby = distance low
far distant = distance high
well-paid highly-paid high-paying well-paying best-paid highest-paid = pay high
badly-paid low-paid poorly-paid low-paying = pay low
"""
FREE = ("price", "rating", "popularity")
AMOUNTS: dict[str, Side] = {
    "low": "low", "lower": "low", "lowest": "low", "little": "low", "few": "low", "fewer": "low", "fewest": "low",
    "minimal": "low", "less": "low", "least": "low", "small": "low", "short": "low", "cheap": "low",
    "high": "high", "higher": "high", "highest": "high", "many": "high", "more": "high", "most": "high",
    "lots of": "high", "plenty of": "high", "a lot of": "high", "rich in": "high", "high in": "high", "low in": "low",
    "large": "high", "big": "high", "great": "high", "good": "high", "top": "high", "best": "high", "long": "high",
}  # fmt: skip


@cache
def senses() -> dict[tuple[str, ...], Sense]:
    """Every form of every relative word: cheap, cheaper, cheapest, less expensive, the most expensive."""
    table: dict[tuple[str, ...], Sense] = {}
    for line in WORDS.strip().splitlines():
        names, _, meaning = line.partition("=")
        ends = tuple(_end(part) for part in meaning.split(","))
        opposite = tuple((concept, _other(side)) for concept, side in ends)
        for name in names.split():
            word, sure = name.strip("()"), SURE if name[0] != "(" else UNSURE
            free = ends[0][0] in FREE
            base = tuple(word.split("-"))
            table.setdefault(base, Sense(ends, PLAIN, sure, free))
            forms = _forms(word) if len(base) == 1 else ()
            for form, percentile in forms:
                table.setdefault((form,), Sense(ends, percentile, sure, free))
            for degree, percentile in (("more", COMPARATIVE), ("most", SUPERLATIVE)):
                table.setdefault((degree, *base), Sense(ends, percentile, sure, free))
            for degree, percentile in (
                ("less", COMPARATIVE),
                ("least", SUPERLATIVE),
                ("not as", COMPARATIVE),
            ):
                table.setdefault((*degree.split(), *base), Sense(opposite, percentile, sure, free))
    return table


@cache
def comparatives() -> dict[tuple[str, ...], Sense]:
    """The forms that go with "than": cheaper, more recent, less expensive."""
    return {words: sense for words, sense in senses().items() if sense.percentile == COMPARATIVE}


def _other(side: Side) -> Side:
    return "high" if side == "low" else "low"


def _end(text: str) -> tuple[str, Side]:
    concept, side = text.split()
    return concept, "low" if side == "low" else "high"


def _forms(word: str) -> tuple[tuple[str, float], ...]:
    """Comparative and superlative of a one-syllable word, as they are spelled."""
    if word == "far":
        return (
            ("further", COMPARATIVE),
            ("farther", COMPARATIVE),
            ("furthest", SUPERLATIVE),
            ("farthest", SUPERLATIVE),
        )
    if word.endswith("ey"):
        root = word[:-2] + "i"
    elif word.endswith("y"):
        root = word[:-1] + "i"
    elif word.endswith("e"):
        root = word[:-1]
    elif word in ("big", "hot", "thin", "slim"):
        root = word + word[-1]
    else:
        root = word
    return ((root + "er", COMPARATIVE), (root + "est", SUPERLATIVE))
