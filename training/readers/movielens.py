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


class Table(NamedTuple):
    """One file of a release, and how its lines are cut: as CSV if it has a header, else at `separator`."""

    name: str
    encoding: str
    separator: str
    width: int
    header: str | None = None


class Release(NamedTuple):
    """The two files of a release that are read."""

    ratings: Table
    films: Table


RELEASES = (
    Release(
        Table("u.data", "latin-1", "\t", width=4),
        Table("u.item", "latin-1", "|", width=5 + len(GENRES_100K)),
    ),
    Release(
        Table("ratings.dat", "latin-1", "::", width=4),
        Table("movies.dat", "latin-1", "::", width=3),
    ),
    Release(
        Table("ratings.csv", "utf-8", ",", width=4, header="userId,movieId,rating,timestamp"),
        Table("movies.csv", "utf-8", ",", width=3, header="movieId,title,genres"),
    ),
)


class MovieLens:
    """One release in the folder `raw`. Raises DataError unless it holds the files of exactly one."""

    text: tuple[str, ...] = ("title", "year", "genres")

    def __init__(self, raw: Path) -> None:
        found = [release for release in RELEASES if all((raw / table.name).is_file() for table in release)]
        if len(found) != 1:
            pairs = ", or ".join(" and ".join(table.name for table in release) for release in RELEASES)
            raise DataError(raw, None, f"should hold the files of one MovieLens release: {pairs}")
        self._raw = raw
        self._release = found[0]

    def files(self) -> tuple[Path, ...]:
        """Ratings and films."""
        return tuple(self._raw / table.name for table in self._release)

    def interactions(self) -> Iterator[RawInteraction]:
        """One interaction a rating."""
        path = self._raw / self._release.ratings.name
        for line, row in _rows(path, self._release.ratings):
            yield RawInteraction(
                require_id(row[0], "user", path, line),
                require_id(row[1], "film", path, line),
                require_seconds(row[3], "timestamp", path, line),
            )

    def items(self) -> Iterator[dict[str, object]]:
        """One record a film: title, year (number), genres (list)."""
        path = self._raw / self._release.films.name
        for line, row in _rows(path, self._release.films):
            title, year = _split_title(row[1])
            yield {
                "item_id": require_id(row[0], "film", path, line),
                "title": title,
                "year": year,
                "genres": _flagged_genres(row[5:]) if len(row) > 3 else _listed_genres(row[2]),
            }


def _rows(path: Path, table: Table) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(decode_lines(path, table.encoding), start=1):
        if number == 1 and table.header:
            if line != table.header:
                raise DataError(path, 1, f"the header must be {table.header}, not {line[:80]!r}")
            continue
        try:
            row = next(csv.reader([line], strict=True)) if table.header else line.split(table.separator)
        except csv.Error as error:
            raise DataError(path, number, f"is not one line of CSV ({error})") from error
        if len(row) != table.width:
            raise DataError(path, number, f"has {len(row)} fields, not {table.width}")
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
