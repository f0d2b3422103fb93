"""The numbers of the insight page, by hand and by closed forms."""

import numpy as np
import pytest

from index.catalog import Catalogue
from model.laser import Laser
from model.routing import item_experts
from service.browse import insight
from service.browse.insight_schemas import Popularity
from tests.service.world import Running, records
from tests.tiny import tiny_laser

THREE = Catalogue.from_records(
    [
        {"item_id": "a", "title": "A", "brand": "Acme", "price": 1, "one": "x", "same": 3},
        {"item_id": "b", "title": "B", "brand": "Bolt", "price": 2, "one": "x", "same": 3},
        {"item_id": "c", "title": "C", "brand": "Acme", "price": None, "one": "x", "same": 3},
    ]
)
ROWS = np.arange(3)


def test_the_map_tells_heaps_apart() -> None:
    heaps = np.eye(2, 6, dtype="f4").repeat(20, axis=0)  # two heaps of 20 in six dimensions
    heaps += np.random.default_rng(0).normal(scale=0.05, size=heaps.shape).astype("f4")
    heaps /= np.linalg.norm(heaps, axis=1, keepdims=True)
    catalogue = Catalogue.from_records([{"item_id": f"i{n}", "title": f"t{n}"} for n in range(40)])
    drawn = insight.item_map(catalogue, np.arange(40), heaps)
    assert sorted(drawn.x) == pytest.approx(np.linspace(-1, 1, 40), abs=1e-4)
    one, other = drawn.x[:20], drawn.x[20:]
    assert max(one) < min(other) or max(other) < min(one)
    assert drawn.explained > 0.9
    assert (drawn.item_ids[3], drawn.titles[3], drawn.colourings) == ("i3", "t3", [])


def test_points_are_coloured_by_values_and_by_numbers() -> None:
    brand, price = insight.item_map(THREE, ROWS, np.eye(3, dtype="f4")).colourings
    assert (brand.column, brand.labels, brand.values, brand.numbers) == (
        "brand",
        ["Acme", "Bolt"],
        [0, 1, 0],
        [],
    )
    assert (price.column, price.labels, price.values, price.numbers) == ("price", [], [], [1.0, 2.0, None])


def test_of_several_values_the_rarest_colours() -> None:
    tags = [["red"], ["red", "small"], ["red"]]
    catalogue = Catalogue.from_records([{"item_id": f"i{n}", "tags": each} for n, each in enumerate(tags)])
    (colouring,) = insight.item_map(catalogue, ROWS, np.eye(3, dtype="f4")).colourings
    assert (colouring.labels, colouring.values) == (["red", "small"], [0, 1, 0])


def test_popularity_is_a_curve_over_twentieths() -> None:
    counts = np.array([0, 0, 6, 1, 1, 1, 1, 0, 0, 0], "f4")
    found = insight.popularity(counts)
    assert found.never == 5
    assert found.curve[:4] == pytest.approx([0.6, 0.6, 0.7, 0.7])  # of ten items, one more every second step
    assert found.curve[9:] == [1.0] * 11
    assert insight.popularity(np.zeros(3, "f4")) == Popularity(never=3, curve=[0.0] * 20)


def test_reach_counts_what_comes_back() -> None:
    angles = np.radians([0, 1, 3])
    found = insight.reach(THREE, ROWS, np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("f4"))
    assert (found.asked, found.each, found.coverage) == (3, 2, 1.0)
    assert found.most == [("A", 2), ("B", 2), ("C", 2)]
    assert found.gini == 0
    alone = insight.reach(THREE, ROWS[:1], np.ones((1, 1), "f4"))
    assert (alone.each, alone.coverage, alone.gini) == (0, 0.0, 0.0)


def test_what_all_items_share_brings_none_of_them_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the plain cosine the last is nearest to each of the two pairs: it has least besides what all share."""
    monkeypatch.setattr(insight, "EACH", 1)
    five = Catalogue.from_records([{"item_id": name, "title": name} for name in "ABCDE"])
    shared = np.array([[3, 1, 0], [3, 0.3, 0.95], [3, -1, 0], [3, -0.3, -0.95], [3, 0.01, 0]], "f4")
    shared /= np.linalg.norm(shared, axis=1, keepdims=True)
    assert (shared @ shared.T - 2 * np.eye(5)).argmax(axis=1)[:4].tolist() == [4, 4, 4, 4]
    assert insight.reach(five, np.arange(5), shared).coverage == 0.8


def test_gini_in_closed_form() -> None:
    assert insight.gini(np.array([5, 5, 5])) == 0
    assert insight.gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)  # 1 - 1/n: one alone
    assert insight.gini(np.array([1, 3])) == pytest.approx(0.25)


def test_experts_are_told_by_the_items_they_have_most_of() -> None:
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], "f4")
    first, second = insight.experts(THREE, ROWS, shares)
    assert (first.expert, first.items, first.typical) == (0, 2, ["A", "C", "B"])
    assert (second.expert, second.items, second.typical) == (1, 1, ["B", "C", "A"])
    assert first.share == pytest.approx(1.7 / 3)


@pytest.fixture(scope="module")
def laser() -> Laser:
    return tiny_laser(["a", "b", "c"])


def test_the_router_gives_each_item_shares_that_sum_to_one(laser: Laser) -> None:
    shares = item_experts(laser, ["a", "b", "unknown", "stranger"])
    assert shares is not None
    assert shares.shape == (4, 2)
    assert shares.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-6)
    assert (shares[2] == shares[3]).all()
    assert not np.allclose(shares[0], shares[2])
    states, present = laser.collaborative.states([laser.collaborative.rows(["a"])], laser.config.sources, 1)
    assert laser.item_side.m_former is not None
    routing = laser.item_side.m_former(states, present)[1]
    assert routing.chosen[0, 0] == shares[0].argmax()
    assert item_experts(laser, []).shape == (0, 2)  # type: ignore[union-attr]


def test_a_laser_without_router_has_no_experts(laser: Laser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laser.item_side, "m_former", None)
    assert item_experts(laser, ["a"]) is None


def test_insight_over_http(live: Running) -> None:
    got = live.client.get("/catalogue/insight").json()
    assert got["map"]["item_ids"] == [record["item_id"] for record in records()]
    assert [colouring["column"] for colouring in got["map"]["colourings"]] == ["brand", "genres", "price"]
    assert sum(expert["items"] for expert in got["experts"]) == 41
    assert got["reach"]["each"] == 10
    assert got["popularity"] is None
    assert got["versions"]["bundle"] == "first"
