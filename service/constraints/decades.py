"""Decades and centuries: "90s", "the nineties", "early 80s", "the 20th century", "this century"."""

from collections.abc import Sequence
from typing import NamedTuple

from service.constraints.tokens import Token
from service.constraints.units import DECADES, TENS

CENTURIES = {"this": 2000.0, "last": 1900.0}
PREFIXES = frozenset(["from", "in", "of", "during", "the", "for", "at"])
PARTS = {"early": (0, 3), "mid": (4, 6), "late": (7, 9)}  # years of a decade


class Years(NamedTuple):
    """The first and the last year, and the token behind them."""

    first: float
    last: float
    end: int


def read_years(tokens: Sequence[Token], at: int) -> Years | None:
    """The decade or century that starts at a token, prepositions before it skipped; or None."""
    place = at
    while place < len(tokens) and tokens[place].word in PREFIXES:
        place += 1
    part = tokens[place].word if place < len(tokens) and tokens[place].word in PARTS else None
    if part:
        place += 1
        place += place < len(tokens) and tokens[place].word in ("-", "to", "the")
    if (century := _century(tokens, place)) is not None:
        return century
    decade = _decade(tokens, place)
    if decade is None:
        return None
    first, end = decade
    start, stop = PARTS[part] if part else (0, 9)
    return Years(first + start, first + stop, end)


def _century(tokens: Sequence[Token], at: int) -> Years | None:
    words = [token.word for token in tokens[at : at + 3]]
    if len(words) > 1 and words[0] in CENTURIES and words[1] == "century":
        first = CENTURIES[words[0]]
        return Years(first, first + 99, at + 2)
    number = tokens[at].number if len(words) == 3 else None
    if number is not None and words[1] in ("th", "st") and words[2] == "century":
        first = (number - 1) * 100
        return Years(first, first + 99, at + 3)
    return None


def _decade(tokens: Sequence[Token], at: int) -> tuple[float, int] | None:
    """Its first year, and the token behind it."""
    if at >= len(tokens):
        return None
    token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else None
    if token.word in DECADES:
        return _in_century(DECADES[token.word]), at + 1
    if following is None or following.word != "s":
        return None
    if token.word in TENS:
        return _in_century(TENS[token.word]), at + 2
    if token.number is None or not following.glued or token.number % 10:
        return None
    if token.number >= 1000:
        return token.number, at + 2
    return (_in_century(int(token.number)), at + 2) if len(token.text) == 2 else None


def _in_century(decade: int) -> float:
    """Of a decade in two figures: 30 to 90 are the 1900s, 00 to 20 the 2000s."""
    return float(1900 + decade if decade >= 30 else 2000 + decade)
