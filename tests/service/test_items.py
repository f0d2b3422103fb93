"""The live catalogue over HTTP: what is acknowledged is in force, everywhere at once, and there after a restart."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from index.bundle import Bundle
from model.checkpoint import load_checkpoint
from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import Settings
from tests.service.test_bad_input import refused
from tests.service.world import Running, records, running

Start = Callable[..., Running]
NEW = {"title": "a zyxel hammer", "attributes": {"brand": "Zyxel", "genres": ["tools"], "price": 12.5}}
HISTORY = [{"item_id": "i3"}, {"item_id": "i7"}]


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """The real service on a store of the test's own; each call is a process more, or again."""
    with ExitStack() as stack:

        def begin(stack: ExitStack = stack, **changes: Any) -> Running:
            own = settings.model_copy(update={"state": tmp_path / "state.sqlite", **changes})
            return stack.enter_context(running(own, load_recommender(own, Metrics())))

        yield begin


def put(server: Running, item_id: str, item: dict[str, Any] = NEW) -> httpx.Response:
    return server.client.put(f"/items/{item_id}", json=item)


def ids(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [item["item_id"] for item in response.json()["items"]]


def everything(server: Running, **request: Any) -> list[str]:
    return ids(server.post(history=HISTORY, k=50, exclude={"seen": False}, **request))


def test_an_item_is_there_when_it_is_acknowledged(start: Start) -> None:
    server = start()
    response = put(server, "new/1")
    assert response.status_code == 201
    assert response.json()["created"] is True
    assert response.json()["versions"]["catalogue"] == 1
    found = server.client.get("/items/new/1").json()
    assert (found["title"], found["attributes"]) == (NEW["title"], NEW["attributes"])
    answer = server.post(history=HISTORY, k=50)
    assert "new/1" in ids(answer)
    assert answer.json()["versions"]["catalogue"] == 1
    assert answer.json()["search"]["allowed"] == 40  # 41 and the new one, without the history's two
    assert everything(server, filter={"must": [{"key": "brand", "eq": "zyxel"}]}) == ["new/1"]
    assert everything(server, filter={"must": [{"key": "price", "gte": 12.4, "lte": 12.6}]}) == ["new/1"]
    assert everything(server, constraint="something from Zyxel") == ["new/1"]
    assert "new/1" not in everything(server, constraint="nothing from Zyxel")
    assert "new/1" not in ids(server.client.get("/items/new/1/similar?k=50"))
    assert len(ids(server.client.get("/items/new/1/similar?k=50"))) == 41
    assert "new/1" in ids(server.client.get("/items/i0/similar?k=50"))


def test_its_vectors_are_those_of_an_index_that_has_it(start: Start, bundle: Bundle) -> None:
    server = start()
    put(server, "new")
    laser = load_checkpoint(bundle.folder / "checkpoint", dtype="float32")
    record = {"item_id": "new", "title": NEW["title"], **NEW["attributes"]}
    encoded = laser.encode_items([record])
    snapshot = server.recommender.snapshot
    np.testing.assert_allclose(snapshot.vectors[41], encoded.vectors[0], atol=1e-5)
    np.testing.assert_allclose(snapshot.text_vectors[41], encoded.text_vectors[0], atol=1e-5)
    assert snapshot.token_ids[41].tolist() == encoded.token_ids[0]
    texts = np.concatenate([bundle.text_vectors, encoded.text_vectors])
    placed = laser.neighbours((*bundle.catalogue.item_ids, "new"), texts)
    assert placed is not None
    for row in (0, 7, 41):
        wanted = np.zeros(42, np.float32)
        span = slice(placed.starts[row], placed.starts[row + 1])
        wanted[placed.rows[span]] = placed.weights[span]
        boosts = snapshot.neighbours.boosts([row])
        got = np.zeros(42, np.float32)
        got[boosts.rows] = boosts.values
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)


def test_a_history_may_hold_it_and_reasons_may_name_it(start: Start) -> None:
    server = start()
    put(server, "new")
    answer = server.post(history=[{"item_id": "new"}], k=3, explain=True)
    assert len(ids(answer)) == 3
    assert "new" not in ids(answer)
    assert answer.json()["unknown_items"] == []
    reasons = [item["reasons"][0] for item in answer.json()["items"] if item["reasons"]]
    assert reasons
    assert {(reason["item_id"], reason["title"]) for reason in reasons} == {("new", "a zyxel hammer")}


def test_putting_an_item_again_replaces_it_whole(start: Start) -> None:
    server = start()
    response = put(server, "i5", {"title": "renamed", "attributes": {"brand": "Bolt"}})
    assert response.status_code == 200
    assert response.json()["created"] is False
    found = server.client.get("/items/i5").json()
    assert found["title"] == "renamed"
    assert found["attributes"] == {"brand": "Bolt", "genres": None, "price": None}
    assert everything(server).count("i5") == 1
    assert len(everything(server)) == 41
    assert put(server, "i5", {"title": "renamed", "attributes": {"brand": "Bolt"}}).status_code == 200
    assert len(everything(server)) == 41


def test_only_a_new_text_is_encoded_and_users_memory_of_an_item_stays(start: Start) -> None:
    server = start()
    before = server.recommender.snapshot
    brand, price = records()[5]["brand"], {"price": 77}
    put(server, "i5", {"title": "thing 5", "attributes": {"brand": brand, **price}})
    after = server.recommender.snapshot
    assert server.client.get("/items/i5").json()["attributes"]["price"] == 77
    np.testing.assert_array_equal(after.vectors[41], before.vectors[5])
    assert after.neighbours.boosts([41]).rows.tolist() == [6]  # the ring of tiny_neighbours goes on
    assert after.neighbours.boosts([4]).rows.tolist() == [41]
    put(server, "i5", {"title": "another thing", "attributes": {"brand": brand}})
    renamed = server.recommender.snapshot
    assert np.abs(renamed.vectors[42] - before.vectors[5]).max() > 1e-3
    assert renamed.neighbours.boosts([42]).rows.tolist() == [6]
    assert renamed.neighbours.boosts([4]).rows.tolist() == [42]
    encoded = 'laser_batch_jobs_count{stage="items"} 1.0'
    assert encoded in server.client.get("/metrics").text


