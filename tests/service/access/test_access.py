"""API keys over HTTP: what is open, what each scope opens, whose users a tenant sees, how often a key may ask."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from service.access import keyring
from service.access.access import Access
from service.access.guard import Everybody, Needs, guards
from service.access.key_file import KeyFileError
from service.access.scopes import Scope
from service.app import create_app
from service.settings import Settings, load_settings
from tests.service.access.conftest import Holders
from tests.service.test_bad_input import refused
from tests.service.world import Running

Start = Callable[..., Running]
HISTORY = {"history": [{"item_id": "i1"}], "k": 3}
EVENT = {"user_id": "u", "event_id": "e", "item_id": "i3", "timestamp": 1_700_000_000}

# All that answers without a key: probes, and the playground's page and files, which hold no data and ask for a key.
OPEN = {"/healthz", "/readyz", "/", "/insight", "/playground/{name}"}

# One request for each scope's routes.
ASKED = {
    ("POST", "/recommend"): {Scope.RECOMMEND},
    ("POST", "/recommend/batch"): {Scope.RECOMMEND},
    ("GET", "/items/i1"): {Scope.RECOMMEND},
    ("GET", "/items/i1/similar"): {Scope.RECOMMEND},
    ("GET", "/items?query=x"): {Scope.RECOMMEND},
    ("GET", "/catalogue"): {Scope.RECOMMEND},
    ("PUT", "/items/i1"): {Scope.WRITE},
    ("DELETE", "/items/nobody"): {Scope.WRITE},
    ("POST", "/items/batch"): {Scope.WRITE},
    ("GET", "/admin/bundles"): {Scope.ADMIN},
    ("POST", "/admin/bundles/none/promote"): {Scope.ADMIN},
    ("POST", "/events"): {Scope.WRITE},
    ("GET", "/users/u"): {Scope.WRITE},
    ("DELETE", "/users/u"): {Scope.WRITE},
    ("GET", "/metrics"): {Scope.METRICS, Scope.ADMIN},
    ("GET", "/docs"): set(Scope),
    ("GET", "/openapi.json"): set(Scope),
}


@pytest.fixture
def start(fragile: Start, holders: Holders, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Serve with the holders' keys; a changed file is seen by the next request."""
    monkeypatch.setattr(keyring, "CHECK_SECONDS", 0.0)

    def serve(**changes: Any) -> Running:
        return fragile(keys_file=holders.path, state=holders.path.parent / "state.sqlite", **changes)

    return serve


