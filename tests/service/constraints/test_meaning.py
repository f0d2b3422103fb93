"""Phrases by their meaning, with a text model whose vectors are written down."""

from collections.abc import Sequence

import numpy as np
import pytest

from index.catalog import Catalogue
from service.constraints import Constraint, Phrase, Vocabulary
from service.constraints.meaning import Meanings, Vectors
from service.constraints.neutral import NEUTRAL
from service.constraints.phrases import prompt_text, read_phrases
from service.constraints.types import Values
from tests.service.constraints.catalogues import shown

DIRECTIONS = {"horror": 0, "comedy": 1, "drama": 2, "scary": 0, "funny": 1, "quiet": 2, "weepie": 2}
STRENGTH = {"scary": 1.0, "funny": 0.26, "quiet": 0.1, "weepie": 1.0}


class Written:
    """Each known word points along an axis, more or less; everything else along axes of its own."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def vectors(self, texts: Sequence[str]) -> Vectors:
        self.encoded += texts
        rows = np.zeros((len(texts), 8), np.float32)
        for row, text in zip(rows, texts, strict=True):
            word = next((word for word in DIRECTIONS if word in text.lower()), None)
            strength = STRENGTH.get(word, 1.0) if word else 0.0
            row[DIRECTIONS[word] if word else 4] = strength
            row[5] = np.sqrt(1 - strength**2)
            if text in NEUTRAL:  # a little of one value each
                row[:] = 0
                row[NEUTRAL.index(text) % 3], row[6] = 0.2, np.sqrt(1 - 0.04)
        return rows


@pytest.fixture
def texts() -> Written:
    return Written()


@pytest.fixture
def meanings(texts: Written) -> Meanings:
    genres = ("Horror", "Comedy", "Drama")
    records = [
        {"item_id": f"i{n}", "title": f"t{n}", "genre": genres[n % 3], "maker": f"m{n}"} for n in range(60)
    ]
    return Meanings(Vocabulary(Catalogue.from_records(records)), texts)


def test_only_values_that_describe_are_compared_with(meanings: Meanings) -> None:
    assert {value.value for value in meanings.values} == {"Horror", "Comedy", "Drama"}


def test_the_floor_is_what_neutral_sentences_reach(meanings: Meanings) -> None:
    assert meanings.floor == pytest.approx(
        0.2 - 0.2 / 3, abs=0.01
    )  # their best value, less its mean over them


def test_a_phrase_that_means_a_value_becomes_one(meanings: Meanings) -> None:
    constraint = read_phrases(Constraint("scary", phrases=(Phrase("scary"),)), meanings)
    assert shown(constraint) == "genre=Horror"
    assert (constraint.as_text, constraint.ignored) == ("", ())


def test_an_unwanted_phrase_keeps_its_value_out(meanings: Meanings) -> None:
    constraint = read_phrases(Constraint("not scary", phrases=(Phrase("scary", include=False),)), meanings)
    assert shown(constraint) == "genre!=Horror"


def test_a_phrase_that_leans_to_a_value_is_text_and_steers(meanings: Meanings) -> None:
    constraint = read_phrases(Constraint("funny", phrases=(Phrase("funny"),)), meanings)
    assert (shown(constraint), constraint.as_text) == ("", "funny")
    [leaning] = constraint.leanings
    assert leaning.near[0] == ("genre", "Comedy", 1.0)


def test_an_unwanted_leaning_stays_out_of_the_prompt(meanings: Meanings) -> None:
    constraint = read_phrases(Constraint("not funny", phrases=(Phrase("funny", include=False),)), meanings)
    assert constraint.as_text == ""
    assert [leaning.include for leaning in constraint.leanings] == [False]


def test_an_irrelevant_phrase_is_ignored(meanings: Meanings) -> None:
    for text in ("quiet", "happy Monday"):
        constraint = read_phrases(Constraint(text, phrases=(Phrase(text),)), meanings)
        assert (constraint.clauses, constraint.leanings, constraint.as_text) == ((), (), "")
        assert constraint.ignored == (text,)


def test_a_named_attribute_must_have_the_value(meanings: Meanings) -> None:
    known = read_phrases(Constraint("genre scary", phrases=(Phrase("scary", attribute="genre"),)), meanings)
    assert shown(known) == "genre=Horror"
    unknown = read_phrases(Constraint("genre polka", phrases=(Phrase("polka", attribute="genre"),)), meanings)
    assert [(each.kind, each.words) for each in unknown.contradictions] == [("unknown_value", "polka")]


def test_a_phrase_denied_beside_a_value_is_denied_together_with_it(meanings: Meanings) -> None:
    comedy = Values("genre", ("Comedy",), "comedies", 0.97, include=False)
    phrase = Phrase("weepie", include=False, beside="comedies")
    constraint = read_phrases(Constraint("no weepie comedies", ((comedy,),), (phrase,)), meanings)
    assert shown(constraint) == "not(genre=Drama & genre=Comedy)"


def test_a_word_of_a_name_stands_for_it_where_it_means_nothing_else(meanings: Meanings) -> None:
    name = Values("maker", ("Scary Quiet",), "x", 0.75)
    quiet = read_phrases(Constraint("quiet", phrases=(Phrase("quiet", otherwise=name),)), meanings)
    assert shown(quiet) == "maker=Scary Quiet"
    scary = read_phrases(Constraint("scary", phrases=(Phrase("scary", otherwise=name),)), meanings)
    assert shown(scary) == "genre=Horror"
    wordless = read_phrases(Constraint("scary", phrases=(Phrase("scary", otherwise=name),)), None)
    assert (shown(wordless), wordless.as_text) == ("maker=Scary Quiet", "")


def test_only_a_lone_phrase_is_read_within_its_sentence(meanings: Meanings, texts: Written) -> None:
    both = (Phrase("quiet"), Phrase("scary"))
    read_phrases(Constraint("quiet, scary thing", phrases=both), meanings)
    assert "quiet, scary thing" not in texts.encoded
    read_phrases(Constraint("a quiet thing", phrases=(Phrase("quiet"),)), meanings)
    assert "a quiet thing" in texts.encoded


def test_gibberish_means_nothing() -> None:
    genres = ("Horror", "Comedy")
    records = [{"item_id": f"i{n}", "title": f"t{n}", "genre": genres[n % 2]} for n in range(40)]
    index = Vocabulary(Catalogue.from_records(records), ("sun", "bathing", "scary", "lip")).values
    assert [index.is_gibberish([word]) for word in ("asdfghjkl", "sunbathing", "scarry", "lippy", "ww", "horror")] == [
        True, False, False, False, False, False,
    ]  # fmt: skip
    assert not index.is_gibberish(["asdfghjkl", "scary"])
    assert not index.is_gibberish([])
    wordless = Vocabulary(Catalogue.from_records(records)).values
    assert not wordless.is_gibberish(["asdfghjkl"])


def test_a_phrase_is_encoded_once(meanings: Meanings, texts: Written) -> None:
    constraint = Constraint("scary", phrases=(Phrase("scary"),))
    read_phrases(constraint, meanings)
    before = len(texts.encoded)
    read_phrases(constraint, meanings)
    assert len(texts.encoded) == before


def test_without_an_encoder_what_is_wanted_is_text() -> None:
    phrases = (Phrase("red"), Phrase("blue", include=False))
    assert read_phrases(Constraint("red, not blue", phrases=phrases), None).as_text == "red"


def test_what_enters_the_prompt() -> None:
    acme = Values("brand", ("Acme",), "acme", 0.97)
    bolt = Values("brand", ("Bolt",), "bolt", 0.97, include=False)
    filtered = Constraint("acme, no bolt, cosy", ((acme,), (bolt,)), as_text="cosy")
    assert prompt_text(filtered, strict=True, alone=False) == "cosy"
    assert prompt_text(filtered, strict=False, alone=False) == "acme, no bolt, cosy"
    wordless = Constraint("acme, no bolt", ((acme,), (bolt,)))
    assert prompt_text(wordless, strict=True, alone=False) == ""
    assert prompt_text(wordless, strict=True, alone=True) == "acme"
    assert prompt_text(Constraint("happy Monday", ignored=("happy Monday",)), strict=False, alone=False) == ""


def test_a_catalogue_without_values_has_none_near_anything() -> None:
    records = [{"item_id": str(n), "title": f"thing {n}"} for n in range(3)]
    meanings = Meanings(Vocabulary(Catalogue.from_records(records)), Written())
    assert meanings.values == []
    assert meanings.near("scary") == []