def test_a_deleted_item_is_in_no_answer(start: Start) -> None:
    server = start()
    for item_id in ("i3", "shelf/7 b"):
        response = server.client.delete(f"/items/{item_id}")
        assert (response.status_code, response.json()["deleted"]) == (200, True)
    assert not {"i3", "shelf/7 b"} & set(everything(server))
    assert len(everything(server)) == 39
    refused(server.client.get("/items/i3"), 404, "item_not_found", "item_id")
    refused(server.client.get("/items/i3/similar"), 404, "item_not_found", "item_id")
    answer = server.post(history=HISTORY, k=50)
    assert answer.json()["unknown_items"] == ["i3"]
    assert "i3" not in ids(server.client.get("/items/i4/similar?k=50"))
    again = server.client.delete("/items/i3").json()
    assert (again["deleted"], again["versions"]["catalogue"]) == (False, 2)
    put(server, "i3")
    assert "i3" in everything(server)
    assert server.recommender.snapshot.neighbours.boosts([2]).rows.tolist() == [41]


def test_a_batch_is_taken_whole(start: Start) -> None:
    server = start()
    items = [{"item_id": f"n{n}", "title": f"new {n}", "attributes": {"price": n}} for n in range(20)]
    body = {"items": [*items, {"item_id": "i1", "title": "again"}], "delete": ["i2", "nobody"]}
    response = server.client.post("/items/batch", json=body)
    assert response.status_code == 200, response.text
    done = response.json()
    assert [done[name] for name in ("created", "replaced", "deleted")] == [20, 1, 1]
    assert done["unknown_items"] == ["nobody"]
    assert done["versions"]["catalogue"] == 22
    found = everything(server)
    assert len(found) == 50
    assert "i2" not in found
    assert "laser_catalogue_items 60.0" in server.client.get("/metrics").text


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"title": " "}, "invalid_field", "title"),
        ({"title": "x" * 1001}, "limit_exceeded", "title"),
        ({"title": "x", "attributes": {"colour": "red"}}, "unknown_attribute", "attributes.colour"),
        ({"title": "x", "attributes": {"price": "12"}}, "invalid_field", "attributes.price"),
        ({"title": "x", "attributes": {"genres": "tools"}}, "invalid_field", "attributes.genres"),
        ({"title": "x", "attributes": {"brand": ["a"]}}, "invalid_field", "attributes.brand"),
        ({"title": "x", "attributes": {"brand": "b" * 1001}}, "limit_exceeded", "attributes.brand"),
        ({"attributes": {}}, "invalid_field", "title"),
        ({"title": "x", "price": 3}, "unknown_field", "price"),
    ],
)
def test_what_does_not_fit_the_columns_is_refused(
    live: Running, body: dict[str, Any], code: str, field: str
) -> None:
    refused(put(live, "bad", body), 422, code, field)
    refused(live.client.get("/items/bad"), 404, "item_not_found", "item_id")


def test_a_batch_with_something_wrong_in_it_changes_nothing(start: Start) -> None:
    server = start(max_items=3)
    good = {"item_id": "good", "title": "good"}
    bad = {"item_id": " ", "title": "x", "attributes": {"colour": 1}}
    problem = server.client.post("/items/batch", json={"items": [good, bad], "delete": ["i1"]}).json()
    assert [error["field"] for error in problem["errors"]] == [
        "items[1].attributes.colour",
        "items[1].item_id",
    ]
    twice = server.client.post("/items/batch", json={"items": [good], "delete": ["good"]})
    refused(twice, 422, "invalid_field", "items[0].item_id")
    many = server.client.post("/items/batch", json={"delete": ["a", "b", "c", "d"]})
    refused(many, 422, "limit_exceeded", "items")
    refused(server.client.post("/items/batch", json={}), 422, "invalid_field", "items")
    refused(put(server, "%20"), 422, "invalid_field", "item_id")
    refused(server.client.delete("/items/%20"), 422, "invalid_field", "item_id")
    assert everything(server).count("good") == 0
    assert "i1" in everything(server)
    assert server.client.get("/readyz").json()["last_change"] == 0


def test_after_a_restart_everything_acknowledged_is_there(start: Start) -> None:
    with ExitStack() as first:
        server = start(first)
        put(server, "new")
        put(server, "i5", {"title": "renamed"})
        server.client.delete("/items/i6")
        before = everything(server)
    server = start()
    assert sorted(everything(server)) == sorted(before)
    assert server.client.get("/items/i5").json()["title"] == "renamed"
    ready = server.client.get("/readyz").json()
    assert (ready["catalogue"], ready["last_change"]) == (3, 3)


def test_replicas_on_one_store_apply_the_same_changes(start: Start) -> None:
    one, other = start(), start()
    put(one, "a")
    put(other, "b")
    assert (
        one.client.delete("/items/b").json()["deleted"] is True
    )  # although it was put elsewhere a moment ago
    put(other, "a", {"title": "newest"})
    put(one, "c")
    wait = [put(server, "last").json()["versions"]["catalogue"] for server in (one, other)]
    assert wait == [6, 7]
    assert sorted(everything(one)) == sorted(everything(other))
    for server in (one, other):
        assert server.client.get("/items/a").json()["title"] == "newest"
        assert server.client.get("/items/b").status_code == 404
