"""What the tutorial shows of answers is what is answered, as far as it follows from the films and not from a model."""

import json
from collections.abc import Iterator
from typing import Any

from tests.docs.blocks import ROOT, blocks, commands
from tests.docs.conftest import World
from tests.docs.runner import send

SURE = {"understood", "as_text", "ignored", "contradictions", "shortfall"}  # the same with whatever weights


def test_what_the_tutorial_shows_of_a_sentence_is_what_is_answered(world: World) -> None:
    compared = []
    answer: Any = None
    for block in blocks(ROOT / "docs/tutorial.md"):
        if block.language == "sh":
            asked = [words[1:] for words in commands(block.text) if words[0] == "curl"]
            answer = send(asked[0], world).json() if len(asked) == 1 else None
        elif block.language == "json" and answer is not None:
            shown = json.loads(block.text)
            for name in SURE & set(shown):
                (given,) = find(answer, name)
                assert holds(given, shown[name]), f"line {block.line}: {name} is {given}"
                compared.append(name)
    assert set(compared) == SURE


def find(value: Any, name: str) -> Iterator[Any]:
    """Every value under that name, however deep."""
    if isinstance(value, dict):
        yield from (value[key] for key in value if key == name)
        yield from (found for inner in value.values() for found in find(inner, name))


def holds(given: Any, shown: Any) -> bool:
    """True where what is shown is given; an object that is shown may leave out keys."""
    if isinstance(shown, dict):
        return isinstance(given, dict) and all(
            key in given and holds(given[key], shown[key]) for key in shown
        )
    if isinstance(shown, list):
        return len(given) == len(shown) and all(map(holds, given, shown))
    return bool(given == shown)


def test_what_is_shown_may_leave_out_keys_and_nothing_else() -> None:
    assert holds([{"a": 1, "b": 2}], [{"a": 1}])
    assert not holds([{"a": 1}], [{"a": 2}])
    assert not holds([{"a": 1}], [{"b": 1}])
    assert not holds([1, 2], [1])
