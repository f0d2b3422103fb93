"""The bundled film catalogue: `films.jsonl`, `series.json` and the closed vocabulary they are written in.

Every line of `films.jsonl` is a plain fact sheet written for this project; no description is copied from
anywhere. `series.json` names the sets of films that people watch in order: it feeds the simulator and never
reaches item text. Reading is strict: a genre or theme outside `vocabulary.json` is an error, so that a typo
cannot become a new genre.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
FILMS_PATH = HERE / "films.jsonl"
SERIES_PATH = HERE / "series.json"
VOCABULARY_PATH = HERE / "vocabulary.json"


class CatalogueError(ValueError):
    """A line of the bundled catalogue breaks its rules; the text names file, line and rule."""


class Vocabulary(NamedTuple):
    """The only genres and themes a film may have."""

    genres: frozenset[str]
    themes: frozenset[str]


@dataclass(frozen=True)
class Film:
    """One film. `runtime` is in minutes, `year` that of the first release, `language` the main one spoken."""

    item_id: str
    title: str
    year: int
    genres: tuple[str, ...]
    director: str
    language: str
    runtime: int
    themes: tuple[str, ...]


def slug(title: str, year: int) -> str:
    """The item id of a film: its title in lower-case ASCII words joined by hyphens, then the year."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-") + f"-{year}"


def parse_film(record: dict[str, Any], vocabulary: Vocabulary) -> Film:
    """A film from one JSON object. Raises CatalogueError when a field or a rule is broken."""
    try:
        film = Film(**{**record, "genres": tuple(record["genres"]), "themes": tuple(record["themes"])})
    except (KeyError, TypeError) as error:
        raise CatalogueError(f"not the fields of a film: {error}") from error
    if film.item_id != slug(film.title, film.year):
        raise CatalogueError(f"item_id must be {slug(film.title, film.year)}, not {film.item_id}")
    if unknown := (set(film.genres) - vocabulary.genres) | (set(film.themes) - vocabulary.themes):
        raise CatalogueError(f"{film.item_id}: not in the vocabulary: {', '.join(sorted(unknown))}")
    return film


def load_vocabulary(path: Path = VOCABULARY_PATH) -> Vocabulary:
    """The closed lists of genres and themes."""
    lists = json.loads(path.read_text(encoding="utf-8"))
    return Vocabulary(frozenset(lists["genres"]), frozenset(lists["themes"]))


def load_films(path: Path = FILMS_PATH) -> tuple[Film, ...]:
    """All films sorted by item id, whatever the order of lines. Raises CatalogueError with file and line."""
    vocabulary = load_vocabulary()
    films: dict[str, Film] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            film = parse_film(json.loads(line), vocabulary)
        except ValueError as error:  # a CatalogueError, or JSON that does not parse
            raise CatalogueError(f"{path}:{number}: {error}") from error
        if film.item_id in films:
            raise CatalogueError(f"{path}:{number}: {film.item_id} appears twice")
        films[film.item_id] = film
    return tuple(films[item_id] for item_id in sorted(films))


def load_series(path: Path = SERIES_PATH) -> dict[str, tuple[str, ...]]:
    """Series name -> its films' ids in the order people watch them."""
    return {name: tuple(ids) for name, ids in json.loads(path.read_text(encoding="utf-8")).items()}
