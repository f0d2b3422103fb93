"""Training rows with a sentence: one history, two opposite sentences, and for each the item of which it is true.

    history without i, "only Makita"   -> target t, a Makita
    history without i, "no Makita"     -> i, another item of the same user, which is none

Each of the two is the other's negative, so only the sentence can tell them apart: an embedding that hears the words and
not the sign is wrong on one of them ("instance-level negatives": Weller et al. 2024, "Promptriever"). Nothing here
knows a domain: attributes and values are the catalogue's own.

What is trained on is never tested on: a hash divides the values, and templates come in two lists.

Letters: I items.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.columns import Column, ColumnKind, infer_columns, is_missing, parse_number, spell

Rows = NDArray[np.int64]

FEWEST = 5  # items a value has before it is spoken of
MOST = 0.5  # share of the items that know the attribute; beyond it the value says little
TEST_SHARE = 4  # one value in so many is kept for testing
OTHERS = 5  # newest items of a history that may be the other target
SPOKEN = (ColumnKind.CATEGORICAL, ColumnKind.PATH, ColumnKind.LIST)


class Templates(NamedTuple):
    """How a value is wanted or not, and how a number is bounded."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    below: tuple[str, ...]
    above: tuple[str, ...]


TRAINING = Templates(
    include=(
        "{value}",
        "only {value}",
        "{value} please",
        "I am looking for {value}",
        "I need {value}",
        "I love {value}",
        "I prefer {value}",
        "I am interested in {value}",
        "show me {value}",
        "recommend {value}",
        "something {value}",
        "anything from {value}",
        "more {value}",
        "can I have {value}",
        "how about {value}",
        "my favourite is {value}",
        "it should be {value}",
    ),
    exclude=(
        "no {value}",
        "no more {value}",
        "please no {value}",
        "not {value}",
        "not interested in {value}",
        "never {value}",
        "without {value}",
        "anything but {value}",
        "nothing {value}",
        "other than {value}",
        "leave out {value}",
        "skip {value}",
        "stay away from {value}",
        "don't show me {value}",
        "I don't need {value}",
        "I hate {value}",
        "I am tired of {value}",
        "it should not be {value}",
    ),
    below=("{name} under {number}", "{name} less than {number}", "{name} at most {number}"),
    above=("{name} over {number}", "{name} more than {number}", "{name} at least {number}"),
)
TESTING = Templates(
    include=("give me {value}", "{value} would be nice", "I would like {value}"),
    exclude=("avoid {value}", "except {value}", "I do not want {value}"),
    below=("{name} below {number}", "{name} up to {number}"),
    above=("{name} above {number}", "{name} from {number}"),
)


class Claim(NamedTuple):
    """A value of an attribute."""

    attribute: str
    value: str


class Bound(NamedTuple):
    """A number that an attribute lies below, or above."""

    attribute: str
    number: float


class Said(NamedTuple):
    """A sentence and what it means: items with the value, or below the number; not `positive`, the others."""

    sentence: str
    about: Claim | Bound
    positive: bool


class Spoken(NamedTuple):
    """A training row with a sentence that is true of its target."""

    history: Rows
    target: int
    said: Said

    @property
    def sentence(self) -> str:
        """The words."""
        return self.said.sentence


@dataclass(frozen=True)
class Attributes:
    """What can be said of each of I items: values by attribute, and numbers."""

    values: tuple[Mapping[str, frozenset[str]], ...]  # [I]
    numbers: tuple[Mapping[str, float], ...]  # [I]
    spoken: frozenset[Claim] = field(repr=False)  # the values that are neither rare nor everywhere

    @classmethod
    def read(cls, items: Sequence[Mapping[str, object]]) -> "Attributes":
        """Of a catalogue's records; long texts are not spoken of."""
        columns = tuple(infer_columns(items).values())
        values = tuple(dict(_values(item, columns)) for item in items)
        numbers = tuple(dict(_numbers(item, columns)) for item in items)
        known = Counter(name for item in values for name in item)
        counts = Counter(
            Claim(name, value) for item in values for name, some in item.items() for value in some
        )
        spoken = (
            claim for claim, count in counts.items() if FEWEST <= count <= MOST * known[claim.attribute]
        )
        return cls(values, numbers, frozenset(spoken))

    def claims(self, item: int, other: int) -> list[Claim]:
        """What is true of one item and not of the other, which knows the attribute too; in a fixed order."""
        mine, theirs = self.values[item], self.values[other]
        return [
            Claim(name, value)
            for name in mine
            if name in theirs
            for value in sorted(mine[name] - theirs[name])
            if Claim(name, value) in self.spoken
        ]

    def having(self, claim: Claim) -> NDArray[np.bool_]:
        """Which items have the value. [I]."""
        return np.array([claim.value in item.get(claim.attribute, ()) for item in self.values])


