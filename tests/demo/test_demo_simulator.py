"""The simulator: one seed gives one set of bytes, and its people behave as its docstring says."""

import csv
import json
import time
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from demo import simulator
from demo.catalogue import Film, load_films, load_series
from demo.simulator import FIRST_DAY, Habits, Person, simulate, write_demo

FILES = ("dataset.json", "interactions.csv", "items.jsonl")


def digest(folder: Path) -> str:
    return sha256(b"".join((folder / name).read_bytes() for name in FILES)).hexdigest()


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return simulate(load_films(), load_series(), users=1500, seed=7)


def test_same_seed_same_bytes_and_another_seed_other_bytes(tmp_path: Path) -> None:
    for name, seed in {"a": 7, "b": 7, "c": 8}.items():
        write_demo(tmp_path / name, users=50, seed=seed)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert digest(tmp_path / "a") != digest(tmp_path / "c")


def test_the_demo_is_written_in_under_five_seconds(tmp_path: Path) -> None:
    start = time.process_time()
    write_demo(tmp_path / "demo")
    assert time.process_time() - start < 5.0
    with (tmp_path / "demo" / "interactions.csv").open(encoding="utf-8") as file:
        assert len({row["user_id"] for row in csv.DictReader(file)}) == 3000


def test_folder_has_the_canonical_layout(tmp_path: Path) -> None:
    write_demo(tmp_path / "demo", users=20)
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == list(FILES)
    assert json.loads((tmp_path / "demo" / "dataset.json").read_text()) == {
        "name": "demo-films",
        "timestamp": "epoch_seconds",
        "text": ["title", "themes", "genres"],
    }
    items = [json.loads(line) for line in (tmp_path / "demo" / "items.jsonl").read_text().splitlines()]
    with (tmp_path / "demo" / "interactions.csv").open(encoding="utf-8") as file:
        interactions = list(csv.DictReader(file))
    assert list(interactions[0]) == ["user_id", "item_id", "timestamp"]
    assert {row["item_id"] for row in interactions} <= {item["item_id"] for item in items}
    last: dict[str, int] = {}
    for row in interactions:
        assert int(row["timestamp"]) > last.get(row["user_id"], FIRST_DAY)
        last[row["user_id"]] = int(row["timestamp"])
    assert len(last) == 20


def test_an_existing_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="demo is there already"):
        write_demo(tmp_path / "demo", users=5)
    assert [path.name for path in tmp_path.rglob("*.*")] == ["mine.txt"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(simulator, "write_files", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_demo(tmp_path / "demo", users=5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("users", "seed"), [(0, 7), (5, -1)])
def test_impossible_sizes_are_refused(tmp_path: Path, users: int, seed: int) -> None:
    with pytest.raises(ValueError, match=f"users={users}, seed={seed}"):
        write_demo(tmp_path / "demo", users=users, seed=seed)


def test_the_order_of_lines_changes_nothing(people: list[Person]) -> None:
    assert simulate(load_films()[::-1], load_series(), users=40, seed=7) == people[:40]


def test_histories_have_5_to_20_different_films_and_9_on_average(people: list[Person]) -> None:
    lengths = [len(person.rows) for person in people]
    assert min(lengths) == 5
    assert max(lengths) == 20
    assert 8.5 < sum(lengths) / len(lengths) < 9.5
    assert all(len(set(person.rows)) == len(person.rows) for person in people)


def test_nobody_watches_a_sequel_before_the_film_it_follows(people: list[Person]) -> None:
    films = load_films()
    pairs = [pair for ids in load_series().values() for pair in pairwise(ids)]
    together = 0
    for person in people:
        ids = [films[row].item_id for row in person.rows]
        for first, second in pairs:
            if second in ids:
                assert first in ids
                assert ids.index(first) < ids.index(second)
                together += 1
    assert together > 100


def test_popularity_has_a_long_tail(people: list[Person]) -> None:
    watched = [0] * len(load_films())
    for person in people:
        for row in person.rows:
            watched[row] += 1
    watched.sort(reverse=True)
    fifth = len(watched) // 5
    assert 0.35 < sum(watched[:fifth]) / sum(watched) < 0.75
    assert watched[-fifth] > 0


def themes_shared(a: Film, b: Film) -> bool:
    return bool(set(a.themes) & set(b.themes))


def test_neighbours_in_a_history_are_alike_far_above_chance(people: list[Person]) -> None:
    films = load_films()
    steps = [(films[a], films[b]) for person in people for a, b in pairwise(person.rows)]
    alike = sum(themes_shared(a, b) for a, b in steps) / len(steps)
    shuffled = [(a, b) for (a, _), (_, b) in zip(steps, steps[37:] + steps[:37], strict=True)]
    chance = sum(themes_shared(a, b) for a, b in shuffled) / len(shuffled)
    assert alike > 3 * chance
    assert alike < 0.9


def test_a_world_without_series_noise_or_drift_stays_in_one_facet() -> None:
    """Two themes with nothing in common: without noise every history keeps to one of them."""
    films = [
        Film(f"{theme}-{n}", theme, 2000, (), f"{theme} {n}", "English", 100, (theme,))
        for theme in ("heist", "war")
        for n in range(5)
    ]
    habits = Habits(shortest=4, longest=4, noise=0.0, drift=0.0, switch=0.0, other_taste=0.0)
    for person in simulate(films, {}, users=50, seed=1, habits=habits):
        assert len({row // 5 for row in person.rows}) == 1
