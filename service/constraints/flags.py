"""Columns that say yes or no: their name is what a sentence says ("vegan", "not waterproof", "pets allowed").

What such a name says about its noun ("allowed", "included") may be left out or said in other words: "with breakfast",
"pet friendly"; and it may be denied behind: "pets not allowed".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.constraints.attributes import NAME_NOISE, is_yes_or_no, name_stems, numbers_of
from service.constraints.tokens import Token, stem_of
from service.constraints.types import Bounds, Values

SURE = 0.9
TRUE, FALSE = ("true", "yes", "y", "1"), ("false", "no", "n", "0")
STATUS = frozenset(
    ["allowed", "included", "available", "friendly", "provided", "offered", "possible", "accepted", "supported",
     "enabled", "permitted", "welcome", "required", "certified", "ok", "okay", "onsite", "option", "incl", "inclusive"]
)  # fmt: skip
NOT = frozenset(["not", "isnt", "arent", "never"])
IS = frozenset(["is", "are", "be", "must", "should"])


@dataclass(frozen=True)
class Flag:
    """A column of yes and no."""

    name: str
    stems: tuple[str, ...]
    yes: str
    numeric: bool  # its values are the numbers 1 and 0

    @property
    def telling(self) -> tuple[str, ...]:
        """The stems without what they say of the noun: those of "pets_allowed" without "allowed"."""
        status = {stem_of(word) for word in STATUS}
        return tuple(stem for stem in self.stems if stem not in status)


def flag_columns(catalogue: Catalogue) -> tuple[Flag, ...]:
    """The columns whose only values are yes and no, in words or as 1 and 0."""
    found = []
    for column in catalogue.columns.values():
        stems = tuple(
            stem for stem in name_stems(column.name) if stem == "no" or stem not in NAME_NOISE
        )  # "no_smoking" is no number
        if column.kind is ColumnKind.NUMERIC and is_yes_or_no(numbers_of(catalogue, column.name)):
            found.append(Flag(column.name, stems, "1", True))
        elif column.kind is ColumnKind.CATEGORICAL and (
            yes_value := _yes_value(catalogue.terms(column.name).values)
        ):
            found.append(Flag(column.name, stems, yes_value, False))
    return tuple(flag for flag in found if flag.stems)


def yes(flag: Flag, text: str) -> Values | Bounds:
    """The flag as a condition."""
    if flag.numeric:
        return Bounds(flag.name, text, SURE, gte=1.0, lte=1.0)
    return Values(flag.name, (flag.yes,), text, SURE)


def said_of(tokens: Sequence[Token], at: int) -> tuple[int, bool]:
    """The token behind what is said of a flag's noun ("is not included"), and whether it holds."""
    place = at
    while place < len(tokens) and tokens[place].word in (*IS, "-"):
        place += 1
    denied = place < len(tokens) and tokens[place].word in NOT
    place += denied
    if place < len(tokens) and tokens[place].word in STATUS:
        return place + 1, not denied
    return at, True


def _yes_value(values: Sequence[str]) -> str | None:
    """The value that means yes, where the others, if any, mean no."""
    folded = {value.casefold(): value for value in values}
    said = [value for fold, value in folded.items() if fold in TRUE]
    denied = sum(fold in FALSE for fold in folded)
    return said[0] if len(said) == 1 and len(said) + denied == len(folded) <= 2 else None
