"""Values that are one of many of a kind: another of the kind is reported, and never taken for one of them."""

from collections.abc import Sequence

import numpy as np
import pytest

from index.catalog import Catalogue
from service.constraints import Vocabulary, parse
from service.constraints.meaning import Meanings, Vectors, bare
from service.constraints.naming import is_kin, is_naming
from service.constraints.phrases import read_phrases
from tests.service.constraints.catalogues import shown

CITIES, COLOURS, GENRES = ("Berlin", "Rome", "Porto"), ("red", "green", "grey"), ("Horror", "Comedy", "Drama")
NAMES = (*CITIES, *COLOURS, *GENRES)
LIKE = {"tokyo": CITIES, "purple": COLOURS, "scary": ("Horror",), "greenish": ("green",), "moody": GENRES}


class Kinds:
    """A word is as near to all that LIKE has for it; a value is near to itself."""

    def vectors(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), len(NAMES) + 1), np.float32)
        for row, text in zip(rows, texts, strict=True):
            word = next((word for word in LIKE if word in text.casefold()), None)
            near = LIKE[word] if word else tuple(name for name in NAMES if name in text)
            for name in near:
                row[NAMES.index(name)] = 1.0
            row[-1] = 0.0 if near else 1.0
            row /= np.linalg.norm(row)
        return rows


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(
        Catalogue.from_records(
            {
                "item_id": f"i{n}",
                "title": f"t{n}",
                "city": CITIES[n % 3],
                "colour": COLOURS[n // 3 % 3],
                "genre": GENRES[n // 9 % 3],
            }
            for n in range(54)
        )
    )


@pytest.fixture(scope="module")
def meanings(vocabulary: Vocabulary) -> Meanings:
    return Meanings(vocabulary, Kinds())


@pytest.mark.parametrize(
    ("sentence", "read", "missing"),
    [
        ("in Tokyo", "", [("Tokyo", "city")]),
        ("in tokyo", "", [("tokyo", "city")]),
        ("a tokyo thing", "", []),  # no name where names stand: ignored
        ("purple", "", [("purple", "colour")]),
        ("greenish", "colour=green", []),
        ("scary", "genre=Horror", []),
        ("moody", "", []),  # as near to every genre, which are no names
        ("red or scary", "colour=red | genre=Horror", []),
        ("Berlin, not in Tokyo", "city=Berlin", []),
    ],
)
def test_another_of_the_kind(
    sentence: str, read: str, missing: list[tuple[str, str]], vocabulary: Vocabulary, meanings: Meanings
) -> None:
    constraint = read_phrases(parse(sentence, vocabulary), meanings)
    assert shown(constraint) == read
    assert [(each.words, each.attribute) for each in constraint.contradictions] == missing


def test_names_of_columns_tell_whether_they_name() -> None:
    assert [is_naming(name) for name in ("city", "made_by_brand", "language", "genres", "category", "themes")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


def test_kin_are_spelt_alike() -> None:
    assert is_kin("French", "France")
    assert is_kin("Italian", "Italy")
    assert not is_kin("Germany", "France")
    assert not is_kin("rench", "France")


def test_a_phrase_without_the_general_nouns_around_it() -> None:
    assert bare("cowboy films") == "cowboy"
    assert bare("something funny") == "funny"
    assert bare("films") == "films"
