"""A seeded taste simulator: invented people, and the films of the bundled catalogue they watch in turn.

What it assumes beyond `demo.world`:

1. A person has one to three tastes (facets). One is active at a time; now and then another becomes active,
   and now and then a facet of the last film replaces the active one (drift).
2. A person has one favourite mood.
3. The next film is the sequel of the last one, or is drawn in proportion to
   fame x mood x (taste + likeness to the last film + a little noise).
   Nobody watches a film twice, or a sequel before the film it follows.

Films are sorted by id before anything is drawn, so the order of lines in the catalogue changes nothing. The
draws use only random integers and uniforms, sums, products and divisions (no exp, no log), so that one seed
gives the same bytes on every machine with the same numpy.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from demo.catalogue import Film, load_films, load_series
from demo.world import MOODS, World, build_world

DATASET_NAME = "demo-films"
TEXT_FIELDS = ("title", "themes", "genres")  # 19 MiniLM tokens an item on average
FIRST_DAY = 1_735_689_600  # 2025-01-01T00:00:00Z: after every film of the catalogue came out
HOUR = 3_600  # seconds
DAY = 24 * HOUR


@dataclass(frozen=True)
class Habits:
    """How the invented people behave. Weights are relative to 1: a film that fits the active taste."""

    shortest: int = 5  # films
    longest: int = 20  # films
    stop: float = 0.2  # chance to stop after each film beyond the shortest: about 9 films on average
    favourite_mood: float = 3.0  # how much likelier films of the favourite mood are
    other_taste: float = 0.12  # weight of each of the person's tastes, active or not
    likeness: float = (
        0.6  # weight of each facet shared with the last film, among films that fit the active taste
    )
    noise: float = 0.01  # weight of every film, whatever the taste
    sequel: float = 0.45  # chance to go straight on to the sequel
    switch: float = 0.15  # chance that one of the person's tastes becomes the active one
    drift: float = 0.08  # chance that a facet of the last film replaces the active taste


class Person(NamedTuple):
    """One history: rows into the films sorted by id, and when each was watched (epoch seconds, rising)."""

    rows: tuple[int, ...]
    times: tuple[int, ...]


def draw(weights: np.ndarray, rng: np.random.Generator) -> int:
    """An index with probability proportional to its weight [n]."""
    edges = np.cumsum(weights)
    return int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))


class Viewer:
    """A person in the middle of a history: what they like, and what they have seen so far."""

    def __init__(self, world: World, habits: Habits, rng: np.random.Generator) -> None:
        self.world, self.habits, self.rng = world, habits, rng
        mood = int(rng.integers(MOODS))
        self.charm = world.fame * np.where(world.mood == mood, habits.favourite_mood, 1.0)  # [I]
        self.unseen = np.ones(len(world.fame), dtype=bool)  # [I]
        self.rows: list[int] = []
        self.tastes = [draw(world.facet_odds, rng) for _ in range(int(rng.integers(1, 4)))]
        self.active = 0
        self.settle()

    def settle(self) -> None:
        """How the tastes of this moment weigh each film, float64 [I]: by itself, and after a film like it."""
        fits = self.world.facets[self.tastes[self.active]]  # [I]
        others = self.world.facets[self.tastes].sum(axis=0)  # [n, I] -> [I]
        self.alone = self.charm * (self.habits.noise + fits + self.habits.other_taste * others)
        self.beside = self.charm * (self.habits.likeness * fits)

    def watch(self) -> None:
        """Watch one more film, then let the tastes move."""
        row = self.choose()
        self.unseen[row] = False
        self.rows.append(row)
        own = np.flatnonzero(self.world.facets[:, row])
        if self.rng.random() < self.habits.drift and len(own):
            self.tastes[self.active] = int(own[self.rng.integers(len(own))])
        if self.rng.random() < self.habits.switch:
            self.active = int(self.rng.integers(len(self.tastes)))
        self.settle()

    def choose(self) -> int:
        """The next film: the sequel of the last one, or a draw by taste and likeness (rule 3 above)."""
        weights = self.alone
        if self.rows:
            last = self.rows[-1]
            sequel = int(self.world.after[last])
            if sequel >= 0 and self.unseen[sequel] and self.rng.random() < self.habits.sequel:
                return sequel
            weights = weights + self.beside * self.world.likeness[last]
        row = draw(weights * self.unseen, self.rng)
        while (earlier := int(self.world.before[row])) >= 0 and self.unseen[earlier]:
            row = earlier
        return row


def simulate_person(world: World, habits: Habits, rng: np.random.Generator) -> Person:
    """One history of different films, with between three hours and twelve days from one to the next."""
    length = habits.shortest
    while length < habits.longest and rng.random() >= habits.stop:
        length += 1
    viewer = Viewer(world, habits, rng)
    for _ in range(length):
        viewer.watch()
    start = FIRST_DAY + int(rng.integers(300 * DAY))
    gaps = rng.integers(3 * HOUR, 12 * DAY, size=length)
    return Person(tuple(viewer.rows), tuple(start + int(gap) for gap in np.cumsum(gaps)))


def simulate(
    films: Sequence[Film],
    series: Mapping[str, Sequence[str]],
    users: int,
    seed: int,
    habits: Habits | None = None,
) -> list[Person]:
    """`users` histories; rows index the films sorted by id. Person n depends on the seed and n alone."""
    films = sorted(films, key=lambda film: film.item_id)
    world = build_world(films, series, np.random.default_rng([seed, 0]))
    habits = habits or Habits()
    return [simulate_person(world, habits, np.random.default_rng([seed, 1, n])) for n in range(users)]


def write_demo(folder: Path, users: int = 3000, seed: int = 7) -> None:
    """Write the canonical data folder: items.jsonl, interactions.csv, dataset.json.

    Written in a temporary folder beside the target and renamed at the end: `folder` is whole or absent.
    Raises FileExistsError when `folder` is there already, ValueError when users < 1 or seed < 0.
    """
    if users < 1 or seed < 0:
        raise ValueError(f"users must be at least 1 and seed at least 0, not users={users}, seed={seed}")
    if folder.exists():
        raise FileExistsError(f"{folder} is there already; remove it to simulate again")
    films = load_films()
    people = simulate(films, load_series(), users, seed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write_files(staging, films, people)
        staging.chmod(0o755)  # mkdtemp makes it readable by its owner alone
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def write_files(folder: Path, films: Sequence[Film], people: Sequence[Person]) -> None:
    """The three files of the canonical layout, into an existing folder; `films` sorted by id."""
    items = [json.dumps(asdict(film), ensure_ascii=False) for film in films]
    interactions = ["user_id,item_id,timestamp"]
    for number, person in enumerate(people, start=1):
        for row, time in zip(person.rows, person.times, strict=True):
            interactions.append(f"u{number:05d},{films[row].item_id},{time}")
    info = {"name": DATASET_NAME, "timestamp": "epoch_seconds", "text": list(TEXT_FIELDS)}
    files = {"items.jsonl": items, "interactions.csv": interactions, "dataset.json": [json.dumps(info)]}
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
