"""Puts conditions into words: numbers with their units, relative words, slips of the pen."""

from random import Random
from typing import NamedTuple

from benchmarks.control_bench.cases import Condition
from benchmarks.control_bench.phrases import BOUNDS, COMPARE, COMPARED, NAMES, SIDES, SYLLABLES, Flavour
from index.columns import fold


class Range(NamedTuple):
    """Bounds on a number, and the words for them."""

    phrase: str
    condition: Condition


def flavour(column: str) -> Flavour:
    """What a column's name says that it counts."""
    for found, names in NAMES.items():
        if any(name in column.casefold() for name in names):
            return found
    return Flavour.NUMBER


def say_range(rng: Random, column: str, low: float, high: float, operator: str) -> Range:
    """Words for one of lt, lte, gt, gte at `low`, or between both; a whole decade is called so half the time."""
    counts = flavour(column)
    condition: Condition = {"key": column}
    if operator == "between":
        condition |= {"gte": low, "lte": high}
    else:
        condition |= {operator: low}
    decade = counts is Flavour.YEARS and operator == "between" and low % 10 == 0 and high == low + 9
    if decade and rng.random() < 0.5:
        short = 1930 <= low < 2000 and rng.random() < 0.5
        return Range(f"from the {int(low) % 100 if short else int(low)}s", condition)
    template = rng.choice(BOUNDS[counts][operator])
    a, b = (_number(rng, counts, value) for value in (low, high))
    return Range(template.format(n=a, a=a, b=b, c=spoken(column)), condition)


def say_side(rng: Random, column: str, side: str) -> str:
    """A relative word: cheap, old, a low rating."""
    return rng.choice(SIDES[flavour(column)][side]).format(c=spoken(column))


def say_comparison(rng: Random, column: str, side: str) -> str:
    """A comparison with the user's own: older than usual. "" for numbers that have no such word."""
    word = COMPARED.get(flavour(column), {}).get(side)
    return rng.choice(COMPARE).format(x=word) if word else ""


def spoken(column: str) -> str:
    """A column's name as words: sales_rank is "sales rank"."""
    return " ".join(column.replace("_", " ").split())


def misspell(rng: Random, text: str) -> str:
    """One slip in one word of five letters or more: a letter dropped, doubled, or swapped with the next.

    "" where no word is long enough.
    """
    words = text.split(" ")
    long = [n for n, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    if not long:
        return ""
    n = rng.choice(long)
    word, place = words[n], rng.randrange(1, len(words[n]) - 1)
    slips = (
        word[:place] + word[place + 1 :],
        word[:place] + word[place] + word[place:],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    )
    words[n] = rng.choice(slips)
    return " ".join(words) if fold(" ".join(words)) != fold(text) else ""


def other_spelling(rng: Random, text: str) -> str:
    """The value with hyphens, in one word, with "and" for "&", or without marks; "" if that is the same."""
    bare = " ".join("".join(c if c.isalnum() or c.isspace() else " " * (c != "'") for c in text).split())
    ways = ("-".join(bare.split()), bare.replace(" ", ""), text.replace("&", "and"), bare)
    other = [way for way in ways if fold(way) != fold(text)]
    return rng.choice(other) if other else ""


def invented(rng: Random) -> str:
    """A name that no catalogue has: Brazulvek."""
    return "".join(rng.sample(SYLLABLES, 3)).capitalize()


def _number(rng: Random, counts: Flavour, value: float) -> str:
    if counts is Flavour.MINUTES:
        return _duration(rng, int(value))
    return f"{value:g}" if value < 1e6 else f"{value:.0f}"


def _duration(rng: Random, minutes: int) -> str:
    """130 -> "130 minutes" or "130 min"; whole and half hours also as hours."""
    ways = [f"{minutes} minutes", f"{minutes} min"]
    if minutes % 60 == 0:
        hours = minutes // 60
        word = {1: "an hour", 2: "two hours", 3: "three hours"}.get(hours, f"{hours} hours")
        ways += [word, f"{hours}h"]
    elif minutes == 90:
        ways += ["an hour and a half", "1.5 hours"]
    elif minutes % 30 == 0:
        ways += [f"{minutes / 60:g} hours"]
    return rng.choice(ways)
