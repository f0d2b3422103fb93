"""The bundled catalogue keeps its own rules, and a line that breaks them is refused with its number."""

import json
from collections import Counter
from pathlib import Path

import pytest

from demo.catalogue import FILMS_PATH, CatalogueError, load_films, load_series, load_vocabulary, slug

ALIEN = {
    "item_id": "alien-1979",
    "title": "Alien",
    "year": 1979,
    "genres": ["Science Fiction", "Horror"],
    "director": "Ridley Scott",
    "language": "English",
    "runtime": 117,
    "themes": ["space exploration", "creature", "survival"],
}


def test_size_and_uniqueness() -> None:
    films = load_films()
    lines = FILMS_PATH.read_text(encoding="utf-8").splitlines()
    assert len(films) == len(lines) == len(set(lines)) >= 1000
    assert len({(film.title.lower(), film.year) for film in films}) == len(films)


def test_every_film_is_complete_and_plausible() -> None:
    for film in load_films():
        assert 1920 <= film.year <= 2024, film
        assert 60 <= film.runtime <= 330, film
        assert 1 <= len(film.genres) <= 4, film
        assert 1 <= len(film.themes) <= 4, film
        assert len(set(film.genres)) == len(film.genres), film
        assert len(set(film.themes)) == len(film.themes), film
        assert film.director.strip() == film.director != "", film
        assert film.language.isalpha(), film


def test_every_word_of_the_vocabulary_is_used_and_every_theme_by_five_films() -> None:
    films, vocabulary = load_films(), load_vocabulary()
    assert {genre for film in films for genre in film.genres} == vocabulary.genres
    uses = Counter(theme for film in films for theme in film.themes)
    assert set(uses) == vocabulary.themes
    assert min(uses.values()) >= 5, uses.most_common()[-10:]
    assert uses["space opera"] >= 16


def test_the_catalogue_is_wide() -> None:
    films = load_films()
    decades = Counter(film.year // 10 * 10 for film in films)
    assert set(decades) == set(range(1920, 2030, 10))
    assert len({film.language for film in films}) >= 20
    assert Counter(film.language for film in films)["English"] / len(films) < 0.8


@pytest.mark.parametrize(
    ("title", "year", "expected"),
    [
        ("Alien", 1979, "alien-1979"),
        ("Schindler's List", 1993, "schindlers-list-1993"),
        ("Amélie", 2001, "amelie-2001"),
        ("Léon: The Professional", 1994, "leon-the-professional-1994"),
        ("2001: A Space Odyssey", 1968, "2001-a-space-odyssey-1968"),
    ],
)
def test_slug(title: str, year: int, expected: str) -> None:
    assert slug(title, year) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"item_id": "alien"}, "item_id must be alien-1979, not alien"),
        ({"genres": ["Sci-Fi"]}, "alien-1979: not in the vocabulary: Sci-Fi"),
        ({"themes": ["space"]}, "alien-1979: not in the vocabulary: space"),
        ({"country": "UK"}, "not the fields of a film: .*country"),
    ],
)
def test_a_line_that_breaks_a_rule_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "films.jsonl"
    path.write_text(json.dumps(ALIEN) + "\n" + json.dumps(ALIEN | change) + "\n")
    with pytest.raises(CatalogueError, match=f"films.jsonl:2: {message}"):
        load_films(path)


def test_a_missing_field_a_second_copy_and_broken_json_are_named(tmp_path: Path) -> None:
    path = tmp_path / "films.jsonl"
    short = {key: value for key, value in ALIEN.items() if key != "themes"}
    for second, message in [
        (json.dumps(short), "not the fields of a film: 'themes'"),
        (json.dumps(ALIEN), "alien-1979 appears twice"),
        ('{"item_id": ', "films.jsonl:2: Expecting value"),
    ]:
        path.write_text(json.dumps(ALIEN) + "\n" + second + "\n")
        with pytest.raises(CatalogueError, match=message):
            load_films(path)


def test_films_are_sorted_by_id_whatever_the_order_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "films.jsonl"
    path.write_text("\n".join(reversed(FILMS_PATH.read_text(encoding="utf-8").splitlines())))
    assert load_films(path) == load_films()


def test_series_are_of_known_films_in_the_order_of_release() -> None:
    films = {film.item_id: film for film in load_films()}
    members = [item_id for ids in load_series().values() for item_id in ids]
    assert len(members) == len(set(members))
    for name, ids in load_series().items():
        assert len(ids) >= 2, name
        years = [films[item_id].year for item_id in ids]
        assert years == sorted(years), name
