"""Retrieval at its word, by property: random catalogues, filters, exclusions, boosts, puts and deletes against a plain
reading of the rules in Python and numpy, for every backend.

Exactly k allowed items come back, or all there are; never a forbidden, replaced or deleted one. An exact backend
returns the best of them in their order, an approximate one items that are allowed, rightly scored and ordered, and
among them every boosted item that belongs there.
"""

from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import approximate
from index.catalog import Catalogue
from index.columns import ColumnKind
from index.delta import Delta
from index.filters import compile_mask, parse_filter
from index.item_index import ApproximateIndex, ExactIndex, GpuExactIndex, ItemIndex
from index.live_catalogue import LiveCatalogue
from index.live_index import LiveIndex
from index.neighbours import Boosts
from index.partition import Partition

RNG = np.random.default_rng
Record = dict[str, Any]

KINDS = {
    "brand": ColumnKind.CATEGORICAL,
    "tags": ColumnKind.LIST,
    "path": ColumnKind.PATH,
    "price": ColumnKind.NUMERIC,
    "about": ColumnKind.TEXT,
}
ABSENT = object()
VALUES: dict[str, list[Any]] = {
    "brand": ["Acme", "ACME ", "Bolt", "Orion", "", None, ABSENT],
    "tags": [["red"], ["red", "Blue"], ["blue", " "], [], None, ABSENT],
    "path": [["Home"], ["Home", "Kitchen"], ["Home", "Garden", "Tools"], ["Tools"], [], ABSENT],
    "price": [0, 1, 2.5, "2.5", 7, "unknown", None, ABSENT],
    "about": ["long", " ", None, ABSENT],
}
FIRST = {name: values[0] for name, values in VALUES.items()}  # one item has every column


def record(rng: np.random.Generator, item_id: str) -> Record:
    drawn = {name: values[rng.integers(len(values))] for name, values in VALUES.items()}
    return {"item_id": item_id} | {name: value for name, value in drawn.items() if value is not ABSENT}


TEXTS = {
    "brand": ["acme", "Bolt", "nobody"],
    "tags": ["RED", "blue", "green"],
    "path": ["home", "Kitchen", "tools"],
}
WORDS = st.sampled_from(sorted(TEXTS)).flatmap(
    lambda key: st.one_of(
        st.builds(lambda v: {"key": key, "eq": v}, st.sampled_from(TEXTS[key])),
        st.builds(
            lambda v: {"key": key, "in": v}, st.lists(st.sampled_from(TEXTS[key]), min_size=1, max_size=3)
        ),
    )
)
NUMBERS = st.sampled_from([-1, 0, 1, 2.5, 7, 9])
RANGES = st.one_of(
    st.builds(
        lambda bound, v: {"key": "price", bound: v}, st.sampled_from(["gte", "gt", "lte", "lt"]), NUMBERS
    ),
    st.builds(
        lambda low, high, v: {"key": "price", low: v, high: v + 2.5},
        st.sampled_from(["gte", "gt"]),
        st.sampled_from(["lte", "lt"]),
        NUMBERS,
    ),
)
EXISTS = st.builds(lambda key, v: {"key": key, "exists": v}, st.sampled_from(sorted(KINDS)), st.booleans())
EQUAL = st.builds(lambda v: {"key": "price", "in": v}, st.lists(NUMBERS, min_size=1, max_size=3))
CLAUSES = ("must", "should", "must_not")


def groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(parts, min_size=1, max_size=3)
    return st.fixed_dictionaries({}, optional=dict.fromkeys(CLAUSES, lists)).filter(bool)


FILTERS = groups(st.recursive(st.one_of(WORDS, RANGES, EXISTS, EQUAL), groups, max_leaves=6))


def fulfils(part: dict[str, Any], item: Record) -> bool:
    """A condition or a group on one record, written as plainly as possible."""
    if "key" not in part:
        return (
            all(fulfils(each, item) for each in part.get("must", []))
            and ("should" not in part or any(fulfils(each, item) for each in part["should"]))
            and not any(fulfils(each, item) for each in part.get("must_not", []))
        )
    value = item.get(part["key"])
    values = [each for each in (value if isinstance(value, list) else [value]) if each is not None]
    if part["key"] == "price":
        numbers = [float(each) for each in values if each != "unknown"]
        if "exists" in part:
            return bool(numbers) is part["exists"]
        if "in" in part:
            return any(number in part["in"] for number in numbers)
        return any(
            part.get("gte", -np.inf) <= number <= part.get("lte", np.inf)
            and part.get("gt", -np.inf) < number < part.get("lt", np.inf)
            for number in numbers
        )
    texts = {each.strip().lower() for each in values} - {""}
    if "exists" in part:
        return bool(texts) is part["exists"]
    return bool(texts & {each.lower() for each in part.get("in", [part.get("eq", "")])})


def partition_of(vectors: np.ndarray, rng: np.random.Generator) -> Partition:
    """Cells that say little: rows at random in one of four, of which one is read."""
    cell_of = rng.integers(0, 4, len(vectors))
    starts = np.concatenate([[0], np.cumsum(np.bincount(cell_of, minlength=4))])
    return Partition(
        centroids=rng.standard_normal((4, vectors.shape[1])).astype(np.float32),
        offsets=np.zeros(4, np.float32),
        starts=starts.astype(np.int64),
        rows=np.argsort(cell_of, kind="stable").astype(np.int32),
        longest=1.0,
        probes=1,
        recall=0.5,
    )


def exact(vectors: np.ndarray, rng: np.random.Generator) -> ItemIndex:
    return ExactIndex(vectors)


