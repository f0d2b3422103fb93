"""What a sentence turns into: conditions on this catalogue's attributes, and phrases that stay text.

A Constraint is a conjunction of clauses. A clause is a disjunction of parts ("French or a comedy"), most often of
one; a part is one condition, or the negation of several that were said together ("no old horror films").
"""

from dataclasses import dataclass, field, replace
from typing import Literal

HARD = 0.7  # confidence from which a part may become a hard filter
Side = Literal["low", "high"]


@dataclass(frozen=True)
class Values:
    """The item has one of the values (`include`), or none of them."""

    attribute: str
    values: tuple[str, ...]
    words: str
    confidence: float
    include: bool = True
    soft: bool = False  # asked for softly: "preferably", "if possible"


@dataclass(frozen=True)
class Bounds:
    """The item's number lies within the bounds (`include`), or outside of them."""

    attribute: str
    words: str
    confidence: float
    gte: float | None = None
    gt: float | None = None
    lte: float | None = None
    lt: float | None = None
    include: bool = True
    soft: bool = False
    percentile: float | None = (
        None  # where a bound comes from a relative word: whose percentile it is, 0..100
    )
    basis: Literal["catalogue", "history"] | None = None


@dataclass(frozen=True)
class Relative:
    """A number at the low or high end: "cheap", "the newest", "shorter". Resolved to Bounds when the request is.

    `percentile` is that of the low end: 25 for "cheap", 10 for "cheapest"; 50 for "cheaper than usual", the median of
    the user's own history. "Cheaper" alone is both that and what "cheap" is.
    """

    attribute: str
    side: Side
    percentile: float
    words: str
    confidence: float
    include: bool = True
    soft: bool = False
    own: bool = False  # compare with the user's own history
    than: bool = False  # ... and with nothing else: "than usual"


@dataclass(frozen=True)
class Together:
    """All of the parts at once (`include`), or not all at once: "no old horror films" is the latter of two."""

    parts: "tuple[Values | Bounds | Relative, ...]"
    include: bool = False


Condition = Values | Bounds | Relative
Part = Condition | Together
Clause = tuple[Part, ...]


@dataclass(frozen=True)
class Phrase:
    """Words that matched no value: what they mean is left to the encoder.

    With an `attribute` they were named as a value of it ("genre: scary"), so a meaning must be found there.
    """

    text: str
    include: bool = True
    attribute: str | None = None
    beside: str = ""  # words of the value it is denied together with: "no romantic comedies"
    either: str = ""  # words of the value that it is an alternative to: "a sauna or a pool"
    name: Literal["", "behind", "name", "maker"] = (
        ""  # "in tokyo", "in Klingon", "from Italy": where names stand
    )
    otherwise: Values | None = None  # what it stands for where its meaning is nothing the catalogue describes


@dataclass(frozen=True)
class Compound:
    """Words side by side of which some are a value by themselves: "nail varnish", "family friendly".

    If together they mean another value of that column, or no more than the value itself, they stand for that.
    """

    text: str
    include: bool
    value: Values  # the one among them, as it was read
    replaces: tuple[str, ...]  # the words of the values and the phrases in it


@dataclass(frozen=True)
class Contradiction:
    """Something the answer cannot obey, and why.

    kinds: contradiction (the sentence excludes what it asks for), impossible (no item of the catalogue can),
    unknown_value and unknown_attribute (the catalogue has no such thing), conflicts_with_filter, nothing_left.
    """

    kind: str
    text: str
    words: str = ""
    attribute: str | None = None


@dataclass(frozen=True)
class Constraint:
    """A sentence, understood."""

    sentence: str = ""  # cleaned
    clauses: tuple[Clause, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    compounds: tuple[Compound, ...] = ()
    not_only: tuple[Values, ...] = ()  # "not only horror": named, asks for nothing
    contradictions: tuple[Contradiction, ...] = ()
    as_text: str = ""  # what enters the prompt
    ignored: tuple[str, ...] = ()
    leanings: tuple["Leaning", ...] = field(default=())
    overrides: tuple["Override", ...] = ()  # what the client treats otherwise

    def conditions(self) -> list[Condition]:
        """Every condition, also those inside of Together."""
        found: list[Condition] = []
        for part in (part for clause in self.clauses for part in clause):
            found += part.parts if isinstance(part, Together) else (part,)
        return found


@dataclass(frozen=True)
class Leaning:
    """A phrase whose meaning is near some values: it steers towards items that have them, or away."""

    text: str
    include: bool
    near: tuple[tuple[str, str, float], ...]  # attribute, value, similarity in (0, 1]


@dataclass(frozen=True)
class Override:
    """A part, named by its words, that the client made soft or switched off."""

    words: str
    treat: Literal["soft", "off"]


def softened(part: Part) -> Part:
    """The same part, asked for softly."""
    if isinstance(part, Together):
        return replace(part, parts=tuple(replace(each, soft=True) for each in part.parts))
    return replace(part, soft=True)


def is_hard(part: Part, strict: bool) -> bool:
    """Whether the part filters. In soft mode none does."""
    parts = part.parts if isinstance(part, Together) else (part,)
    return strict and all(not each.soft and each.confidence >= HARD for each in parts)
