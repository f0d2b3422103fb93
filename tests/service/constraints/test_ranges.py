"""Numbers, units and ranges: what is read, and which column it is about."""

import pytest

from service.constraints import Vocabulary, parse
from tests.service.constraints.catalogues import films, games, laptops, recipes, shown


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("under two hours", "runtime<120"),
        ("at most an hour and a half", "runtime<=90"),
        ("no longer than two and a half hours", "runtime<=150"),
        ("1h30 or less", "runtime<=90"),
        ("over 2 hours 15 minutes", "runtime>135"),
        ("half an hour at least", "runtime>=30"),
        ("I only have 95 minutes, so not more than that", "runtime<=95"),
        ("between two hours and 150 minutes", "runtime>=120 <=150"),
        ("from 1998 at the latest", "year<=1998"),
        ("1998 at the earliest", "year>=1998"),
        ("between 90 and 120 minutes", "runtime>=90 <=120"),
        ("90-120 min", "runtime>=90 <=120"),
        ("from one to two hours", "runtime>=60 <=120"),
        ("a ninety-minute film", "runtime>=72 <=108"),
        ("about 100 minutes", "runtime>=80 <=120"),
        ("not under two hours", "runtime>=120"),
        ("nothing over 100 minutes", "runtime<=100"),
        ("shorter than 100 minutes", "runtime<100"),
        ("less than 2 hours long", "runtime<120"),
        ("from the 90s", "year>=1990 <=1999"),
        ("the nineties", "year>=1990 <=1999"),
        ("early 2000s", "year>=2000 <=2003"),
        ("late 80s", "year>=1987 <=1989"),
        ("20th century", "year>=1900 <=1999"),
        ("from this century", "year>=2000 <=2099"),
        ("in 1994 and after 2000", "year>=1994 <=1994; year>2000"),
        ("before the 80s", "year<1980"),
        ("after the 80s", "year>1989"),
        ("since the 80s", "year>=1980"),
        ("until the 70s", "year<=1979"),
        ("from the 80s or later", "year>=1980"),
        ("60s and earlier", "year<=1969"),
        ("not from the 80s", "year outside >=1980 <=1989"),
        ("from the 60s to the 70s", "year>=1960 <=1979"),
        ("newer than 2015", "year>2015"),
        ("not older than 1990", "year>=1990"),
        ("more recent than 1999", "year>1999"),
        ("2015 or newer", "year>=2015"),
        ("from 2010 onwards", "year>=2010"),
        ("in 1994", "year>=1994 <=1994"),
        ("pre-1970", "year<1970"),
        ("between 1980 and 1989", "year>=1980 <=1989"),
        ("before 1950 or after 2010", "year<1950 | year>2010"),
        ("after 1990 and before 2000", "year>1990; year<2000"),
    ],
)
def test_films(sentence: str, read: str) -> None:
    assert shown(parse(sentence, films())) == read


@pytest.mark.parametrize(
    ("vocabulary", "sentence", "read"),
    [
        (recipes(), "fewer than 300 calories", "calories<300"),
        (recipes(), "300-500 calories", "calories>=300 <=500"),
        (recipes(), "at least 30g of protein", "protein_g>=30"),
        (recipes(), "prep under 15 min", "prepMinutes<15"),
        (recipes(), "less than 10 minutes of prep", "prepMinutes<10"),
        (recipes(), "ready in under half an hour", "total_minutes<30"),
        (recipes(), "serves at least 6", "servings>=6"),
        (recipes(), "4 servings or more", "servings>=4"),
        (recipes(), "6 servings", "servings>=6 <=6"),
        (recipes(), "rated above 4", "rating>4"),
        (recipes(), "4+ stars", "rating>=4"),
        (laptops(), "at least 16 GB of RAM", "ram_gb>=16"),
        (laptops(), "under 1,000 euros", "price_eur<1000"),
        (laptops(), "$400-800", "price_eur>=400 <=800"),
        (laptops(), "from $700 up", "price_eur>=700"),
        (laptops(), "under twenty hundred bucks", "price_eur<2000"),
        (laptops(), "1k dollars at most", "price_eur<=1000"),
        (laptops(), "a budget of 900", "price_eur<=900"),
        (laptops(), "for 500 dollars", "price_eur<=500"),
        (laptops(), "cheaper than 700", "price_eur<700"),
        (laptops(), "over 500 and under 900", "price_eur>500; price_eur<900"),
        (laptops(), "lighter than 1500 g", "weight_kg<1.5"),
        (laptops(), "under 3 pounds", "weight_kg<1.36078"),
        (laptops(), "a 14 inch screen", "screen_inches>=14 <=14"),
        (laptops(), "price below 800", "price_eur<800"),
        (games(), "takes less than an hour", "playtime<60"),
        (games(), "complexity below 2.5", "complexity<2.5"),
    ],
)
def test_other_trades(vocabulary: Vocabulary, sentence: str, read: str) -> None:
    assert shown(parse(sentence, vocabulary)) == read


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("cheap", "price_eur low25"),
        ("the cheapest one", "price_eur low10"),
        ("something cheaper", "price_eur low50"),
        ("less expensive", "price_eur low50"),
        ("not too expensive", "price_eur not high25"),
        ("a light laptop", "weight_kg low25"),
        ("big screen", "screen_inches high25"),
        ("preferably cheap", "~price_eur low25"),
        ("cheap, if possible", "~price_eur low25"),
    ],
)
def test_relative_words(sentence: str, read: str) -> None:
    assert shown(parse(sentence, laptops())) == read


def test_relative_words_go_by_what_a_column_is_of() -> None:
    assert shown(parse("popular games", games())) == "sales_rank low25"
    assert shown(parse("low complexity", games())) == "complexity low25"
    assert shown(parse("old and short", games())) == "year_published low25; playtime low25"
    assert shown(parse("high protein, low calorie", recipes())) == "protein_g high25; calories low25"
    assert shown(parse("something quick", recipes())) == "total_minutes low25"


def test_a_relative_word_that_belongs_to_another_is_none() -> None:
    assert shown(parse("about old people", films())) == ""
    assert shown(parse("old films", films())) == "year low25"


def test_what_no_column_holds_is_said() -> None:
    [contradiction] = parse("under $20", films()).contradictions
    assert (contradiction.kind, contradiction.words) == ("unknown_attribute", "under $20")
    assert contradiction.text == "No item of this catalogue has a price."
