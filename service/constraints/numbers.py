"""Quantities in a sentence: "20", "$1,299", "two and a half hours", "1h30", "half an hour", "twenty bucks", "10k".

A quantity is a number with the unit that was said, if any. Ranges of them are ranges.py.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from service.constraints.tokens import Token
from service.constraints.units import CODES, NUMBERS, SCALES, SYMBOLS, TENS, Unit, units_of

HALVES = {"half": 0.5, "quarter": 0.25}
THOUSANDS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+")  # "45.000 euros", as they are written on the continent
LONGEST_SPELLED = 6  # words of one number: "one hundred and twenty five"


class Quantity(NamedTuple):
    """A number and its possible units; `end` is the token behind it."""

    value: float
    units: tuple[Unit, ...]
    end: int
    word: str = ""  # the stem behind the number, which may name a column: "4 players"
    plain: bool = True  # written as digits without unit: may be a year
    article: bool = False  # "an hour": a quantity only behind a comparator
    scale: float = 1.0  # "60k": 1000, which "40-60k" means for both


def read_quantity(tokens: Sequence[Token], at: int) -> Quantity | None:
    """The quantity that starts at a token, or None."""
    if at >= len(tokens):
        return None
    if tokens[at].word in (*SYMBOLS, *CODES):
        number = _number(tokens, at + 1)
        if number is None:
            return None
        value = _money(tokens[at + 1], number[0])
        return Quantity(
            value, units_of(tokens[at].word), number[1], "", False, False, _scale(tokens, number[1])
        )
    if (part := _fraction(tokens, at)) is not None:
        return part
    number = _number(tokens, at)
    if number is None:
        return None
    value, end = number
    value, end = _and_a_half(tokens, value, end)
    end = _hyphen(tokens, end)
    scale = _scale(tokens, number[1])
    if [token.word for token in tokens[end : end + 2]] == ["per", "cent"]:
        return Quantity(value, units_of("%"), end + 2, "percent", False)
    if (area := units_of(" ".join(token.stem for token in tokens[end : end + 2]))) and end + 1 < len(tokens):
        return Quantity(
            value, area, end + 2, tokens[end + 1].stem, False, scale=scale
        )  # "square metres", "m2"
    units = units_of(tokens[end].word) if end < len(tokens) else ()
    if not units:
        stem = tokens[end].stem if end < len(tokens) and tokens[end].is_word else ""
        plain = tokens[at].number is not None and scale == 1.0
        return Quantity(
            value, (), number[1] if end > number[1] and not stem else end, stem, plain, scale=scale
        )
    more = _more_time(tokens, end + 1, units)
    if more is not None:
        minutes = value * next(unit.factor for unit in units if unit.dimension == "time") + more[0]
        return Quantity(minutes, (Unit("time", 1.0),), more[1], "", False)
    if any(unit.dimension == "money" for unit in units):
        value = _money(tokens[at], value)
    return Quantity(value, units, end + 1, tokens[end].stem, False, scale=scale)


def _scale(tokens: Sequence[Token], end: int) -> float:
    """What the number that ends there was multiplied by: 1000 for "60k"."""
    return SCALES.get(tokens[end - 1].word, 1.0)


def _money(token: Token, value: float) -> float:
    """No price has three decimals: "45.000" is forty-five thousand."""
    return float(token.text.replace(".", "")) if THOUSANDS.fullmatch(token.text) else value


def _fraction(tokens: Sequence[Token], at: int) -> Quantity | None:
    """ "an hour (and a half)", "half an hour", "a couple of hours"."""
    words = [token.word for token in tokens[at : at + 5]]
    if words[:1] in (["half"], ["quarter"]) and (place := _unit_after(words, 1)) is not None:
        units = units_of(words[place])
        return Quantity(HALVES[words[0]], units, at + place + 1, "", False)
    if words[:1] in (["a"], ["an"]) and len(words) > 1 and words[1] not in SCALES and words[1] not in NUMBERS:
        units = tuple(unit for unit in units_of(words[1]) if len(words[1]) > 1)
        if units:
            value, end = _and_a_half(tokens, 1.0, at + 2)
            return Quantity(value, units, end, "", False, value == 1.0)
    if words[:3] == ["a", "couple", "of"] and (place := _unit_after(words, 3)) is not None:
        return Quantity(2.0, units_of(words[place]), at + place + 1, "", False)
    return None


def _unit_after(words: Sequence[str], place: int) -> int | None:
    """Place of a unit word behind articles."""
    while place < len(words) and words[place] in ("a", "an", "of"):
        place += 1
    return place if place < len(words) and len(words[place]) > 1 and units_of(words[place]) else None


def _number(tokens: Sequence[Token], at: int) -> tuple[float, int] | None:
    """A number in digits or words, and the token behind it."""
    if at >= len(tokens):
        return None
    first = tokens[at]
    if first.number is not None:
        value, end = first.number, at + 1
        if end < len(tokens) and _goes_on(first, tokens[end]):  # "50 000"
            value, end = value * 1000 + (tokens[end].number or 0.0), end + 1
        if (
            end < len(tokens)
            and tokens[end].word in SCALES
            and (tokens[end].glued or len(tokens[end].word) > 1)
        ):
            value, end = value * SCALES[tokens[end].word], end + 1
        return value, end
    return _spelled(tokens, at)


def _goes_on(first: Token, second: Token) -> bool:
    """Thousands with a space between: three figures, the last two of them zeros, as nobody lists two numbers."""
    whole = len(first.text) <= 3 and first.text.isdigit() and not second.glued
    return whole and len(second.text) == 3 and second.text.isdigit() and second.text.endswith("00")


def _spelled(tokens: Sequence[Token], at: int) -> tuple[float, int] | None:
    """ "twenty five", "a hundred and twenty", "two thousand"."""
    total, current, end, seen = 0.0, 0.0, at, False
    while end < min(len(tokens), at + LONGEST_SPELLED):
        word = tokens[end].word
        if word in NUMBERS:
            current += NUMBERS[word]
        elif word in TENS:
            current += TENS[word]
        elif word in SCALES and (seen or (end > at and tokens[end - 1].word == "a")):
            current = max(current, 1.0) * SCALES[word]
            if SCALES[word] >= 1000:
                total, current = total + current, 0.0
        elif (
            word == "a" and not seen and end + 1 < len(tokens) and tokens[end + 1].word in (*SCALES, "dozen")
        ):
            end += 1
            continue
        elif not (seen and word in ("and", "-") and _continues(tokens, end, current)):
            break
        seen, end = True, end + 1
    return (total + current, end) if seen else None


def _continues(tokens: Sequence[Token], at: int, current: float) -> bool:
    """Whether "and" or a hyphen goes on with the number: "hundred and five", "twenty-five", not "two and three"."""
    following = tokens[at + 1].word if at + 1 < len(tokens) else ""
    if tokens[at].word == "and":
        return current >= 100 and (following in NUMBERS or following in TENS)
    return current in TENS.values() and following in NUMBERS


def _and_a_half(tokens: Sequence[Token], value: float, end: int) -> tuple[float, int]:
    if [token.word for token in tokens[end : end + 3]] == ["and", "a", "half"]:
        return value + 0.5, end + 3
    return value, end


def _hyphen(tokens: Sequence[Token], end: int) -> int:
    """Skip the hyphen of "two-hour" and "90-minute"."""
    if end + 1 < len(tokens) and tokens[end].word == "-" and tokens[end + 1].is_word:
        return end + 1
    return end


def _more_time(tokens: Sequence[Token], at: int, units: Sequence[Unit]) -> tuple[float, int] | None:
    """The rest of "1h30", "2 hours 15 (minutes)", "an hour and a half": minutes, and the token behind them."""
    hours = any(unit.dimension == "time" and unit.factor == 60 for unit in units)
    if not hours:
        return None
    if [token.word for token in tokens[at : at + 3]] == ["and", "a", "half"]:
        return 30.0, at + 3
    start = at + 1 if at < len(tokens) and tokens[at].word == "and" else at
    number = _number(tokens, start)
    if number is None:
        return None
    value, end = number
    minutes = end < len(tokens) and any(unit == Unit("time", 1) for unit in units_of(tokens[end].word))
    if minutes and value < 60:  # not "between two hours and 150 minutes"
        return value, end + 1
    glued = start == at and tokens[start].glued and value < 60
    return (value, end) if glued else None