class Sentences:
    """Makes rows with sentences of rows without."""

    def __init__(self, attributes: Attributes, testing: bool = False) -> None:
        """`testing` takes the values and templates that training never sees."""
        self.attributes, self._testing = attributes, testing
        self._templates = TESTING if testing else TRAINING

    def pair(self, history: Rows, target: int, rng: np.random.Generator) -> tuple[Spoken, ...]:
        """Two rows of one history with opposite sentences; none where the user's items cannot be told apart."""
        others = [int(row) for row in dict.fromkeys(history[::-1].tolist()) if row != target][:OTHERS]
        for other in rng.permutation(others).tolist():
            shared = history[history != other]
            said = self._opposites(target, other, rng)
            if said and len(shared):
                return Spoken(shared, target, said[0]), Spoken(shared, other, said[1])
        return ()

    def include(self, claim: Claim, rng: np.random.Generator) -> str:
        """A sentence that wants the value."""
        return _pick(self._templates.include, rng).format(value=claim.value)

    def exclude(self, claim: Claim, rng: np.random.Generator) -> str:
        """A sentence that does not."""
        return _pick(self._templates.exclude, rng).format(value=claim.value)

    def speaks_of(self, claim: Claim) -> bool:
        """Whether the value is on this side of the division between training and testing."""
        digest = hashlib.sha256("\0".join(claim).encode()).digest()
        return (digest[0] % TEST_SHARE == 0) == self._testing

    def _opposites(self, one: int, two: int, rng: np.random.Generator) -> tuple[Said, Said] | None:
        """A sentence true of `one` and not of `two`, and its opposite."""
        mine = [claim for claim in self.attributes.claims(one, two) if self.speaks_of(claim)]
        theirs = [claim for claim in self.attributes.claims(two, one) if self.speaks_of(claim)]
        bounds = list(self._bounds(one, two))
        chosen = int(rng.integers(count)) if (count := len(mine) + len(theirs) + len(bounds)) else -1
        if chosen < 0:
            return None
        if chosen < len(mine):
            return self._wanted(mine[chosen], rng), self._unwanted(mine[chosen], rng)
        chosen -= len(mine)
        if chosen < len(theirs):
            return self._unwanted(theirs[chosen], rng), self._wanted(theirs[chosen], rng)
        name, number, below = bounds[chosen - len(theirs)]
        said = {"name": name.replace("_", " "), "number": f"{number:g}"}
        bound = Bound(name, number)
        low = Said(_pick(self._templates.below, rng).format(**said), bound, True)
        high = Said(_pick(self._templates.above, rng).format(**said), bound, False)
        return (low, high) if below else (high, low)

    def _wanted(self, claim: Claim, rng: np.random.Generator) -> Said:
        return Said(self.include(claim, rng), claim, True)

    def _unwanted(self, claim: Claim, rng: np.random.Generator) -> Said:
        return Said(self.exclude(claim, rng), claim, False)

    def _bounds(self, one: int, two: int) -> Iterator[tuple[str, float, bool]]:
        """Numbers between the two items' own: attribute, number, whether `one` lies below."""
        theirs = self.attributes.numbers[two]
        for name, value in self.attributes.numbers[one].items():
            low, high = sorted((value, theirs.get(name, value)))
            number = float(f"{(low + high) / 2:.2g}")
            if low < number < high:
                yield name, number, value == low


def _values(item: Mapping[str, object], columns: Sequence[Column]) -> Iterator[tuple[str, frozenset[str]]]:
    for column in columns:
        value = item.get(column.name)
        if column.kind in SPOKEN and not is_missing(value):
            some = value if isinstance(value, list) else [value]
            yield column.name, frozenset(spell(each) for each in some if not is_missing(each))


def _numbers(item: Mapping[str, object], columns: Sequence[Column]) -> Iterator[tuple[str, float]]:
    for column in columns:
        number = parse_number(item.get(column.name)) if column.kind is ColumnKind.NUMERIC else None
        if number is not None:
            yield column.name, number


def _pick(templates: Sequence[str], rng: np.random.Generator) -> str:
    return templates[int(rng.integers(len(templates)))]
