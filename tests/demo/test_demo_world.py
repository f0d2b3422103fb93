"""The simulator's world by hand: facets, odds, series and fame of a catalogue small enough to count."""

import numpy as np

from demo.catalogue import Film
from demo.world import build_world, draw_fame, facet_matrix, facets_of, series_links, taste_odds


def film(name: str, theme: str, director: str = "", language: str = "English", year: int = 1994) -> Film:
    return Film(name, name, year, ("Drama",), director or name, language, 100, (theme,))


def test_facets_are_themes_director_genre_by_decade_and_a_language_other_than_english() -> None:
    assert facets_of(film("ran", "samurai", "Akira Kurosawa", "Japanese", 1985)) == [
        ("theme", "samurai"),
        ("director", "Akira Kurosawa"),
        ("genre", "Drama of the 1980s"),
        ("language", "Japanese"),
    ]
    assert ("language", "English") not in facets_of(film("heat", "heist"))


def test_a_facet_of_three_films_is_nobodys_taste() -> None:
    films = [film(f"a{n}", "heist", year=1990) for n in range(4)] + [
        film(f"b{n}", "war", year=2000) for n in range(3)
    ]
    matrix, kinds = facet_matrix(films)
    assert kinds == ["genre", "theme"]
    assert matrix.astype(int).tolist() == [[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0]]


def test_a_kind_shares_its_odds_by_fame() -> None:
    facets = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0]], dtype=bool)
    fame = np.array([0.5, 0.25, 0.25, 9.0])
    # themes have odds 6, fame .75 and .25 of 1; directors have odds 1.5 and a single facet
    assert taste_odds(facets, ["theme", "theme", "director"], fame).tolist() == [4.5, 1.5, 1.5]


def test_series_links_point_to_the_neighbours() -> None:
    films = [film(name, "heist") for name in ("a", "b", "c", "d")]
    before, after = series_links(films, {"one": ["c", "a", "d"]})
    assert before.tolist() == [2, -1, -1, 0]
    assert after.tolist() == [3, -1, 0, -1]


def test_fame_is_one_over_rank_plus_twenty_and_favours_english_films() -> None:
    films = [film(f"e{n}", "heist") for n in range(50)] + [
        film(f"f{n}", "heist", language="French", year=1960) for n in range(50)
    ]
    fame = draw_fame(films, np.zeros(100, dtype=bool), np.random.default_rng(0))
    assert sorted(fame, reverse=True) == [1.0 / (20 + rank) for rank in range(100)]
    assert fame[:50].mean() > 1.5 * fame[50:].mean()


def test_likeness_counts_shared_facets() -> None:
    films = [film(f"{theme}{n}", theme, year=1994) for theme in ("heist", "war") for n in range(4)]
    world = build_world(films, {}, np.random.default_rng(0))
    assert world.likeness[0].tolist() == [2, 2, 2, 2, 1, 1, 1, 1]  # the theme, and dramas of the 1990s
