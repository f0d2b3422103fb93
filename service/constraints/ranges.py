"""Ranges in a sentence: "under 20", "no longer than two hours", "$10-25", "from the 90s", "2015 or newer", "4+".

What is found here has bounds and a hint of what it is about ("longer" -> duration, "after" -> year), not yet a
column: choose.py finds that. "About 20" is 20 per cent to either side; a bare amount of money is an upper bound.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal, NamedTuple

from service.constraints.decades import read_years
from service.constraints.numbers import Quantity, read_quantity
from service.constraints.relative import comparatives
from service.constraints.tokens import Token
from service.constraints.units import Unit

Bound = Literal["lt", "lte", "gt", "gte", "about", "exactly"]
AROUND = 0.2  # "about 90 minutes": 72 to 108
AROUND_YEARS = 3
OPPOSITE: dict[Bound, Bound] = {"lt": "gte", "lte": "gt", "gt": "lte", "gte": "lt"}

COMPARATORS: dict[Bound, str] = {
    "lt": "under|below|less than|lower than|fewer than|smaller than|beneath|<|earlier than|prior to|before|pre",
    "lte": """
        at most|at the most|no more than|not more than|not over|not above|up to|max|maximum|maximum of
        max of|a maximum of|not exceeding|not to exceed|doesnt exceed|dont exceed|does not exceed
        do not exceed|within|<=|until|till|no later than|not later than|not after|capped at|limit of
        limit is|budget of|budget is|my budget|no higher than|no greater than|nothing over|nothing above
        nothing more than|not beyond|no over|nothing after|nothing past|cant exceed|less or equal
        dont want to spend more than|cant spend more than|not spend more than|spend at most|spend up to
        afford|cap of|a limit of|a budget of|only have|have only|only got|got only|just have
        no after|a cap of|lower or equal to|less than or equal to
    """,
    "gt": "over|above|more than|greater than|higher than|exceeding|exceeds|>|beyond|past|after|later than|post",
    "gte": """
        at least|at the least|no less than|not less than|no fewer than|not fewer than|minimum|minimum of
        a minimum of|starting at|min|min of|starting from|>=|since|not under|not below|no earlier than
        not earlier than|not before|upwards of|from at least|nothing under|nothing below|nothing less than
        no under|nothing before|no before|no lower than|no smaller than|greater than or equal to
        more than or equal to|a min of
    """,
    "about": "around|about|roughly|approximately|approx|circa|~|close to|nearly|near|somewhere around|more or less",
    "exactly": "exactly|precisely|equal to|equals|=|equal",
}  # fmt: skip
BEHIND: dict[Bound, str] = {
    "lte": """
        or less|or under|or below|or fewer|or cheaper|or shorter|or older|or earlier|or lower|or before
        or smaller|max|maximum|tops|at most|at the most|and under|and below|and less|or lighter|and cheaper
        at the latest|at latest|the latest|and earlier|and older|and before|at max|and shorter
    """,
    "gte": """
        or more|or above|or over|or longer|or newer|or later|or higher|or up|or after|or greater|or bigger
        or larger|plus|and up|and above|and over|and later|and newer|and more|onwards|onward|on|and onwards
        and onward|minimum|min|at least|at the least|and after|or so and up|and upwards|or heavier|upwards
        and longer|and higher|up|upward|at the earliest|at earliest|the earliest
    """,
    "about": "or so|or thereabouts|ish",
}  # fmt: skip
DATES = frozenset(["before", "after", "since", "until", "till", "pre", "post", "earlier", "later", "prior"])
OPEN = frozenset(["on", "up", "upward"])  # "from $10 up", not "10 on"
OF_YEARS = frozenset(["in", "from", "of", "during", "for", "the"])


class Range(NamedTuple):
    """Bounds in the unit that was said, and hints of the column."""

    end: int  # token behind it
    gte: float | None = None
    gt: float | None = None
    lte: float | None = None
    lt: float | None = None
    units: tuple[Unit, ...] = ()
    word: str = ""  # a stem that may name the column
    concepts: tuple[str, ...] = ()  # what the comparator speaks of
    year: bool = False  # a calendar year or decade by its form
    bare: bool = False  # no comparator: "a 90-minute film", "4 players"


def read_range(tokens: Sequence[Token], at: int) -> Range | None:
    """The range that starts at a token, or None."""
    return _between(tokens, at) or _compared(tokens, at) or _open_decade(tokens, at) or _bare(tokens, at)


@cache
def comparator_table() -> Mapping[tuple[str, ...], tuple[Bound, tuple[str, ...]]]:
    """Comparators by their words, with the concepts they speak of, those made from relative words included."""
    table: dict[tuple[str, ...], tuple[Bound, tuple[str, ...]]] = {}
    for words, sense in comparatives().items():
        concepts = tuple(concept for concept, _ in sense.ends)
        bound: Bound = "lt" if sense.ends[0][1] == "low" else "gt"
        closed: Bound = "gte" if bound == "lt" else "lte"
        table[(*words, "than")] = (bound, concepts)
        for no in (("no",), ("not",), ("nothing",)):
            table[(*no, *words, "than")] = (closed, concepts)
    for bound, text in COMPARATORS.items():
        for entry in _entries(text):
            concepts = ("year",) if DATES & set(entry) else ()
            table[entry] = (bound, concepts)
    return table


def _entries(text: str) -> list[tuple[str, ...]]:
    return [tuple(entry.split()) for entry in text.replace("\n", "|").split("|") if entry.strip()]


@cache
def _behind_table() -> Mapping[tuple[str, ...], Bound]:
    return {entry: bound for bound, text in BEHIND.items() for entry in _entries(text)}


@cache
def _longest() -> int:
    return max(map(len, comparator_table()))


def _compared(tokens: Sequence[Token], at: int) -> Range | None:
    """A comparator and a quantity, a decade or a year."""
    words = tuple(token.word for token in tokens[at : at + _longest()])
    for size in range(len(words), 0, -1):
        if (entry := comparator_table().get(words[:size])) is not None:
            place = at + size
            while place < len(tokens) and tokens[place].word in (
                "the",
                "-",
                "of",
                "about",
                "around",
                "is",
                ":",
                "year",
            ):
                place += 1
            bound, concepts = entry
            decade = _decade(tokens, place)
            if decade is not None and bound != "about":
                return _of_decade(decade, bound)
            quantity = read_quantity(tokens, place)
            if quantity is not None:
                return _bounded(bound, quantity, concepts, False)
    return None


def _of_decade(decade: Range, bound: Bound) -> Range:
    """ "before the 80s" is before 1980, "after the 80s" from 1990, "since the 80s" from 1980, "until" to 1989."""
    first, last = decade.gte, decade.lte
    bare = decade._replace(gte=None, lte=None)
    return {
        "lt": bare._replace(lt=first), "lte": bare._replace(lte=last), "gt": bare._replace(gt=last),
        "gte": bare._replace(gte=first), "about": decade, "exactly": decade,
    }[bound]  # fmt: skip


def _bounded(bound: Bound, quantity: Quantity, concepts: tuple[str, ...], bare: bool) -> Range:
    value = quantity.value
    year = quantity.plain and _is_year(value)
    found = Range(quantity.end, None, None, None, None, quantity.units, quantity.word, concepts, year, bare)
    if bound == "about":
        room = AROUND_YEARS if year else AROUND * abs(value)
        return found._replace(gte=value - room, lte=value + room)
    if bound == "exactly":
        return found._replace(gte=value, lte=value)
    bounds: dict[str, float | None] = {"lt": None, "lte": None, "gt": None, "gte": None, bound: value}
    return found._replace(lt=bounds["lt"], lte=bounds["lte"], gt=bounds["gt"], gte=bounds["gte"])


def _between(tokens: Sequence[Token], at: int) -> Range | None:
    """ "between X and Y", "from X to Y", "X to Y", "X-Y"; a unit said once holds for both."""
    word = tokens[at].word
    start = at + 1 if word in ("between", "from") else at
    if start < len(tokens) and tokens[start].word == "the":
        start += 1
    low_decade = _decade(tokens, start)
    low = Quantity(low_decade.gte or 0, (), low_decade.end) if low_decade else read_quantity(tokens, start)
    if low is None or low.end >= len(tokens):
        return None
    joints = {"between": ("and", "-", "to"), "from": ("to", "-", "until", "till", "through")}.get(
        word, ("to", "-")
    )
    if tokens[low.end].word not in joints:
        return None
    place = low.end + (2 if low.end + 1 < len(tokens) and tokens[low.end + 1].word == "the" else 1)
    high_decade = _decade(tokens, place)
    high = (
        Quantity(high_decade.lte or 0, (), high_decade.end) if high_decade else read_quantity(tokens, place)
    )
    if high is None or (high.value < low.value and not (low.units or high.units)):
        return None
    year = bool(low_decade or high_decade) or (
        low.plain and high.plain and _is_year(low.value) and _is_year(high.value)
    )
    low_value, high_value, units = _same_unit(low, high)
    if low_value > high_value:
        return None
    return Range(high.end, low_value, None, high_value, None, units, high.word or low.word, (), year)


def _same_unit(low: Quantity, high: Quantity) -> tuple[float, float, tuple[Unit, ...]]:
    if low.units and high.units and low.units != high.units:
        for a in low.units:
            for b in high.units:
                if a.dimension == b.dimension:
                    return low.value * a.factor, high.value * b.factor, (Unit(a.dimension, 1.0),)
    return low.value, high.value, high.units or low.units


def _decade(tokens: Sequence[Token], at: int) -> Range | None:
    years = read_years(tokens, at)
    return None if years is None else Range(years.end, gte=years.first, lte=years.last, year=True)


def _open_decade(tokens: Sequence[Token], at: int) -> Range | None:
    """A decade, with what may stand behind it: "the 80s or later", "the 60s and before"."""
    decade = _decade(tokens, at)
    if decade is None:
        return None
    words = tuple(token.word for token in tokens[decade.end : decade.end + 3])
    for size in range(len(words), 0, -1):
        bound = _behind_table().get(words[:size])
        if bound in ("lte", "gte") and words[0] != "on":
            return _of_decade(decade, bound)._replace(end=decade.end + size)
    return decade


def _bare(tokens: Sequence[Token], at: int) -> Range | None:
    """A quantity without a comparator before it, with what may stand behind: "20 or less", "4+", "90 minutes"."""
    start = at
    while start < len(tokens) and tokens[start].word in OF_YEARS:
        start += 1
    quantity = read_quantity(tokens, start)
    if quantity is None:
        return None
    for place in (
        quantity.end,
        quantity.end + 1,
    ):  # "20 dollars or less", "4 players or more", "32 GB ram or more"
        words = tuple(token.word for token in tokens[place : place + 4])
        if place > quantity.end and words[:1] not in (("or",), ("and",)):
            continue
        for size in range(len(words), 0, -1):
            bound = _behind_table().get(words[:size])
            if read_quantity(tokens, place + size) is not None:  # "in 1994 and after 2000"
                continue
            if bound is not None and not (words[0] in OPEN and tokens[start - 1].word != "from"):
                noun = tokens[quantity.end].stem if place > quantity.end else quantity.word
                return _bounded(bound, quantity._replace(word=noun), (), False)._replace(end=place + size)
    if quantity.end < len(tokens) and tokens[quantity.end].word == "+" and tokens[quantity.end].glued:
        found = _bounded("gte", quantity, (), False)._replace(end=quantity.end + 1)
        return _with_unit(tokens, found)
    return None if quantity.article else _bounded("exactly", quantity, (), True)


def _with_unit(tokens: Sequence[Token], found: Range) -> Range:
    """The unit or noun behind "4+ stars"."""
    quantity = read_quantity((Token("1", "1", "1", 1.0, 0, 0, False), *tokens[found.end : found.end + 1]), 0)
    if quantity is not None and quantity.units:
        return found._replace(units=quantity.units, word=quantity.word, end=found.end + 1)
    return found._replace(word=quantity.word) if quantity is not None else found


def _is_year(value: float) -> bool:
    return value == int(value) and 1000 <= value <= 2100
