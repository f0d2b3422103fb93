"""Search as one types: what each step finds, and in which order."""

import numpy as np
import pytest

from index.catalog import Catalogue
from service.browse.title_search import TitleSearch
from service.browse.words import fold

FILMS = [
    ("Alien 3", "David Fincher", ["Horror"]),
    ("Alien", "Ridley Scott", ["Horror"]),
    ("Aliens", "James Cameron", ["Action"]),
    ("The Lord of the Rings", "Peter Jackson", ["Fantasy"]),
    ("The Godfather", "Francis Ford Coppola", ["Crime"]),
    ("The Shawshank Redemption", "Frank Darabont", ["Drama"]),
    ("Amélie", "Jean-Pierre Jeunet", ["Comedy"]),
    ("Seven Samurai", "Akira Kurosawa", ["Action"]),
]


@pytest.fixture(scope="module")
def films() -> TitleSearch:
    records = [
        {"item_id": f"f{n}", "title": title, "director": director, "genres": genres, "year": 1980 + n}
        for n, (title, director, genres) in enumerate(FILMS)
    ]
    return TitleSearch(Catalogue.from_records(records))


def found(search: TitleSearch, query: str, limit: int = 10) -> list[tuple[str, str]]:
    return [(FILMS[match.row][0], match.by) for match in search.find(query, limit)]


def test_the_exact_title_comes_first_then_short_ones_that_begin_with_the_query(films: TitleSearch) -> None:
    assert found(films, "alien") == [("Alien", "title"), ("Aliens", "title"), ("Alien 3", "title")]


def test_the_steps_stop_at_the_limit(films: TitleSearch) -> None:
    assert found(films, "alien", 2) == [("Alien", "title"), ("Aliens", "title")]


def test_words_are_found_in_any_order_and_by_how_they_begin(films: TitleSearch) -> None:
    assert found(films, "ring lor") == [("The Lord of the Rings", "title")]


def test_a_word_may_be_of_a_value(films: TitleSearch) -> None:
    assert found(films, "scott alien") == [("Alien", "attributes")]
    assert found(films, "action") == [("Aliens", "attributes"), ("Seven Samurai", "attributes")]


def test_a_space_may_be_where_none_is(films: TitleSearch) -> None:
    assert found(films, "god father") == [("The Godfather", "spelling")]


@pytest.mark.parametrize("query", ["shawshenk", "shwashank", "redemtion", "shavshenk redemptio"])
def test_slips_of_the_pen_are_forgiven(films: TitleSearch, query: str) -> None:
    assert found(films, query) == [("The Shawshank Redemption", "spelling")]


def test_a_short_word_must_be_right(films: TitleSearch) -> None:
    assert found(films, "ax") == []
    assert found(films, "axi") == []


@pytest.mark.parametrize("query", ["AMÉLIE", "amelie", "Ame\u0301lie", "  amelie!"])
def test_case_accents_and_punctuation_do_not_count(films: TitleSearch, query: str) -> None:
    assert found(films, query) == [("Amélie", "title")]


def test_nothing_typed_finds_anything(films: TitleSearch) -> None:
    assert found(films, " ", 2) == [("Alien 3", "title"), ("Alien", "title")]


def test_what_is_like_nothing_finds_nothing(films: TitleSearch) -> None:
    assert found(films, "zzzzzz") == []


def test_rows_that_are_not_alive_are_not_found(films: TitleSearch) -> None:
    alive = np.ones(len(FILMS), dtype=bool)
    alive[1] = False
    assert [match.row for match in films.find("alien", 10, alive)] == [2, 0]
    assert [match.row for match in films.find("", 3, alive)] == [0, 2, 3]


def test_an_item_without_title_is_found_by_its_values_alone() -> None:
    search = TitleSearch(Catalogue.from_records([{"item_id": "x", "brand": "Acme"}]))
    assert search.find("acme", 5) == [(0, "attributes")]
    assert search.find("x", 5) == []


def test_fold() -> None:
    assert fold("  Ça va—«Straße» 2! ") == "ca va strasse 2"
