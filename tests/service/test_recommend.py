"""POST /recommend on the real, tiny Laser over HTTP: what comes back is what brute force says should."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from index.bundle import Bundle
from model.checkpoint import load_checkpoint
from model.laser import Laser
from model.vectors import History
from tests.service.world import Running


@pytest.fixture(scope="module")
def laser(bundle: Bundle) -> Laser:
    """The same checkpoint, loaded apart from the service."""
    return load_checkpoint(bundle.folder / "checkpoint", dtype="float32")


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def added(rows: list[int | None]) -> np.ndarray:
    """What a history adds to each of the 41 items: each item speaks for the next with 0.2, decayed by a half. [n]."""
    known = [row for row in rows if row is not None]
    scores = np.zeros(41, np.float32)
    for newer, row in enumerate(reversed(known)):
        scores[(row + 1) % 41] += 0.2 * 0.5**newer
    return scores


def scores_of(laser: Laser, bundle: Bundle, rows: list[int], sentence: str = "") -> np.ndarray:
    """Scores of every item, computed directly: inner products, and what the neighbours add. float32 [n]."""
    history = History(
        tuple(bundle.catalogue.item_ids[row] for row in rows),
        tuple(bundle.token_ids[row].tolist() for row in rows),
        bundle.text_vectors[rows],
        laser.tokenize_constraint(sentence) if sentence else (),
    )
    return np.asarray(bundle.vectors @ laser.encode_users([history])[0]) + added([*rows])


def test_the_best_items_come_back_in_order(live: Running, bundle: Bundle, laser: Laser) -> None:
    answer = live.post(history=[{"item_id": "i3"}, {"item_id": "i7"}], k=5).json()
    scores = scores_of(laser, bundle, [3, 7])
    scores[[3, 7]] = -np.inf
    best = np.argsort(-scores)[:5]
    assert ids(answer) == [bundle.catalogue.item_ids[row] for row in best]
    assert [item["score"] for item in answer["items"]] == pytest.approx(scores[best].tolist(), abs=1e-4)
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3, 4, 5]


def test_the_answer_says_what_was_applied_and_what_answered(live: Running) -> None:
    answer = live.post(history=[{"item_id": "i3"}, {"item_id": "i7"}]).json()
    assert len(answer["items"]) == 10  # the default k
    assert answer["applied"] == {
        "filter": {},
        "constraint": {
            "understood": [],
            "as_text": "",
            "ignored": [],
            "contradictions": [],
            "excluded_missing": {},
        },
        "excluded_seen": 2,
        "stored_history": 0,
        "diversity": None,
    }
    assert answer["search"] == {"mode": "exact", "allowed": 39}
    assert answer["versions"] == {"bundle": "first", "catalogue": 0, "service": "0.1.0"}
    assert (answer["unknown_items"], answer["shortfall"], answer["degraded"]) == ([], None, [])


def test_items_carry_title_and_typed_attributes(live: Running) -> None:
    answer = live.post(history=[{"item_id": "i3"}], k=50).json()
    shown = {item["item_id"]: item for item in answer["items"]}
    assert shown["i4"]["title"] == "thing 4"
    assert shown["i4"]["attributes"] == {"brand": "Acme", "genres": ["garden", "kitchen"], "price": 6.0}
    assert shown["i9"]["attributes"]["price"] is None
    assert shown["i4"]["reasons"] == []


def test_a_cold_start_needs_nothing_but_a_sentence(live: Running, bundle: Bundle, laser: Laser) -> None:
    answer = live.post(constraint="garden tools", k=3).json()
    scores = scores_of(laser, bundle, [], "garden, tools")  # all that is known of the user
    both = [n for n in range(40) if n % 3 == 0]
    best = sorted(both, key=lambda row: -scores[row])[:3]
    assert ids(answer) == [bundle.catalogue.item_ids[row] for row in best]
    assert answer["applied"]["constraint"]["as_text"] == "garden, tools"
    assert answer["degraded"] == []


def test_a_title_is_encoded_from_its_text(live: Running, bundle: Bundle, laser: Laser) -> None:
    attributes = {"brand": "Stanley", "genres": None, "price": 7.5}
    answer = live.post(history=[{"title": "wrench", "attributes": attributes}], k=50).json()
    encoded = laser.encode_items([{"title": "wrench", "brand": "Stanley"}])
    history = History((None,), (encoded.token_ids[0],), encoded.text_vectors)
    scores = bundle.vectors @ laser.encode_users([history])[0]
    assert ids(answer) == [bundle.catalogue.item_ids[row] for row in np.argsort(-scores)]
    assert answer["items"][0]["score"] == pytest.approx(scores.max(), abs=1e-4)
    assert answer["applied"]["excluded_seen"] == 0  # the catalogue does not have it, so nothing is seen


def test_known_unknown_and_titled_items_mix_in_order(live: Running) -> None:
    answer = live.post(
        history=[
            {"item_id": "i3"},
            {"item_id": "gone"},
            {"title": "thing"},
            {"item_id": "i4"},
            {"item_id": "gone"},
        ],
        exclude={"item_ids": ["i5", "never"]},
        k=50,
    ).json()
    assert answer["unknown_items"] == ["gone", "never"]
    assert len(answer["items"]) == 38
    assert not {"i3", "i4", "i5"} & set(ids(answer))
    assert answer["applied"]["excluded_seen"] == 2


def test_a_history_of_unknown_items_is_answered_and_named(live: Running) -> None:
    response = live.post(history=[{"item_id": "gone"}], k=2)
    assert response.status_code == 200
    assert len(response.json()["items"]) == 2
    assert response.json()["degraded"] == ["history"]


def test_seen_items_may_come_back_on_request(live: Running) -> None:
    answer = live.post(history=[{"item_id": "i3"}], exclude={"seen": False}, k=50).json()
    assert "i3" in ids(answer)
    assert answer["applied"]["excluded_seen"] == 0


def test_fewer_allowed_than_k_is_a_shortfall(live: Running) -> None:
    conditions = {"must": [{"key": "price", "lte": 4.5}]}
    answer = live.post(history=[{"item_id": "i1"}], filter=conditions, k=10).json()
    assert sorted(ids(answer)) == ["i0", "i2", "i3", "shelf/7 b"]
    assert answer["shortfall"] == {"requested": 10, "returned": 4, "reason": "allowed"}
    assert answer["search"]["allowed"] == 4
    assert answer["applied"]["filter"] == conditions


def test_nothing_allowed_is_an_empty_answer(live: Running) -> None:
    answer = live.post(
        history=[{"item_id": "i1"}], filter={"must": [{"key": "price", "gt": 1000}]}, k=1
    ).json()
    assert (answer["items"], answer["shortfall"]) == (
        [],
        {"requested": 1, "returned": 0, "reason": "allowed"},
    )


def test_a_negative_condition_holds(live: Running) -> None:
    answer = live.post(
        history=[{"item_id": "i2"}], filter={"must_not": [{"key": "brand", "in": ["stanley", "Acme"]}]}, k=50
    ).json()
    assert {item["attributes"]["brand"] for item in answer["items"]} == {"Bolt", "Orion"}
    assert len(answer["items"]) == 19


def test_neighbours_of_the_history_rise_and_the_seen_and_excluded_stay_out(
    live: Running, bundle: Bundle, laser: Laser
) -> None:
    """i3 speaks for i4, i4 for i5 with twice the weight as the newer one; i4 is seen."""
    history = [{"item_id": "i3"}, {"item_id": "i4"}]
    products = scores_of(laser, bundle, [3, 4]) - added([3, 4])
    got = {
        i["item_id"]: i["score"]
        for i in live.post(history=history, exclude={"seen": False}, k=50).json()["items"]
    }
    assert got["i4"] == pytest.approx(products[4] + 0.1, abs=1e-4)
    assert got["i5"] == pytest.approx(products[5] + 0.2, abs=1e-4)
    assert got["i6"] == pytest.approx(products[6], abs=1e-4)
    without = ids(live.post(history=history, exclude={"item_ids": ["i5"]}, k=50).json())
    assert len(without) == 38
    assert not {"i3", "i4", "i5"} & set(without)


def test_a_title_among_the_history_has_no_neighbours_and_ages_none(
    live: Running, bundle: Bundle, laser: Laser
) -> None:
    answer = live.post(history=[{"item_id": "i3"}, {"title": "wrench"}, {"item_id": "gone"}], k=50).json()
    encoded = laser.encode_items([{"title": "wrench"}])
    history = History(
        ("i3", None),
        (bundle.token_ids[3].tolist(), encoded.token_ids[0]),
        np.stack([bundle.text_vectors[3], encoded.text_vectors[0]]),
    )
    products = bundle.vectors @ laser.encode_users([history])[0]
    got = {item["item_id"]: item["score"] for item in answer["items"]}
    assert got["i4"] == pytest.approx(products[4] + 0.2, abs=1e-4)
    assert got["i8"] == pytest.approx(products[8], abs=1e-4)


def test_reasons_name_what_speaks_most_for_an_item(live: Running, bundle: Bundle, laser: Laser) -> None:
    """Each thing of the history by what it adds as a neighbour, and its part of the inner product by similarity."""
    rows = [3, 8, 5]
    answer = live.post(history=[{"item_id": f"i{row}"} for row in rows], k=50, explain=True).json()
    products = scores_of(laser, bundle, rows) - added([*rows])
    z = bundle.vectors[:, : bundle.text_vectors.shape[1]]
    nearest = []
    for item in answer["items"]:
        row = bundle.catalogue.row(item["item_id"])
        assert row is not None
        cosines = z[rows] @ z[row]
        parts = np.array([0.2 * 0.5 ** (2 - n) * (row == rows[n] + 1) for n in range(3)])
        positive = np.maximum(cosines, 0)
        speaks = parts + products[row] * positive / positive.sum()  # all products are positive in this world
        most = int(np.argmax(speaks))
        reason = item["reasons"][0]
        assert (reason["position"], reason["item_id"]) == (most, f"i{rows[most]}")
        assert reason["similarity"] == pytest.approx(cosines[most], abs=1e-4)
        assert reason["added"] == pytest.approx(parts[most], abs=1e-6)
        assert reason["contribution"] == pytest.approx(speaks[most], abs=1e-4)
        assert reason["share"] == pytest.approx(speaks[most] / speaks.sum(), abs=1e-3)
        assert len(item["reasons"]) == (speaks > 0).sum()
        assert sum(each["contribution"] for each in item["reasons"]) == pytest.approx(item["score"], abs=1e-4)
        assert item["parts"]["likeness"] == pytest.approx(products[row], abs=1e-4)
        assert item["parts"]["neighbours"] == pytest.approx(parts.sum(), abs=1e-4)
        assert item["parts"]["sentence"] == pytest.approx(0, abs=1e-4)
        nearest.append(most == int(np.argmax(cosines)))
    assert any(nearest)
    assert not all(nearest)  # a neighbour may say more than the nearest


def test_what_a_soft_sentence_adds_is_a_part_of_the_score(live: Running) -> None:
    answer = live.post(
        history=[{"item_id": "i3"}], constraint="Acme", constraint_mode="soft", explain=True, k=50
    )
    steered = {item["attributes"]["brand"]: item["parts"]["sentence"] for item in answer.json()["items"]}
    assert steered["Acme"] > 0.01
    assert steered["Bolt"] == pytest.approx(0, abs=1e-4)
    for item in answer.json()["items"]:
        assert sum(item["parts"].values()) == pytest.approx(item["score"], abs=1e-5)


def test_a_title_can_be_a_reason(live: Running) -> None:
    answer = live.post(history=[{"title": "thing 5"}], k=1, explain=True).json()
    [reason] = answer["items"][0]["reasons"]
    assert (reason["item_id"], reason["title"], reason["position"]) == (None, "thing 5", 0)
    assert reason["share"] == pytest.approx(1.0)


def test_what_is_not_there_yet_is_said(live: Running) -> None:
    answer = live.post(user_id="u1", history=[{"item_id": "i3"}]).json()
    assert answer["degraded"] == ["user_history"]


def test_items_beyond_the_models_history_still_count_as_seen(live: Running) -> None:
    """The tiny Laser reads 8 items; all 12 must stay out, and the 8 newest alone decide the scores."""
    long = [{"item_id": f"i{n}"} for n in range(12)]
    answer = live.post(history=long, k=50).json()
    assert len(answer["items"]) == 29
    recent = live.post(history=long[4:], exclude={"item_ids": [f"i{n}" for n in range(4)]}, k=50).json()
    assert [(i["item_id"], i["score"]) for i in answer["items"]] == [
        (i["item_id"], i["score"]) for i in recent["items"]
    ]


def test_company_in_a_batch_changes_no_answer(live: Running) -> None:
    requests: list[dict[str, Any]] = [
        {"history": [{"item_id": f"i{n}"} for n in range(start, start + 1 + start % 6)], "k": 1 + start % 9}
        | ({"constraint": "red things"} if start % 3 == 0 else {})
        | ({"filter": {"must_not": [{"key": "brand", "eq": "Bolt"}]}} if start % 4 == 0 else {})
        for start in range(24)
    ]
    alone = [live.post(**request).json() for request in requests]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda request: live.post(**request).json(), requests))
    for one, other in zip(alone, together, strict=True):
        assert ids(one) == ids(other)
        assert [i["score"] for i in one["items"]] == pytest.approx(
            [i["score"] for i in other["items"]], abs=1e-4
        )


def test_similar_items_are_nearest_by_embedding(live: Running, bundle: Bundle) -> None:
    answer = live.client.get("/items/i3/similar", params={"k": 4}).json()
    z = bundle.vectors[:, : bundle.text_vectors.shape[1]]
    scores = z @ (z[3] - z.mean(axis=0))  # what all items share tells none from another
    scores[3] = -np.inf
    best = np.argsort(-scores)[:4]
    assert ids(answer) == [bundle.catalogue.item_ids[row] for row in best]
    assert [item["score"] for item in answer["items"]] == pytest.approx(scores[best].tolist(), abs=1e-4)
    assert answer["shortfall"] is None
    assert answer["search"] == {"mode": "exact", "allowed": 40}


def test_an_item_is_shown(live: Running) -> None:
    answer = live.client.get("/items/i3").json()
    assert (answer["item_id"], answer["title"], answer["attributes"]["brand"]) == ("i3", "thing 3", "Orion")
    assert answer["versions"]["bundle"] == "first"


def test_an_id_with_slash_and_space_can_be_asked_for(live: Running) -> None:
    assert live.client.get("/items/shelf%2F7%20b").json()["title"] == "an id with a slash"
    assert len(live.client.get("/items/shelf/7%20b/similar").json()["items"]) == 10


def test_a_filter_that_comes_again_is_not_compiled_again(fragile: Callable[..., Running]) -> None:
    live = fragile()
    for price in (4.5, 4.5, 6.0):
        live.post(history=[{"item_id": "i1"}], filter={"must": [{"key": "price", "lte": price}]})
    text = live.client.get("/metrics").text
    assert 'laser_filters_total{cached="false"} 2.0' in text
    assert 'laser_filters_total{cached="true"} 1.0' in text
