"""Titles as evidence: what they vote for, what they veto, and that a phrase hears them."""

from collections.abc import Sequence

import numpy as np
import pytest

from index.catalog import Catalogue
from service.constraints import Constraint, Phrase, Vocabulary
from service.constraints.catalogue_words import Value
from service.constraints.meaning import Meanings, Vectors
from service.constraints.phrases import read_phrases
from service.constraints.titles import Titles
from tests.service.constraints.catalogues import shown

KINDS = (("Tools", "Irons"), ("Tools", "Dryers"), ("Care", "Creams"), ("Care", "Soaps"), ("Care", "Oils"))
TITLES = ("pro straightener", "quick blower", "for dry hair", "soap", "oil")


def catalogue(**columns: bool) -> Catalogue:
    """Straighteners are irons, "dry hair" stands on creams; 12 items a kind."""
    return Catalogue.from_records(
        {"item_id": f"i{n}", "title": f"{TITLES[n % 5]} {n}", "kind": list(KINDS[n % 5])}
        | ({"tags": [KINDS[n % 5][1]]} if columns.get("tags") else {})
        for n in range(60)
    )


def tongs(count: int) -> Catalogue:
    """So many of 100 items are called tongs and are B, the others C."""
    return Catalogue.from_records(
        {
            "item_id": f"i{n}",
            "title": "tongs" if n < count else "soap",
            "kind": ["A", "B" if n < count else "C"],
        }
        for n in range(100)
    )


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(catalogue(tags=True))


def test_titles_vote_for_the_smallest_value_most_of_them_have(vocabulary: Vocabulary) -> None:
    titles = Titles(vocabulary.catalogue, vocabulary.values)
    assert titles.vote("straighteners") == (Value("kind", "Irons", 12), 1.0)
    assert titles.vote("dry hair") == (Value("kind", "Creams", 12), 1.0)
    assert titles.vote("straightener for hair") is None  # no title uses all words
    assert titles.vote("") is None
    assert titles.vote("pro") == (Value("kind", "Irons", 12), 1.0)


@pytest.mark.parametrize(
    ("count", "votes", "vetoes"), [(4, False, False), (9, True, False), (10, True, True)]
)
def test_so_many_titles_tell(count: int, votes: bool, vetoes: bool) -> None:
    few = tongs(count)
    titles = Titles(few, Vocabulary(few).values)
    assert (titles.vote("tongs") == (Value("kind", "B", count), 1.0)) is votes
    assert titles.veto("tongs", Value("kind", "C", 100 - count)) is vetoes


def test_titles_veto_a_value_that_hardly_any_of_them_has(vocabulary: Vocabulary) -> None:
    titles = Titles(vocabulary.catalogue, vocabulary.values)
    assert titles.veto("dry hair", Value("kind", "Dryers", 12))
    assert not titles.veto("dry hair", Value("kind", "Creams", 12))
    assert not titles.veto("dry hair", Value("tags", "Dryers", 12))  # a list says what an item is about
    assert not titles.veto("unheard of", Value("kind", "Dryers", 12))


class Sounds:
    """A text model that goes by sound: "dry" is Dryers, "straightener" is Creams; the rest points elsewhere."""

    def vectors(self, texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), 8), np.float32)
        names = ("Irons", "Dryers", "Creams", "Soaps", "Oils", "Tools", "Care")
        for row, text in zip(rows, texts, strict=True):
            heard = "Dryers" if "dry" in text else "Creams" if "straight" in text else text
            place = next((n for n, name in enumerate(names) if name in heard), 7)
            row[place] = 1.0
        return rows


@pytest.mark.parametrize(
    ("phrase", "read"),
    [
        (Phrase("straighteners"), "kind=Irons"),
        (Phrase("straighteners", include=False), "kind!=Irons"),
        (Phrase("dry hair"), "kind=Creams"),
        (Phrase("dry and odd"), "kind=Dryers"),  # in no title: what it sounds like
    ],
)
def test_a_phrase_means_what_titles_say(phrase: Phrase, read: str) -> None:
    meanings = Meanings(Vocabulary(catalogue()), Sounds())
    constraint = read_phrases(Constraint(phrase.text, phrases=(phrase,)), meanings)
    assert (shown(constraint), constraint.ignored) == (read, ())