def ask(service: Running, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    body = {"/recommend": HISTORY, "/events": EVENT}.get(path)
    return service.client.request(method, path, headers=headers, json=body)


def test_every_route_says_who_may_ask(settings: Settings) -> None:
    found = {}
    for context in iter_route_contexts(create_app(settings).routes):
        route = context.original_route
        assert isinstance(route, APIRoute), f"{route} cannot be guarded"
        [guard] = getattr(route, "guards", guards(route.dependencies)) or [None]
        assert guard is not None, f"{route.path}: say who may ask, with needs(...) or everybody()"
        found[route.path] = guard
    assert {path for path, guard in found.items() if isinstance(guard, Everybody)} == OPEN
    assert {path for path, guard in found.items() if isinstance(guard, Needs) and not guard.scopes} == {
        "/docs",
        "/openapi.json",
    }
    admin = {path for path in found if path.startswith("/admin")}
    assert all(guard.scopes == {Scope.ADMIN} for path, guard in found.items() if path in admin)


def test_the_openapi_document_names_the_schemes_of_every_guarded_operation(settings: Settings) -> None:
    document = create_app(settings).openapi()
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"] | {"description": ""} == {"type": "http", "scheme": "bearer", "description": ""}
    assert schemes["header"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            guarded = path not in OPEN
            assert operation.get("security", []) == ([{"bearer": []}, {"header": []}] if guarded else [])
            assert ({"401", "403"} <= set(operation["responses"])) is guarded, path


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_a_scope_opens_its_routes_and_no_others(
    start: Start, holders: Holders, method: str, path: str
) -> None:
    headers = {scope: holders.add(scope.value, scope) for scope in Scope}
    service = start()
    refused(ask(service, method, path, {}), 401, "key_missing", None)
    for scope in Scope:
        answer = ask(service, method, path, headers[scope])
        if scope in ASKED[method, path]:
            assert answer.status_code in (200, 404, 422), answer.text  # whatever it is, it was let in
        else:
            refused(answer, 403, "scope_missing", None)


def test_a_key_comes_in_either_header(start: Start, holders: Holders) -> None:
    bearer = holders.add("shop", Scope.RECOMMEND)
    secret = holders.secrets["shop"]
    service = start()
    for headers in (bearer, {"X-API-Key": secret}, {"Authorization": f"bearer {secret}"}):
        assert ask(service, "POST", "/recommend", headers).status_code == 200
    for headers in ({"Authorization": f"Basic {secret}"}, {"Authorization": secret}):
        refused(ask(service, "POST", "/recommend", headers), 401, "key_missing", None)


@pytest.mark.parametrize(
    "change", [str.upper, lambda key: key[:-1], lambda key: key[:-2] + "--", lambda _: "x"]
)
def test_another_text_is_no_key_and_is_not_repeated(
    start: Start, holders: Holders, change: Callable[[str], str]
) -> None:
    holders.add("shop")
    wrong = change(holders.secrets["shop"])
    answer = ask(start(), "POST", "/recommend", {"Authorization": f"Bearer {wrong}"})
    refused(answer, 401, "key_invalid", None)
    assert answer.headers["www-authenticate"] == 'Bearer realm="laser"'
    assert len(wrong) < 2 or wrong not in answer.text


def test_who_may_not_ask_is_refused_before_the_body_is_read(start: Start, holders: Holders) -> None:
    holders.add("shop")
    body = b'{"history": [{"item_id"'
    answer = start().client.post("/recommend", content=body, headers={"Content-Type": "application/json"})
    refused(answer, 401, "key_missing", None)


def test_probes_are_open_and_tell_no_details(start: Start, holders: Holders) -> None:
    headers = holders.add("ops", Scope.METRICS)
    service = start(ready_seconds=0.0)
    assert service.client.get("/healthz").json() == {"status": "alive"}
    told = service.client.get("/readyz").json()
    assert told.pop("status") == "ready"
    assert not any(told.values()), "what is more than yes or no"
    wrong = {"Authorization": "Bearer x"}
    assert service.client.get("/readyz", headers=wrong).json()["bundle"] is None
    assert service.client.get("/readyz", headers=headers).json()["bundle"] == "first"
    service.recommender.close()
    detail = refused(service.client.get("/readyz"), 503, "not_ready", None)["detail"]
    assert detail == "No."


def test_a_rotation_needs_no_restart(start: Start, holders: Holders) -> None:
    old = holders.add("shop")
    service = start()
    new = holders.add("shop")
    for headers in (old, new):
        assert ask(service, "POST", "/recommend", headers).status_code == 200
    holders.path.unlink()
    only = holders.add("shop")
    refused(ask(service, "POST", "/recommend", old), 401, "key_invalid", None)
    assert ask(service, "POST", "/recommend", only).status_code == 200


def test_a_tenants_users_do_not_exist_for_another(start: Start, holders: Holders) -> None:
    acme, bolt = (holders.add(name, tenant=name) for name in ("acme", "bolt"))
    service = start()
    assert ask(service, "POST", "/events", acme).json()["outcomes"] == ["stored"]
    refused(ask(service, "GET", "/users/u", bolt), 404, "user_not_found", "user_id")
    alone = {"user_id": "u", "k": 3}
    refused(service.client.post("/recommend", json=alone, headers=bolt), 422, "no_stored_history", "user_id")
    # The same user id and event id are another user and another event.
    assert ask(service, "POST", "/events", bolt).json()["outcomes"] == ["stored"]
    assert ask(service, "DELETE", "/users/u", bolt).json()["deleted_events"] == 1
    mine = ask(service, "GET", "/users/u", acme).json()
    assert (mine["user_id"], len(mine["events"])) == ("u", 1)
    used = service.client.post("/recommend", json=alone, headers=acme).json()
    assert used["applied"]["stored_history"] == 1


def test_no_user_id_reaches_into_another_tenant(start: Start, holders: Holders) -> None:
    acme, bolt = holders.add("acme", tenant="a"), holders.add("bolt", tenant="b")
    service = start()
    ask(service, "POST", "/events", acme)
    for tried in ("a/u", "../a/u", "/a/u", "b/../a/u"):
        assert service.client.get(f"/users/{tried}", headers=bolt).status_code == 404
    refused(
        service.client.post("/recommend", json={"user_id": "a/u"}, headers=bolt),
        422,
        "no_stored_history",
        "user_id",
    )


def test_a_service_that_begins_to_ask_for_keys_keeps_its_users(
    start: Start, fragile: Start, holders: Holders
) -> None:
    open_service = fragile(state=holders.path.parent / "state.sqlite")
    assert ask(open_service, "POST", "/events", {}).json()["outcomes"] == ["stored"]
    headers = holders.add("shop")
    assert len(ask(start(), "GET", "/users/u", headers).json()["events"]) == 1


def test_a_key_that_asks_too_often_waits_and_others_do_not(start: Start, holders: Holders) -> None:
    shop, ops = holders.add("shop", rate=0.1, burst=2), holders.add("ops")
    service = start()
    assert [ask(service, "GET", "/items/i1", shop).status_code for _ in range(2)] == [200, 200]
    answer = ask(service, "GET", "/items/i1", shop)
    refused(answer, 429, "rate_limited", None)
    assert 1 <= int(answer.headers["retry-after"]) <= 10
    second = holders.add("shop", rate=0.1, burst=2)  # another key of the name draws on the same bucket
    refused(ask(service, "GET", "/items/i1", second), 429, "rate_limited", None)
    assert {ask(service, "GET", "/items/i1", ops).status_code for _ in range(5)} == {200}
    assert service.client.get("/healthz", headers=shop).status_code == 200  # probes are not counted


def test_the_services_limit_is_for_each_key_or_for_all_where_there_are_none(
    start: Start, fragile: Start, holders: Holders
) -> None:
    shop = holders.add("shop")
    service = start(rate_limit=0.1, rate_burst=1)
    assert [ask(service, "GET", "/items/i1", shop).status_code for _ in range(2)] == [200, 429]
    service = fragile(rate_limit=0.1, rate_burst=1)
    assert [ask(service, "GET", "/items/i1", {}).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "shop.example"])
def test_another_address_than_loopback_needs_keys(host: str, tmp_path: Path, holders: Holders) -> None:
    exposed = load_settings(host=host, bundles=tmp_path / "bundles")
    with pytest.raises(
        KeyFileError, match=rf"listening on {re.escape(host)} needs API keys, and .*/keys.json"
    ):
        create_app(exposed)
    create_app(load_settings(host=host, bundles=tmp_path / "bundles", allow_anonymous=True))
    holders.add("shop")
    create_app(load_settings(host=host, keys_file=holders.path))
    create_app(load_settings(host="127.0.0.1", bundles=tmp_path / "bundles"))


def test_a_waiver_takes_no_keys_out_of_force(start: Start, holders: Holders) -> None:
    holders.add("shop")
    refused(ask(start(allow_anonymous=True), "GET", "/items/i1", {}), 401, "key_missing", None)


def test_keys_beside_the_bundles_are_in_force_unasked(tmp_path: Path) -> None:
    Holders(tmp_path / "keys.json").add("shop")
    app = create_app(load_settings(bundles=tmp_path / "bundles"))
    assert isinstance(app.state.access, Access)
    with pytest.raises(KeyFileError, match="cannot be read"):
        create_app(load_settings(keys_file=tmp_path / "no.json"))


def test_the_log_names_the_key_and_never_its_text(
    start: Start, holders: Holders, caplog: pytest.LogCaptureFixture
) -> None:
    headers = holders.add("shop")
    service = start()
    with caplog.at_level(logging.DEBUG):
        ask(service, "GET", "/items/i1", headers)
        ask(service, "GET", "/items/i1", {"X-API-Key": "laser_wrong"})
    [first, second] = [
        record.__dict__["fields"]["caller"] for record in caplog.records if record.msg == "request"
    ]
    assert (first, second) == ("shop", "nobody")
    secret = holders.secrets["shop"]
    assert not [r for r in caplog.records if secret in str(r.__dict__) or "laser_wrong" in str(r.__dict__)]
