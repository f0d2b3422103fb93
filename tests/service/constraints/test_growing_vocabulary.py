"""A vocabulary that learns values while it serves: like one made of the larger catalogue, and the old one stays."""

from dataclasses import astuple

from index.catalog import Catalogue
from service.constraints import Vocabulary
from service.constraints.catalogue_words import Value
from service.constraints.values import AMBIGUOUS, EXACT

RECORDS = [
    {
        "item_id": f"i{n}",
        "title": f"clear thing {n}",
        "brand": ("Acme", "Burts Bees")[n % 2],
        "genres": ["tools"],
    }
    for n in range(6)
]
NEW = [
    {"item_id": "a", "title": "one", "brand": "Zyxel", "genres": ["tools", "Oils and Serums"]},
    {"item_id": "b", "title": "two", "brand": "Clear", "genres": ["tools"]},
    {"item_id": "c", "title": "three", "brand": "Gore Verbinski", "genres": []},
]
VALUES = [
    Value("brand", "Zyxel", 1),
    Value("brand", "Clear", 1),
    Value("brand", "Gore Verbinski", 1),
    Value("genres", "Oils and Serums", 1),
]


def test_what_was_learned_is_found_as_if_it_had_always_been_there() -> None:
    small, large = Catalogue.from_records(RECORDS), Catalogue.from_records([*RECORDS, *NEW])
    before, whole = Vocabulary(small), Vocabulary(large)
    grown = before.of(large, VALUES)
    for key in (
        ("zyxel",),
        ("clear",),
        ("gore", "verbinski"),
        ("acme",),
        ("oil", "and", "serum"),
        ("nobody",),
    ):
        assert grown.values.find(key) == whole.values.find(key), key
    assert grown.values.find_part("verbinski") == whole.values.find_part("verbinski") is not None
    assert grown.values.find_joined("goreverbinski") == whole.values.find_joined("goreverbinski") is not None
    corrected = grown.values.spelling.corrections("verbinsky")
    assert corrected == whole.values.spelling.corrections("verbinsky") != ()
    assert grown.values.is_known("verbinski", "verbinski")
    assert grown.values.longest == 3
    assert {value[:2] for value in map(astuple, grown.values.all)} == {
        value[:2] for value in map(astuple, whole.values.all)
    }  # how many items had the old ones was counted when the bundle was loaded


def test_a_word_that_titles_use_otherwise_stays_in_doubt() -> None:
    small, large = Catalogue.from_records(RECORDS), Catalogue.from_records([*RECORDS, *NEW])
    grown = Vocabulary(small).of(large, VALUES)
    clear, zyxel = grown.values.find(("clear",)), grown.values.find(("zyxel",))
    assert clear is not None
    assert zyxel is not None
    assert (clear.confidence, zyxel.confidence) == (AMBIGUOUS, EXACT)


def test_the_vocabulary_of_before_has_learned_nothing() -> None:
    small, large = Catalogue.from_records(RECORDS), Catalogue.from_records([*RECORDS, *NEW])
    before = Vocabulary(small)
    grown = before.of(large, VALUES)
    assert before.values.find(("zyxel",)) is None
    assert before.values.find_part("verbinski") is None
    assert before.values.spelling.corrections("verbinsky") == ()
    assert before.values.all == tuple(value for value in before.values.all if value not in VALUES)
    assert not grown.occur_together("brand", "Zyxel", "Acme")
    assert grown.catalogue is large
    assert before.catalogue is small
    assert before.of(large).values is before.values
