"""One name for another: lines of a maker, ways to write it, clipped words, general nouns, yes and no."""

import pytest

from index.catalog import Catalogue
from service.constraints import Vocabulary, parse
from tests.service.constraints.catalogues import films, hotels, shown


def makers() -> Vocabulary:
    names = (
        "Opi", "Opi Nail Color", "Fresh", "Fresh Breath", "Sally Hansen", "Sally Hansen Salon", "COVERGIRL",
        "Cover Girl",
    )  # fmt: skip
    records = [{"item_id": f"i{n}", "title": f"t{n}", "brand": names[n % 8]} for n in range(64)]
    return Vocabulary(Catalogue.from_records(records), ("fresh", "breath", "sally", "cover", "girl", "nail"))


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("only Opi", "brand=Opi/Opi Nail Color"),
        ("no Opi", "brand!=Opi/Opi Nail Color"),
        ("Opi Nail Color", "brand=Opi Nail Color"),
        ("by Fresh", "brand=Fresh"),  # an everyday word: Fresh Breath may be another's
        ("no Sally Hansen", "brand!=Sally Hansen/Sally Hansen Salon"),
        ("Cover Girl", "brand=Cover Girl/COVERGIRL"),
        ("covergirl", "brand=COVERGIRL/Cover Girl"),
    ],
)
def test_a_makers_name_stands_for_its_lines(sentence: str, read: str) -> None:
    assert shown(parse(sentence, makers())) == read


def test_a_name_that_goes_on_is_no_second_name() -> None:
    names = ["Opi", "Acme Lacquer", *(f"Maker{n}" for n in range(30))]
    records = [
        {
            "item_id": f"i{n}",
            "title": f"t{n}",
            "brand": names[n % 32],
            "shelf": ["All", ("Nails", "Lips")[n % 2]],
        }
        for n in range(64)
    ]
    vocabulary = Vocabulary(Catalogue.from_records(records))
    assert shown(parse("Acme and Opi Lacquer", vocabulary)) == shown(parse("Acme and Opi", vocabulary))
    assert shown(parse("Opi Nails Lacquer", vocabulary)) == "brand=Opi; shelf=Nails"
    assert shown(parse("by Lacquer", vocabulary)) == "brand=Acme Lacquer"


def test_rare_names_beside_several_common_ones_are_ways_to_write_them() -> None:
    shelves = ["Concealer"] * 2 + ["Concealers & Correctors"] * 30 + ["Concealer & Base"] * 10
    records = [{"item_id": f"i{n}", "title": f"t{n}", "shelf": ["All", s]} for n, s in enumerate(shelves)]
    read = shown(parse("a concealer", Vocabulary(Catalogue.from_records(records))))
    assert read == "shelf=Concealer/Concealers & Correctors/Concealer & Base"


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("a romcom", "genres=Romance; genres=Comedy"),
        ("rom-com or western", "genres=Romance; genres=Comedy/Western"),
        ("no romcoms", "not(genres=Romance & genres=Comedy)"),
        ("sci-fi", "genres=Science Fiction"),
        ("scifi from the 80s", "genres=Science Fiction; year>=1980 <=1989"),
        ("comrom", "genres=Comedy; genres=Romance"),
        ("xomcom", ""),
        ("rocom", ""),  # two letters tell too little
        ("a film about cooking", "themes=cooking"),
    ],
)
def test_clipped_words(sentence: str, read: str) -> None:
    assert shown(parse(sentence, films())) == read


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("no smoking", "no_smoking=true"),
        ("pets are not allowed", "pets_allowed!=true"),
        ("pets", "pets_allowed=true"),
        ("no pets", "pets_allowed!=true"),
        ("breakfast is included", "breakfast_included=yes"),
        ("breakfast isn't included", "breakfast_included!=yes"),
    ],
)
def test_yes_and_no_in_the_words_people_use(sentence: str, read: str) -> None:
    assert shown(parse(sentence, hotels())) == read


def test_older_is_less_of_a_year_and_more_of_an_age() -> None:
    ages = [{"item_id": f"i{n}", "title": f"t{n}", "age": n} for n in range(60)]
    years = [{"item_id": f"i{n}", "title": f"t{n}", "year": 1960 + n} for n in range(60)]
    of_age, of_year = (Vocabulary(Catalogue.from_records(records)) for records in (ages, years))
    assert shown(parse("older than 40", of_age)) == "age>40"
    assert shown(parse("not older than 40", of_age)) == "age<=40"
    assert shown(parse("younger than 40", of_age)) == "age<40"
    assert shown(parse("older than 1990", of_year)) == "year<1990"
    assert shown(parse("younger than 1990", of_year)) == "year>1990"


def test_a_shop_of_books_and_games_knows_them_as_departments() -> None:
    records = [
        {"item_id": f"i{n}", "title": f"t{n}", "department": ("Books", "Games", "Music")[n % 3], "price": n}
        for n in range(60)
    ]
    vocabulary = Vocabulary(Catalogue.from_records(records))
    assert shown(parse("books or games under $20", vocabulary)) == "department=Books/Games; price<20"
    assert shown(parse("anything but books", vocabulary)) == "department!=Books"
