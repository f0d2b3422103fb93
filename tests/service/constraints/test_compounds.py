"""Words side by side that mean something else together, with a text model whose vectors are written down."""

from collections.abc import Sequence

import numpy as np
import pytest

from index.catalog import Catalogue
from service.constraints import Vocabulary, parse
from service.constraints.meaning import Meanings, Vectors
from service.constraints.neutral import NEUTRAL
from service.constraints.phrases import read_phrases
from tests.service.constraints.catalogues import shown

SHELVES = (
    ["Beauty", "Nails"], ["Beauty", "Nails", "Nail Polish"], ["Beauty", "Sun"], ["Beauty", "Skin", "Creams"],
    ["Beauty", "Sun", "Sunscreens"],
)  # fmt: skip
MEANS = {  # text -> the value it means, and how much
    "nail varnish": ("Nail Polish", 1.0), "varnish": ("Nail Polish", 0.1), "sun cream": ("Sunscreens", 1.0),
    "pretty nails": ("Nails", 1.0), "soft creams": ("Creams", 1.0), "soft": ("Sun", 1.0),
}  # fmt: skip
VALUES = ("Beauty", "Nails", "Nail Polish", "Sun", "Skin", "Creams", "Sunscreens")


class Written:
    """A value's name, and a text that means it, point along its axis; the rest along an axis of its own."""

    def vectors(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), len(VALUES) + 2), np.float32)
        for row, text in zip(rows, texts, strict=True):
            plain = text.removeprefix("something ").removeprefix("shelf: ").removesuffix(" shelf")
            value, strength = MEANS.get(plain, (plain, 1.0))
            if text in NEUTRAL:
                value, strength = VALUES[NEUTRAL.index(text) % len(VALUES)], 0.2
            if value in VALUES:
                row[VALUES.index(value)] = strength
            row[-1 if text in NEUTRAL else -2] = np.sqrt(max(0.0, 1 - float(row @ row)))
        return rows


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(
        Catalogue.from_records(
            {"item_id": f"i{n}", "title": f"t{n}", "shelf": SHELVES[n % 5]} for n in range(50)
        )
    )


@pytest.fixture(scope="module")
def meanings(vocabulary: Vocabulary) -> Meanings:
    return Meanings(vocabulary, Written())


@pytest.mark.parametrize(
    ("sentence", "words", "settled"),
    [
        ("nail varnish", "shelf=Nails", "shelf=Nail Polish"),
        ("no nail varnish", "shelf!=Nails", "shelf!=Nail Polish"),
        ("sun cream", "shelf=Sun/Creams", "shelf=Sunscreens"),
        ("maybe sun cream", "~shelf=Sun/Creams", "~shelf=Sunscreens"),
        ("sun or cream", "shelf=Sun/Creams", "shelf=Sun/Creams"),
        ("pretty weird nails", "shelf=Nails", "shelf=Nails"),
        ("beauty nails", "shelf=Beauty; shelf=Nails", "shelf=Beauty; shelf=Nails"),
    ],
)
def test_together(
    sentence: str, words: str, settled: str, vocabulary: Vocabulary, meanings: Meanings
) -> None:
    constraint = parse(sentence, vocabulary)
    assert shown(constraint) == words
    assert shown(read_phrases(constraint, meanings)) == settled


def test_a_word_that_adds_nothing_is_not_called_ignored(vocabulary: Vocabulary, meanings: Meanings) -> None:
    constraint = read_phrases(parse("nail varnish", vocabulary), meanings)
    assert (constraint.ignored, constraint.as_text) == ((), "")


def test_a_word_with_a_meaning_of_its_own_keeps_it(vocabulary: Vocabulary, meanings: Meanings) -> None:
    constraint = read_phrases(parse("soft creams", vocabulary), meanings)
    assert shown(constraint) == "shelf=Creams; shelf=Sun"
