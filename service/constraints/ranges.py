"""Ranges in a sentence: "under 20", "no longer than two hours", "$10-25", "from the 90s", "2015 or newer", "4+".

What is found here has bounds and a hint of what it is about ("longer" -> duration, "after" -> year), not yet a
column: choose.py finds that. "About 20" is 20 per cent to either side; a bare amount of money is an upper bound.
"""

from collections.abc import Sequence
from typing import NamedTuple

from service.constraints.comparators import Bound, behind_table, comparator_table, longest_comparator
from service.constraints.decades import read_years
from service.constraints.numbers import Quantity, read_quantity
from service.constraints.tokens import Token
from service.constraints.units import PERIODS, Unit, units_of

AROUND = 0.2  # "about 90 minutes": 72 to 108
AROUND_YEARS = 3
MOST_PEOPLE = 51  # "for 4" speaks of people below it
OPEN = frozenset(["on", "up", "upward"])  # "from $10 up", not "10 on"
OF_YEARS = frozenset(["in", "from", "of", "during", "for", "the"])
BETWEEN = frozenset(["the", "-", "of", "about", "around", "is", ":", "year"])  # a comparator and its number


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
    turned: tuple[
        str, ...
    ] = ()  # concepts of which it says the opposite: older is less of a year, more of an age


def read_range(tokens: Sequence[Token], at: int) -> Range | None:
    """The range that starts at a token, or None."""
    return _between(tokens, at) or _compared(tokens, at) or _open_decade(tokens, at) or _bare(tokens, at)


def _compared(tokens: Sequence[Token], at: int) -> Range | None:
    """A comparator and a quantity, a decade or a year."""
    words = tuple(token.word for token in tokens[at : at + longest_comparator()])
    for size in range(len(words), 0, -1):
        if (entry := comparator_table().get(words[:size])) is not None:
            place = at + size
            while place < len(tokens) and (tokens[place].word in BETWEEN or _is_full_stop(tokens[place])):
                place += 1
            decade = _decade(tokens, place)
            if decade is not None and entry.bound != "about":
                return _of_decade(decade, entry.bound)
            quantity = read_quantity(tokens, place)
            if quantity is not None:
                concepts = entry.concepts or (_party(tokens, at - 1, quantity) if at else ())
                found = _bounded(entry.bound, quantity, concepts, False)._replace(turned=entry.turned)
                return found._replace(end=_said_twice(tokens, _behind_period(tokens, found.end), entry.bound))
    return None


def _is_full_stop(token: Token) -> bool:
    """That of "max." and "min."."""
    return token.word == "." and token.glued


def _said_twice(tokens: Sequence[Token], end: int, bound: Bound) -> int:
    """The token behind a bound that is said again: "my budget is $10 tops", "at least 4 or more"."""
    for size in range(min(3, len(tokens) - end), 0, -1):
        behind = behind_table().get(tuple(token.word for token in tokens[end : end + size]))
        number = read_quantity(tokens, end + size)  # "over 10 and under 20"
        if behind is not None and behind[0] == bound[0] and tokens[end].word not in OPEN and number is None:
            return end + size
    return end


def _behind_period(tokens: Sequence[Token], end: int) -> int:
    """The token behind "a night", "per week", "/month"."""
    words = [token.word for token in tokens[end : end + 2]]
    each = len(words) == 2 and words[0] in ("a", "an", "per", "each", "every", "/") and words[1] in PERIODS
    return end + 2 if each else end


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
    start = at + 1 if word in ("between", "from", "for") else at
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
    if high.scale > low.scale and low.value < high.value / high.scale:  # "40-60k"
        low = low._replace(value=low.value * high.scale)
    low_value, high_value, units = _same_unit(low, high)
    if low_value > high_value:
        return None
    end = _behind_period(tokens, high.end)
    return Range(end, low_value, None, high_value, None, units, high.word or low.word, (), year)


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
        bound = behind_table().get(words[:size])
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
    quantity = quantity._replace(end=_behind_period(tokens, quantity.end))
    quantity = _with_unit_of_next(tokens, quantity)
    concepts = _party(tokens, at, quantity)
    for place in (
        quantity.end,
        quantity.end + 1,
    ):  # "20 dollars or less", "4 players or more", "32 GB ram or more"
        words = tuple(token.word for token in tokens[place : place + 4])
        if place > quantity.end and words[:1] not in (("or",), ("and",)):
            continue
        for size in range(len(words), 0, -1):
            bound = behind_table().get(words[:size])
            if read_quantity(tokens, place + size) is not None:  # "in 1994 and after 2000"
                continue
            if bound is not None and not (words[0] in OPEN and tokens[start - 1].word != "from"):
                noun = tokens[quantity.end].stem if place > quantity.end else quantity.word
                quantity, behind = _unit_behind(tokens, quantity._replace(word=noun), place + size)
                return _bounded(bound, quantity, concepts, False)._replace(end=behind)
    if quantity.end < len(tokens) and tokens[quantity.end].word == "+" and tokens[quantity.end].glued:
        found = _bounded("gte", quantity, (), False)._replace(end=quantity.end + 1)
        return _with_unit(tokens, found)
    return None if quantity.article else _bounded("exactly", quantity, concepts, True)


def _unit_behind(tokens: Sequence[Token], quantity: Quantity, at: int) -> tuple[Quantity, int]:
    """The unit of "20-ish euros", and the token behind it."""
    units = units_of(tokens[at].word) if at < len(tokens) and not quantity.units else ()
    return (quantity._replace(units=units), at + 1) if units else (quantity, at)


def _with_unit_of_next(tokens: Sequence[Token], quantity: Quantity) -> Quantity:
    """ "26 or 28 inch wheels": what is said behind the second number is said of the first."""
    if quantity.units or quantity.end >= len(tokens) or tokens[quantity.end].word not in ("or", "/", ","):
        return quantity
    other = read_quantity(tokens, quantity.end + 1)
    if other is None or not (other.units or other.word) or other.word in ("or", "and"):
        return quantity
    return quantity._replace(units=other.units, word=other.word, plain=False)


def _party(tokens: Sequence[Token], at: int, quantity: Quantity) -> tuple[str, ...]:
    """What "for" with a small number speaks of: "for two", "for at least 4"."""
    people = not quantity.units and quantity.value in range(1, MOST_PEOPLE)
    return ("party",) if people and tokens[at].word == "for" else ()


def _with_unit(tokens: Sequence[Token], found: Range) -> Range:
    """The unit or noun behind "4+ stars"."""
    quantity = read_quantity((Token("1", "1", "1", 1.0, 0, 0, False), *tokens[found.end : found.end + 1]), 0)
    if quantity is not None and quantity.units:
        return found._replace(units=quantity.units, word=quantity.word, end=found.end + 1)
    return found._replace(word=quantity.word) if quantity is not None else found


def _is_year(value: float) -> bool:
    return value == int(value) and 1000 <= value <= 2100
