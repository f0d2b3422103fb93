"""The simulator: one seed gives one set of bytes, and its people behave as its docstring says."""

import csv
import json
import time
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from demo import simulator
from demo.catalogue import Film, load_films, load_series
from demo.simulator import FIRST_DAY, Habits, Person, Viewer, simulate, write_demo
from demo.world import build_world

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


def two_themes() -> list[Film]:
    """Ten films, rows 0-4 on heists and 5-9 on war, with nothing in common."""
    return [
        Film(f"{theme}-{n}", theme, 2000, (), f"{theme} {n}", "English", 100, (theme,))
        for theme in ("heist", "war")
        for n in range(5)
    ]


STEADY = Habits(shortest=4, longest=4, noise=0.0, drift=0.0, switch=0.0, other_taste=0.0)


def both_themes(person: Person) -> bool:
    return len({row // 5 for row in person.rows}) == 2


def test_without_noise_drift_and_switching_a_history_keeps_to_one_taste() -> None:
    people = simulate(two_themes(), {}, users=50, seed=1, habits=STEADY)
    assert not any(both_themes(person) for person in people)


@pytest.mark.parametrize("habit", [{"switch": 1.0}, {"other_taste": 1.0}, {"noise": 1.0}])
def test_each_of_these_habits_mixes_the_themes(habit: dict[str, float]) -> None:
    people = simulate(two_themes(), {}, users=50, seed=1, habits=replace(STEADY, **habit))  # type: ignore[arg-type]
    assert any(both_themes(person) for person in people)


def test_drift_takes_up_a_facet_of_the_last_film() -> None:
    world = build_world(two_themes(), {}, np.random.default_rng(0))
    viewer = Viewer(world, replace(STEADY, noise=1e9, drift=1.0), np.random.default_rng(0))
    for _ in range(8):
        viewer.watch()  # so much noise that any film may be next
        assert world.facets[viewer.tastes[viewer.active], viewer.rows[-1]]


def test_the_sequel_comes_next_when_nothing_else_may() -> None:
    series = {"heists": [f"heist-{n}" for n in (3, 1, 4, 0)]}
    for person in simulate(two_themes(), series, users=20, seed=1, habits=replace(STEADY, sequel=1.0)):
        if 3 in person.rows:
            place = person.rows.index(3)
            assert person.rows[place : place + 4] == (3, 1, 4, 0)[: 4 - place]


def test_people_keep_to_their_favourite_mood() -> None:
    world = build_world(load_films(), {}, np.random.default_rng(3))
    for number in range(20):
        viewer = Viewer(world, Habits(favourite_mood=1e12, noise=1.0), np.random.default_rng(number))
        for _ in range(10):
            viewer.watch()
        assert len({int(world.mood[row]) for row in viewer.rows}) == 1


def test_films_like_the_last_one_come_next_more_often() -> None:
    """Sixteen heists; the first four share four facets more. A film of those four draws the others of the four."""
    alike = ("heist", "noir", "cars", "trains")
    films = [Film(f"{n:02d}", "", 2000, (), "A", "English", 100, alike) for n in range(4)]
    films += [Film(f"{n:02d}", "", 2000, (), str(n), "English", 100, ("heist",)) for n in range(4, 16)]
    world = build_world(films, {}, np.random.default_rng(0))
    heist = next(facet for facet, members in enumerate(world.facets) if members.all())

    def share_of_the_four(likeness: float) -> float:
        viewer = Viewer(world, replace(STEADY, likeness=likeness), np.random.default_rng(0))
        viewer.tastes, viewer.active, viewer.rows = [heist], 0, [0]
        viewer.unseen[0] = False
        viewer.settle()
        return sum(viewer.choose() < 4 for _ in range(2000)) / 2000

    assert share_of_the_four(100.0) > 2 * share_of_the_four(0.0)
