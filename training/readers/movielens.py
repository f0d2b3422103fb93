"""MovieLens (Harper & Konstan 2015) in its three layouts, told apart by their files.

- 100k: `u.data` (tabs) and `u.item` (pipes, Latin-1, one flag a genre)
- 1M:   `ratings.dat` and `movies.dat` (`::`, Latin-1)
- 32M:  `ratings.csv` and `movies.csv` (CSV with a header, UTF-8); the small, 20M and 25M releases look the
  same

Every rating is an interaction, whatever its value: that a film was watched is the event. Titles lose their
year, which becomes a number, and get their article back in front ("Matrix, The (1999)" is "The Matrix",
1999).
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from training.lines import DataError, decode_lines
from training.readers.records import RawInteraction, require_id, require_seconds

# In the order of u.genre; its first entry, "unknown", says nothing about a film.
# fmt: off
GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on
NO_GENRES = "(no genres listed)"
YEAR = re.compile(r"\s*\((\d{4})(?:\s*[-\u2013]\s*(?:\d{4})?)?\)\s*$")
ARTICLE_LAST = re.compile(r"(?P<title>.+), (?P<article>The|A|An)(?P<rest>(?: \(.*\))?)")


class Layout(NamedTuple):
    """Where a release keeps its ratings and films, and how their lines are cut.

    `separator` None means CSV with a header.
    """

    ratings: str
    movies: str
    encoding: str
    ratings_separator: str | None
    movies_separator: str | None
    movies_width: int


LAYOUTS = (
    Layout("u.data", "u.item", "latin-1", "\t", "|", 5 + len(GENRES_100K)),
    Layout("ratings.dat", "movies.dat", "latin-1", "::", "::", 3),
    Layout("ratings.csv", "movies.csv", "utf-8", None, None, 3),
)


class MovieLens:
    """One release in the folder `raw`.

    Raises DataError if it holds the files of no layout, or of more than one.
    """

    text: tuple[str, ...] = ("title", "year", "genres")

    def __init__(self, raw: Path) -> None:
        found = [
            layout
            for layout in LAYOUTS
            if (raw / layout.ratings).is_file() and (raw / layout.movies).is_file()
        ]
        if len(found) != 1:
            pairs = ", or ".join(f"{layout.ratings} and {layout.movies}" for layout in LAYOUTS)
            raise DataError(raw, None, f"should hold the files of one MovieLens release: {pairs}")
        self._layout = found[0]
        self._ratings = raw / self._layout.ratings
        self._movies = raw / self._layout.movies

    def files(self) -> tuple[Path, ...]:
        """Ratings and films."""
        return (self._ratings, self._movies)

    def interactions(self) -> Iterator[RawInteraction]:
        """One interaction a rating."""
        path, layout = self._ratings, self._layout
        for line, row in _rows(path, layout.encoding, layout.ratings_separator, width=4):
            yield RawInteraction(
                require_id(row[0], "user", path, line),
                require_id(row[1], "film", path, line),
                require_seconds(row[3], "timestamp", path, line),
            )

    def items(self) -> Iterator[dict[str, object]]:
        """One record a film: title, year (number), genres (list)."""
        path, layout = self._movies, self._layout
        for line, row in _rows(path, layout.encoding, layout.movies_separator, layout.movies_width):
            title, year = _split_title(row[1])
            yield {
                "item_id": require_id(row[0], "film", path, line),
                "title": title,
                "year": year,
                "genres": _flagged_genres(row[5:]) if len(row) > 3 else _listed_genres(row[2]),
            }


def _rows(path: Path, encoding: str, separator: str | None, width: int) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(decode_lines(path, encoding), start=1):
        if separator is None and number == 1:
            continue  # the header
        try:
            row = line.split(separator) if separator else next(csv.reader([line], strict=True))
        except csv.Error as error:
            raise DataError(path, number, f"is not one line of CSV ({error})") from error
        if len(row) != width:
            raise DataError(path, number, f"has {len(row)} fields, not {width}")
        yield number, row


def _split_title(text: str) -> tuple[str | None, int | None]:
    match = YEAR.search(text)
    title = (text[: match.start()] if match else text).strip()
    if article := ARTICLE_LAST.fullmatch(title):
        title = f"{article['article']} {article['title']}{article['rest']}"
    return (title if title not in ("", "unknown") else None), (int(match.group(1)) if match else None)


def _flagged_genres(flags: list[str]) -> list[str]:
    return [
        genre for genre, flag in zip(GENRES_100K, flags, strict=True) if flag == "1" and genre != "unknown"
    ]


def _listed_genres(text: str) -> list[str]:
    return [genre for genre in text.strip().split("|") if genre and genre != NO_GENRES]
