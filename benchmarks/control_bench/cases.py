"""One case: a sentence, the user who says it, and what a right answer satisfies, whatever any parser thinks of it.

The held-out sentences come with their expectations (benchmarks/control_sentences/README.md says how they are
written); the built cases use the same form.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

TYPES = tuple(f"C{n}" for n in range(1, 10))

Condition = dict[str, Any]  # a filter as `POST /recommend` reads it
Report = Literal["contradiction", "impossible", "unknown"]


@dataclass(frozen=True)
class Relative:
    """The number `key` of an item lies on one side of those of the catalogue, or of the user's history."""

    key: str
    side: Literal["low", "high"]
    of: Literal["catalogue", "history"] = "catalogue"


@dataclass(frozen=True)
class Expected:
    """What a right answer does; exactly the fields that a case's type asks for are set."""

    filter: Condition | None = None  # every item satisfies it
    open: Condition | None = None  # "not only X": this is X, and nothing is filtered
    relative: Relative | None = None  # holds for every item, among those of `filter`
    report: Report | None = None  # cannot be met (`filter` says what), and the answer says so
    words: tuple[str, ...] = ()  # the unknown value, one of which the report names
    unchanged: bool = False  # the answer is the one without a sentence


@dataclass(frozen=True)
class Case:
    """A sentence in the mouth of test user number `user`."""

    id: str
    type: str
    sentence: str
    expected: Expected
    user: int = -1  # a held-out sentence is nobody's until `with_user`
    pair: str | None = None  # C6: two cases with one pair, user and different kinds
    kind: str = field(default="")

    def with_user(self, user: int) -> "Case":
        return replace(self, user=user)


def read_held_out(path: Path) -> tuple[Case, ...]:
    """The sentences of one file, in its order. Raises KeyError or TypeError for a line of another form."""
    return tuple(case_of(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())


def case_of(line: Mapping[str, Any]) -> Case:
    """A case from one line of a file."""
    expected = dict(line["expected"])
    if "relative" in expected:
        expected["relative"] = Relative(**expected["relative"])
    if "words" in expected:
        expected["words"] = tuple(expected["words"])
    return Case(
        id=line["id"],
        type=line["type"],
        sentence=line["sentence"],
        expected=Expected(**expected),
        pair=line.get("pair"),
        kind=line.get("kind", ""),
    )
