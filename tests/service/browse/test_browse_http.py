"""GET /items, /catalogue and /catalogue/values over HTTP."""

from tests.service.world import Running


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
