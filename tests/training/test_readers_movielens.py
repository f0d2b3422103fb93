"""Readers of MovieLens: each release becomes records, what is malformed is named by its line."""

from pathlib import Path

import pytest

from training.lines import DataError
from training.readers.movielens import MovieLens


def u_item(film: str, title: str, released: str, *genres: int) -> str:
    flags = "|".join("1" if place in genres else "0" for place in range(19))
    return f"{film}|{title}|{released}||http://us.imdb.com/M/title-exact?{film}|{flags}\n"


def test_movielens_100k(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("196\t242\t3\t881250949\n186\t302\t3\t891717742\n")
    films = (
        u_item("1", "Toy Story (1995)", "01-Jan-1995", 3, 4, 5)
        + u_item("267", "unknown", "", 0)
        + u_item("543", "Mis\u00e9rables, Les (1995)", "01-Jan-1995", 8)
        + u_item("50", "Matrix, The (1999)", "31-Mar-1999", 1, 15, 16)
    )
    (tmp_path / "u.item").write_bytes(films.encode("latin-1"))
    dump = MovieLens(tmp_path)
    assert list(dump.interactions()) == [("196", "242", 881250949.0), ("186", "302", 891717742.0)]
    assert list(dump.items()) == [
        {
            "item_id": "1",
            "title": "Toy Story",
            "year": 1995,
            "genres": ["Animation", "Children's", "Comedy"],
        },
        {"item_id": "267", "title": None, "year": None, "genres": []},
        {"item_id": "543", "title": "Mis\u00e9rables, Les", "year": 1995, "genres": ["Drama"]},
        {"item_id": "50", "title": "The Matrix", "year": 1999, "genres": ["Action", "Sci-Fi", "Thriller"]},
    ]


def test_movielens_1m(tmp_path: Path) -> None:
    (tmp_path / "ratings.dat").write_text("1::1193::5::978300760\n")
    (tmp_path / "users.dat").write_text("1::F::1::10::48067\n")
    (tmp_path / "movies.dat").write_bytes(
        "1::Toy Story (1995)::Animation|Children's|Comedy\n"
        "2::City of Lost Children, The (Cit\u00e9 des enfants perdus, La) (1995)::Adventure\n".encode(
            "latin-1"
        )
    )
    dump = MovieLens(tmp_path)
    assert list(dump.interactions()) == [("1", "1193", 978300760.0)]
    assert list(dump.items()) == [
        {
            "item_id": "1",
            "title": "Toy Story",
            "year": 1995,
            "genres": ["Animation", "Children's", "Comedy"],
        },
        {
            "item_id": "2",
            "title": "The City of Lost Children (Cit\u00e9 des enfants perdus, La)",
            "year": 1995,
            "genres": ["Adventure"],
        },
    ]


def test_movielens_32m(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,17,4.0,944249077\n")
    (tmp_path / "links.csv").write_text("movieId,imdbId,tmdbId\n")
    (tmp_path / "movies.csv").write_text(
        "movieId,title,genres\n"
        '11,"American President, The (1995)",Comedy|Drama|Romance\n'
        '12,"""Great Performances"" Cats (1998) ",Musical\n'
        "13,Fr\u00e4ulein (2016\u20132019),(no genres listed)\n"
        "14,Babylon 5,Sci-Fi\n",
        encoding="utf-8",
    )
    dump = MovieLens(tmp_path)
    assert list(dump.interactions()) == [("1", "17", 944249077.0)]
    assert list(dump.items()) == [
        {
            "item_id": "11",
            "title": "The American President",
            "year": 1995,
            "genres": ["Comedy", "Drama", "Romance"],
        },
        {"item_id": "12", "title": '"Great Performances" Cats', "year": 1998, "genres": ["Musical"]},
        {"item_id": "13", "title": "Fr\u00e4ulein", "year": 2016, "genres": []},
        {"item_id": "14", "title": "Babylon 5", "year": None, "genres": ["Sci-Fi"]},
    ]


HEADER_32M = "userId,movieId,rating,timestamp\n"


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        ("1,17,4.0,944249077\n", "ratings.csv:1: the header must be userId,movieId,rating,timestamp, not"),
        (HEADER_32M + "1,17,4.0\n", "ratings.csv:2: has 3 fields, not 4"),
        (HEADER_32M + "1,17,4.0,9\n\n", "ratings.csv:3: has 0 fields, not 4"),
        (HEADER_32M + '1,"17,4.0,9\n', "ratings.csv:2: is not one line of CSV"),
        (HEADER_32M + "1,,4.0,9\n", "ratings.csv:2: film is empty"),
        (HEADER_32M + "1,17,4.0,late\n", "ratings.csv:2: timestamp must be a finite number, not 'late'"),
    ],
)
def test_a_bad_rating_is_named_by_its_line(tmp_path: Path, ratings: str, message: str) -> None:
    (tmp_path / "ratings.csv").write_text(ratings)
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n")
    with pytest.raises(DataError) as caught:
        list(MovieLens(tmp_path).interactions())
    assert message in str(caught.value)


def test_a_movielens_folder_holds_exactly_one_release(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").touch()
    with pytest.raises(DataError, match="should hold the files of one MovieLens release"):
        MovieLens(tmp_path)
    for name in ("movies.csv", "ratings.dat", "movies.dat"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="should hold the files of one MovieLens release"):
        MovieLens(tmp_path)
