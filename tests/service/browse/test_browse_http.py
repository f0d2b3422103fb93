"""GET /items, /catalogue and /catalogue/values over HTTP."""

from pathlib import Path

from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import Settings
from tests.service.world import Running, running


def test_items_are_found_as_one_types(live: Running) -> None:
    response = live.client.get("/items", params={"query": "slash an", "limit": 2})
    assert response.status_code == 200
    assert response.json() == {
        "items": [
            {
                "item_id": "shelf/7 b", "title": "an id with a slash", "matched": "title",
                "attributes": {"brand": "Acme", "genres": ["tools"], "price": 2},
            }
        ],
        "versions": {"bundle": "first", "catalogue": 0, "service": "0.1.0"},
    }  # fmt: skip


def test_the_answer_is_bounded(live: Running) -> None:
    assert len(live.client.get("/items").json()["items"]) == 10
    assert len(live.client.get("/items?query=thing&limit=50").json()["items"]) == 40
    for bad in ("limit=51", "limit=0", "limit=x", f"query={'x' * 201}", "q=thing"):
        response = live.client.get(f"/items?{bad}")
        assert response.status_code == 422, bad
        assert response.json()["code"] in ("limit_exceeded", "invalid_field", "unknown_field")


def test_the_catalogue_says_what_it_holds_and_where_to_begin(live: Running) -> None:
    got = live.client.get("/catalogue").json()
    assert got["items"] == 41
    assert [(column["name"], column["kind"]) for column in got["columns"]] == [
        ("brand", "categorical"),
        ("genres", "list"),
        ("price", "numeric"),
    ]
    assert got["columns"][0]["values"][0] == {"value": "Acme", "items": 11}
    assert len(got["starters"]) >= 1
    for starter in got["starters"]:
        request = {"history": [{"item_id": item["item_id"]} for item in starter["history"]], "k": 5}
        answer = live.post(**request, constraint=starter["constraint"])
        assert answer.status_code == 200
        assert len(answer.json()["items"]) == 5
        assert answer.json()["applied"]["constraint"]["contradictions"] == []


def test_values_of_all_columns(live: Running) -> None:
    got = live.client.get("/catalogue/values?query=s&limit=1").json()
    assert got["values"] == [{"column": "brand", "value": "Stanley", "items": 10}]
    assert live.client.get("/catalogue/values").status_code == 422


def test_the_live_catalogue_is_searched(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"state": tmp_path / "state.sqlite"})
    with running(own, load_recommender(own, Metrics())) as server:

        def found(query: str) -> list[str]:
            got = server.client.get("/items", params={"query": query, "limit": 50}).json()
            return [item["item_id"] for item in got["items"]]

        def first_brand(query: str) -> list[tuple[str, int]]:
            got = server.client.get("/catalogue/values", params={"query": query}).json()
            return [(value["value"], value["items"]) for value in got["values"]]

        assert found("zyxel") == first_brand("zyxel") == []
        new = {"title": "a hammer", "attributes": {"brand": "Zyxel", "genres": ["tools"], "price": 99}}
        assert server.client.put("/items/new", json=new).status_code == 201
        assert found("zyxel") == found("hammer") == ["new"]
        assert first_brand("zyxel") == [("Zyxel", 1)]
        about = server.client.get("/catalogue").json()
        assert (about["items"], about["versions"]["catalogue"]) == (42, 1)
        assert about["columns"][2]["numbers"]["highest"] == 99
        assert "new" in server.client.get("/catalogue/insight").json()["map"]["item_ids"]

        assert server.client.delete("/items/new").status_code in (200, 204)
        assert found("zyxel") == first_brand("zyxel") == []
        assert server.client.get("/catalogue").json()["items"] == 41
        assert "new" not in server.client.get("/catalogue/insight").json()["map"]["item_ids"]