def in_cells(vectors: np.ndarray, rng: np.random.Generator) -> ItemIndex:
    return ApproximateIndex(vectors, partition_of(vectors, rng))


def on_gpu(vectors: np.ndarray, rng: np.random.Generator) -> ItemIndex:
    return GpuExactIndex(vectors)


BACKENDS = [
    pytest.param(exact, id="cpu-exact"),
    pytest.param(in_cells, id="cpu-approximate"),
    pytest.param(
        on_gpu,
        id="gpu",
        marks=pytest.mark.skipif(faiss.get_num_gpus() == 0, reason="needs faiss-gpu and a CUDA device"),
    ),
]
Backend = Callable[[np.ndarray, np.random.Generator], ItemIndex]


class World:
    """A catalogue that was put into, and deleted from, since it was indexed; and what should be in it by id."""

    def __init__(self, items: int, puts: list[int], deletes: list[int], backend: Backend, seed: int) -> None:
        rng = RNG(seed)
        records = [{"item_id": "0"} | FIRST, *(record(rng, str(n)) for n in range(1, items))]
        base = Catalogue.from_records(records, KINDS)
        delta = Delta(base.columns, 3, 3)
        vectors = rng.integers(-3, 4, (items, 3)).astype(np.float32)  # exact scores, and many ties
        alive = np.ones(items + len(puts), bool)
        self.live = {str(row): row for row in range(items)}
        self.records = list(records)
        for place, n in enumerate(puts):
            put, row = record(rng, str(n)), items + place
            vector = rng.integers(-3, 4, (1, 3)).astype(np.float32)
            delta.append([put], vector, vector, [[]])
            alive[self.live.get(str(n), row)] = False
            alive[row] = True
            self.live[str(n)] = row
            self.records.append(put)
        for n in deletes:
            if (row := self.live.pop(str(n), -1)) >= 0:
                alive[row] = False
        appended = delta.vectors(len(puts))
        self.vectors = np.concatenate([vectors, appended])  # [n + m, 3]
        self.alive = alive
        self.catalogue = LiveCatalogue(base, delta, len(puts), alive)
        self.index = LiveIndex(backend(vectors, rng), appended, alive)
        self.rng = rng


def check(world: World, data: st.DataObject) -> None:
    """Search a few queries of different masks and boosts in one batch, and hold each answer to the rules."""
    k = data.draw(st.integers(1, 30), label="k")
    queries = world.rng.integers(-3, 4, (3, 3)).astype(np.float32)
    masks: list[np.ndarray | None] = []
    boosts: list[Boosts | None] = []
    rights: list[dict[int, float]] = []  # of each query, the score of every row that may come back
    for query in queries:
        conditions = data.draw(st.none() | FILTERS, label="filter")
        excluded = data.draw(st.sets(st.integers(0, 60), max_size=4), label="excluded")
        rows = np.flatnonzero(world.rng.random(len(world.alive)) < data.draw(st.sampled_from([0, 0.1, 0.9])))
        added = Boosts(rows, world.rng.integers(0, 30, len(rows)).astype(np.float32))
        mask = world.alive.copy()
        if conditions is not None:
            mask &= compile_mask(parse_filter(conditions, world.catalogue.columns), world.catalogue)
        mask[[row for n in excluded if (row := world.catalogue.row(str(n))) is not None]] = False
        masks.append(mask if conditions is not None or excluded else None)
        boosts.append(added if len(rows) else None)
        right = {
            row: float(world.vectors[row] @ query)
            for item_id, row in world.live.items()
            if int(item_id) not in excluded
            and (conditions is None or fulfils(conditions, world.records[row]))
        }
        for row, value in zip(rows.tolist(), added.values.tolist(), strict=True):
            if row in right:
                right[row] += value
        rights.append(right)
    found = world.index.search(queries, k, masks, boosts)
    for b, right in enumerate(rights):
        best = sorted(right, key=lambda row: (-right[row], row))
        got = [row for row in found.rows[b].tolist() if row >= 0]
        assert found.allowed[b] == len(right)
        assert len(got) == len(set(got)) == min(k, len(right))
        assert found.scores[b, : len(got)].tolist() == [right[row] for row in got]
        if found.modes[b] != "approximate":
            assert got == best[:k]
            continue
        assert got == sorted(got, key=lambda row: (-right[row], row))
        lifted = [row for row in best[:k] if boosts[b] is not None and row in boosts[b].rows]  # type: ignore[union-attr]
        assert set(lifted) <= set(got)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_exactly_the_best_k_that_are_allowed(backend: Backend, data: st.DataObject) -> None:
    items = data.draw(st.integers(1, 60), label="items")
    numbers = st.integers(0, 60)
    puts = data.draw(st.lists(numbers, max_size=12), label="puts")
    deletes = data.draw(st.lists(numbers, max_size=12), label="deletes")
    seed = data.draw(st.integers(0, 2**32), label="seed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(approximate, "PER_RESULT", 1)  # or exact search would do all of so small a world
        patch.setattr(approximate, "SLACK", 1)
        check(World(items, puts, deletes, backend, seed), data)


def test_small_worlds_are_searched_in_cells_too() -> None:
    """The property above would say nothing of approximate search if it always fell back to exact search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(approximate, "PER_RESULT", 1)
        patch.setattr(approximate, "SLACK", 1)
        world = World(60, [3, 70], [5], in_cells, seed=1)
        found = world.index.search(np.ones((2, 3), np.float32), 3, [None, world.alive])
    assert found.modes == ("approximate", "approximate")
