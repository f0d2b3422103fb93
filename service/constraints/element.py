"""An element: a stretch of a sentence's tokens and what it is."""

from dataclasses import dataclass
from typing import Literal

from service.constraints.choose import Missing
from service.constraints.types import Bounds, Relative, Values

Kind = Literal[
    "value", "range", "relative", "missing", "attribute", "text",
    "negation", "denied", "optional", "affirmation", "not_only", "hedge", "break", "both", "either", "filler",
    "or", "and", "comma", "end",
]  # fmt: skip
Meaning = Values | Bounds | Relative | Missing | None


@dataclass(frozen=True)
class Element:
    """Tokens `first`..`last` - 1 and what they are."""

    kind: Kind
    first: int
    last: int
    meaning: Meaning = None
    attribute: str | None = None
    each: bool = False  # of several values, an item has every one: "romcom"
