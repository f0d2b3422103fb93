"""Sentences about flats and books: areas, rents, yes and no by "un", authors with short first names, and what is talk.

The two catalogues came last: the sentences were read once, and what was wrong was mended for all catalogues.
"""

from functools import cache

import pytest

from index.catalog import Catalogue
from service.constraints import Vocabulary, parse
from tests.service.constraints.catalogues import shown

DISTRICTS = ("Mitte", "Kreuzberg", "Neukölln", "Prenzlauer Berg", "Charlottenburg")
KINDS = ("apartment", "studio", "house", "loft", "penthouse")
FEATURES = ("garage", "garden", "cellar", "fireplace", "dishwasher", "parquet floor")
AUTHORS = (
    "Ursula K. Le Guin", "Agatha Christie", "Terry Pratchett", "Toni Morrison", "Haruki Murakami", "Jane Austen",
    "Stephen King",
)  # fmt: skip
GENRES = ("fantasy", "crime", "romance", "science fiction", "biography", "cookbook", "poetry")


@cache
def flats() -> Vocabulary:
    """Square metres, a rent, rooms and bedrooms, a lift in words."""
    return Vocabulary(
        Catalogue.from_records(
            {
                "item_id": f"f{n}",
                "title": f"flat {n}",
                "district": DISTRICTS[n % 5],
                "property_type": KINDS[n // 5 % 5],
                "rent_eur": 450 + 23 * n,
                "rooms": 1 + n % 6,
                "bedrooms": n % 4,
                "area_sqm": 25 + n % 90,
                "furnished": n % 2 == 0,
                "balcony": n % 3 == 0,
                "lift": "yes" if n % 4 else "no",
                "heating": ("gas", "district heating", "heat pump", "oil")[n % 4],
                "features": [FEATURES[(n + k) % 6] for k in range(1 + n % 3)],
                "energy_class": "ABCD"[n % 4],
            }
            for n in range(120)
        )
    )


@cache
def books() -> Vocabulary:
    """Publishers of which one is another's line, levels beside pages, departments of age."""
    return Vocabulary(
        Catalogue.from_records(
            {
                "item_id": f"k{n}",
                "title": f"book {n}",
                "author": AUTHORS[n * 3 % 7],
                "genre": [GENRES[n % 7]],
                "format": ("hardcover", "paperback", "ebook", "audiobook")[n % 4],
                "pages": 90 + 11 * n,
                "published": 1930 + n * 7 % 94,
                "language": ("English", "German", "French")[n % 3],
                "publisher": ("Penguin", "Harper", "Tor Books", "Penguin Classics")[n % 4],
                "price": 4 + n * 0.5,
                "age_group": ("children", "young adults", "adults")[n % 3],
                "reading_level": 1 + n % 5,
                "rating": 2 + n % 31 / 10,
            }
            for n in range(140)
        )
    )


@pytest.mark.parametrize(
    ("vocabulary", "sentence", "read"),
    [
        (flats(), "a studio in Mitte", "property_type=studio; district=Mitte"),
        (flats(), "anything but Neukolln", "district!=Neukölln"),
        (flats(), "2 or 3 rooms", "rooms>=2 <=2 | rooms>=3 <=3"),
        (flats(), "at least two bedrooms", "bedrooms>=2"),
        (flats(), "2-bedroom", "bedrooms>=2 <=2"),
        (flats(), "no more than 3 rooms", "rooms<=3"),
        (flats(), "under 900 euros a month", "rent_eur<900"),
        (flats(), "rent below 800", "rent_eur<800"),
        (flats(), "max rent 1000", "rent_eur<=1000"),
        (flats(), "between 700 and 1,000 EUR", "rent_eur>=700 <=1000"),
        (flats(), "at least 50 square metres", "area_sqm>=50"),
        (flats(), "more than 60 sqm", "area_sqm>60"),
        (flats(), "60 m2 or more", "area_sqm>=60"),
        (flats(), "furnished", "furnished=true"),
        (flats(), "unfurnished", "furnished!=true"),
        (flats(), "not furnished", "furnished!=true"),
        (flats(), "with a balcony", "balcony=true"),
        (flats(), "no balcony", "balcony!=true"),
        (flats(), "without a lift", "lift!=yes"),
        (flats(), "no oil heating", "heating!=oil"),
        (flats(), "heat pump", "heating=heat pump"),
        (
            flats(),
            "a house with a garden and a garage",
            "property_type=house; features=garden; features=garage",
        ),
        (
            flats(),
            "a house with neither a garage nor a cellar",
            "property_type=house; features!=garage; features!=cellar",
        ),
        (flats(), "either a loft or a penthouse", "property_type=loft/penthouse"),
        (
            flats(),
            "Kreuzberg or Mitte, not furnished, at most 1200",
            "district=Kreuzberg/Mitte; furnished!=true; rent_eur<=1200",
        ),
        (flats(), "cheap", "rent_eur low25"),
        (flats(), "the cheapest studio", "rent_eur low10; property_type=studio"),
        (flats(), "big", "area_sqm high25"),
        (flats(), "a large flat", "area_sqm high25"),
        (flats(), "small", "area_sqm low25"),
        (flats(), "not too big", "area_sqm not high25"),
        (flats(), "spacious and cheap", "area_sqm high25; rent_eur low25"),
        (flats(), "energy class A", "energy_class=A"),
        (flats(), "energy class A or B", "energy_class=A/B"),
        (flats(), "dishwasher would be nice", "~features=dishwasher"),
        (flats(), "I need a dishwasher", "features=dishwasher"),
        (books(), "a fantasy novel by Le Guin", "genre=fantasy; author=Ursula K. Le Guin"),
        (books(), "anything by Pratchett except ebooks", "author=Terry Pratchett; format!=ebook"),
        (books(), "no Stephen King", "author!=Stephen King"),
        (books(), "no King", "author!=Stephen King"),
        (books(), "by Agatha Christie or Jane Austen", "author=Agatha Christie/Jane Austen"),
        (books(), "not by Murakami", "author!=Haruki Murakami"),
        (books(), "crime but not by Christie", "genre=crime; author!=Agatha Christie"),
        (books(), "scifi", "genre=science fiction"),
        (books(), "sci-fi or fantasy", "genre=science fiction/fantasy"),
        (books(), "no romance please", "genre!=romance"),
        (books(), "a cook book", "genre=cookbook"),
        (books(), "cookbooks", "genre=cookbook"),
        (books(), "biographies under 300 pages", "genre=biography; pages<300"),
        (books(), "less than 200 pages", "pages<200"),
        (books(), "more than 500 pages", "pages>500"),
        (books(), "between 200 and 400 pages", "pages>=200 <=400"),
        (books(), "short", "pages low25"),
        (books(), "a long read", "pages high25"),
        (books(), "published after 2000", "published>2000"),
        (books(), "from the 1950s", "published>=1950 <=1959"),
        (books(), "before 1960", "published<1960"),
        (books(), "20th century", "published>=1900 <=1999"),
        (books(), "older than 1980", "published<1980"),
        (books(), "a classic", "published low25"),
        (books(), "recent", "published high25"),
        (books(), "newest", "published high10"),
        (books(), "in German", "language=German"),
        (books(), "not in English", "language!=English"),
        (books(), "German or French", "language=German/French"),
        (books(), "English only", "language=English"),
        (books(), "paperback under $20", "format=paperback; price<20"),
        (books(), "audio book", "format=audiobook"),
        (books(), "not an audiobook", "format!=audiobook"),
        (books(), "anything but audiobooks and ebooks", "format!=audiobook; format!=ebook"),
        (books(), "for children under $10", "age_group=children; price<10"),
        (books(), "for adults, not children", "age_group=adults; age_group!=children"),
        (books(), "for young adults", "age_group=young adults"),
        (books(), "by Penguin", "publisher=Penguin"),
        (books(), "from Penguin", "publisher=Penguin"),
        (books(), "no Penguin", "publisher!=Penguin"),
        (books(), "Penguin Classics", "publisher=Penguin Classics"),
        (books(), "highly rated", "rating high25"),
        (books(), "rated at least 4", "rating>=4"),
        (books(), "at least 4 stars", "rating>=4"),
        (
            books(),
            "neither poetry nor romance, in English, under 15 dollars",
            "genre!=poetry; genre!=romance; language=English; price<15",
        ),
        (books(), "I've read all of Austen, so none of hers", "author!=Jane Austen"),
        (books(), "more like Pratchett, less like King", "author=Terry Pratchett; author!=Stephen King"),
        (books(), "cheaper than 10", "price<10"),
        (books(), "the cheapest hardcover", "price low10; format=hardcover"),
        (books(), "expensive", "price high25"),
        (books(), "nothing published before 1990", "published>=1990"),
        (books(), "it has to be in French, but not a hardcover", "language=French; format!=hardcover"),
    ],
)
def test_what_a_sentence_asks(vocabulary: Vocabulary, sentence: str, read: str) -> None:
    constraint = parse(sentence, vocabulary)
    assert (shown(constraint), constraint.contradictions) == (read, ())


def test_what_a_book_is_about_is_said_by_words_of_everyday_talk_too() -> None:
    assert [phrase.text for phrase in parse("books about cooking", books()).phrases] == ["cooking"]
    assert parse("I am cooking", books()).phrases == ()


def test_an_author_who_is_not_there_is_reported() -> None:
    [missing] = parse("by Dan Brown", books()).contradictions
    assert (missing.kind, missing.words) == ("unknown_value", "Dan Brown")
