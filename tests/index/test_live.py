"""A catalogue that changes, against a dict that changes with it: what is put is found, what is deleted is gone, and a
search gives exactly the k best that are there."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.catalog import Catalogue
from index.delta import Delta
from index.filters import compile_mask, parse_filter
from index.item_index import open_index
from index.live_catalogue import LiveCatalogue
from index.live_columns import Growing
from index.live_index import LiveIndex
from index.live_neighbours import Links, LiveNeighbours
from index.neighbours import Boosts, Neighbours

BRANDS = ("Acme", "Bolt", "acme ", "Zyx")
WIDTH = 3


def record(item_id: str, brand: str | None, price: float | None, genres: list[str]) -> dict[str, object]:
    return {"item_id": item_id, "title": f"the {item_id}", "brand": brand, "price": price, "genres": genres}


def vector(seed: int) -> np.ndarray:
    """One of few, so that scores tie."""
    return np.random.default_rng(seed % 5).integers(-2, 3, WIDTH).astype(np.float32)


BASE = [record(f"i{n}", BRANDS[n % 2], float(n), ["a", "b"] if n % 3 else ["a"]) for n in range(6)]
ITEM_IDS = st.sampled_from([f"i{n}" for n in range(9)])
RECORDS = st.builds(
    record,
    ITEM_IDS,
    st.sampled_from([*BRANDS, None]),
    st.sampled_from([None, 1.0, 2.5, 7.0]),
    st.lists(st.sampled_from(["a", "b", "C", "c"]), max_size=3),
)
CHANGES = st.lists(st.one_of(RECORDS, ITEM_IDS), max_size=15)  # a record is put, an id is deleted
FILTERS: list[dict[str, Any]] = [
    {"must": [{"key": "brand", "eq": "ACME"}]},
    {"must": [{"key": "price", "gte": 2}]},
    {"must_not": [{"key": "genres", "in": ["c", "b"]}]},
    {"must": [{"key": "brand", "exists": False}]},
    {"should": [{"key": "price", "lt": 1.5}, {"key": "brand", "in": ["zyx"]}]},
]


@dataclass
class World:
    """The catalogue under test, and the oracle: what is there, each with its vector, in the order of rows."""

    base: Catalogue = field(default_factory=lambda: Catalogue.from_records(BASE))
    there: dict[str, tuple[dict[str, object], np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.there = {str(one["item_id"]): (one, vector(n)) for n, one in enumerate(BASE)}
        self.vectors = np.stack([vector(n) for n in range(len(BASE))])
        self.delta = Delta(self.base.columns, WIDTH, 1)
        self.alive = np.ones(len(BASE), bool)

    def apply(self, change: dict[str, object] | str, seed: int) -> None:
        item_id = change if isinstance(change, str) else str(change["item_id"])
        alive = self.alive.copy()
        if (row := self.live.row(item_id)) is not None:
            alive[row] = False
        self.there.pop(item_id, None)
        if not isinstance(change, str):
            self.delta.append([change], vector(seed)[None], np.zeros((1, 1), np.float32), [[seed]])
            alive = np.append(alive, True)
            self.there[item_id] = (change, vector(seed))
        self.alive = alive

    @property
    def count(self) -> int:
        return len(self.alive) - len(BASE)

    @property
    def live(self) -> LiveCatalogue:
        return LiveCatalogue(self.base, self.delta, self.count, self.alive)

    @property
    def index(self) -> LiveIndex:
        return LiveIndex(open_index(self.vectors, "cpu"), self.delta.vectors(self.count), self.alive)

    def best(self, query: np.ndarray, k: int, allowed: set[str], lifted: dict[str, float]) -> list[str]:
        """Item ids by score, then by row."""
        scores = {
            i: float(v @ query) + lifted.get(i, 0.0) for i, (_, v) in self.there.items() if i in allowed
        }
        return sorted(scores, key=lambda i: (-scores[i], self.live.row(i)))[:k]


@settings(max_examples=150, deadline=None)
@given(changes=CHANGES, k=st.integers(1, 12), seed=st.integers(0, 9), data=st.data())
def test_a_changing_catalogue_is_searched_like_a_dict_that_changes(
    changes: list[dict[str, object] | str], k: int, seed: int, data: st.DataObject
) -> None:
    world = World()
    for number, change in enumerate(changes):
        world.apply(change, number)
    live, query = world.live, vector(seed)
    conditions = data.draw(st.sampled_from([None, *FILTERS]))
    allowed, mask = set(world.there), None
    if conditions is not None:
        mask = compile_mask(parse_filter(conditions, live.columns), live)
        settled = live.settled()
        kept = compile_mask(parse_filter(conditions, settled.columns), settled)
        allowed = {settled.item_ids[row] for row in np.flatnonzero(kept)}
    lifted = {i: 1.0 + n for n, i in enumerate(sorted(world.there)) if data.draw(st.booleans())}
    rows = np.array(sorted(live.rows(lifted)), np.int64)
    boosts = Boosts(rows, np.array([lifted[live.item_ids[row]] for row in rows], np.float32))
    found = world.index.search(query[None], k, [mask], [boosts])
    got = [live.item_ids[row] for row in found.rows[0] if row >= 0]
    assert got == world.best(query, k, allowed, lifted)
    assert found.allowed[0] == len(allowed)
    assert len(got) == min(k, len(allowed))


@settings(max_examples=100, deadline=None)
@given(changes=CHANGES)
def test_a_changing_catalogue_reads_like_one_made_of_what_is_left(
    changes: list[dict[str, object] | str],
) -> None:
    world = World()
    for number, change in enumerate(changes):
        world.apply(change, number)
    live = world.live
    assert {i: live.record(live.row(i)) for i in world.there} == {i: r for i, (r, _) in world.there.items()}
    assert all(live.row(f"i{n}") is None for n in range(9) if f"i{n}" not in world.there)
    settled, living = live.settled(), np.flatnonzero(world.alive)
    assert settled.item_ids == tuple(live.item_ids[row] for row in living)
    np.testing.assert_array_equal(live.numbers("price")[living], settled.numbers("price"))
    assert np.isnan(live.numbers("price")[~world.alive]).all()
    for name in ("brand", "genres"):
        np.testing.assert_array_equal(live.present(name)[living], settled.present(name))
        terms, plain = live.terms(name), settled.terms(name)
        assert not terms.present[~world.alive].any()
        for value in ("acme", "bolt", "zyx", "a", "b", "c", "none"):
            wanted = [settled.item_ids[row] for row in plain.rows_of(value)]
            assert [live.item_ids[row] for row in terms.rows_of(value)] == wanted
            code = terms.codes.get(value)
            carried = [] if code is None else terms.rows[terms.starts[code] : terms.starts[code + 1]]
            assert [live.item_ids[row] for row in carried] == wanted


def test_an_earlier_snapshot_stays_what_it_was() -> None:
    world = World()
    before, index = world.live, world.index
    for n in range(200):  # more than there is room for at first
        world.apply(record("new", "Zyx", 1.0, ["z"]), n)
    world.apply("i0", 0)
    assert len(before) == 6
    assert before.row("new") is None
    assert before.row("i0") == 0
    assert before.terms("brand").rows_of("zyx").tolist() == []
    assert sorted(index.search(np.ones((1, 3), np.float32), 6, [None]).rows[0]) == [0, 1, 2, 3, 4, 5]
    assert world.live.row("new") == 6 + 199
    assert world.live.terms("brand").rows_of("zyx").tolist() == [6 + 199]


def test_all_items_deleted_is_an_empty_answer() -> None:
    world = World()
    for n in range(6):
        world.apply(f"i{n}", n)
    found = world.index.search(np.ones((1, 3), np.float32), 4, [None])
    assert found.rows.tolist() == [[-1] * 4]
    assert found.allowed.tolist() == [0]


def test_ids_can_be_read_as_a_sequence() -> None:
    world = World()
    world.apply(record("new", None, None, []), 1)
    assert list(world.live.item_ids)[4:] == ["i4", "i5", "new"]
    assert world.live.item_ids[5:7] == ("i5", "new")
    with pytest.raises(IndexError, match=r"row 7 is not in 0\.\.6"):
        world.live.item_ids[7]


def test_masks_and_boosts_that_do_not_fit_are_refused() -> None:
    index = World().index
    query = np.ones((1, 3), np.float32)
    with pytest.raises(ValueError, match=r"bool \[6\]"):
        index.search(query, 1, [np.ones(5, bool)])
    with pytest.raises(ValueError, match=r"within 0\.\.5"):
        index.search(query, 1, [None], [Boosts(np.array([6]), np.ones(1, np.float32))])


def test_a_delta_takes_only_parts_that_agree() -> None:
    delta = World().delta
    vectors, texts = np.zeros((1, WIDTH), np.float32), np.zeros((1, 1), np.float32)
    with pytest.raises(ValueError, match="as many"):
        delta.append([record("x", None, None, [])], vectors, texts, [])
    with pytest.raises(ValueError, match="NaN"):
        delta.append([record("x", None, None, [])], vectors * np.nan, texts, [[1]])
    assert delta.newest("x", 10) is None
    assert len(delta.records) == 0


def test_rows_grow_and_their_views_stay() -> None:
    rows = Growing((2,), np.float32)
    rows.append(np.zeros((1, 2)))
    first = rows.first(1)
    rows.append(np.ones((100, 2)))
    assert first.tolist() == [[0, 0]]
    assert rows.first(101)[1:].tolist() == [[1, 1]] * 100
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 7


def test_neighbours_follow_their_item() -> None:
    """0 speaks for 1 (0.5) and 2 (0.25), 1 for 2 (1). Item 1 moves to row 3; row 4 is new, linked with 0; 2 goes."""
    base = Neighbours(
        np.array([0, 2, 3, 3]), np.array([1, 2, 2], np.int32), np.array([0.5, 0.25, 1], np.float32), decay=0.5
    )
    still = LiveNeighbours.of(base)
    assert still.boosts([0, 1]).rows.tolist() == [1, 2]
    assert still.boosts([0, 1]).values.tolist() == base.boosts([0, 1]).values.tolist() == [0.25, 1.125]
    links = {
        0: Links(np.array([4]), np.array([2], np.float32)),
        4: Links(np.array([0]), np.array([3], np.float32)),
    }
    moved = LiveNeighbours(base, np.array([0, 1, 2, 1, 4]), np.array([0, 3, -1, -1, 4]), links)
    boosts = moved.boosts(
        [3, 0]
    )  # item 1 speaks for 2, which is gone; 0 for item 1 in its new row, and for 4
    assert boosts.rows.tolist() == [3, 4]
    assert boosts.values.tolist() == [0.5, 2.0]
    assert moved.boosts([4, 3]).rows.tolist() == [0]
    assert moved.boosts([4, 3]).values.tolist() == [1.5]
    assert moved.parts([4, 0], [0, 3, 4]).tolist() == [[1.5, 0, 0], [0, 0.5, 2.0]]
    assert moved.boosts([]).rows.tolist() == []
    with pytest.raises(IndexError, match=r"0\.\.4"):
        moved.boosts([5])
