"""Another bundle's answer to the same request: whole, up to date, one at a time, and gone when nobody asks."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service import comparison
from service.access.issuing import Wish, create
from service.access.scopes import Scope
from service.comparison import Comparison
from service.errors import ApiError
from service.loading import load_recommender
from service.metrics import Metrics
from service.recommender import Recommender
from service.schemas import HistoryItem, RecommendRequest
from service.serving import Serving
from service.settings import Settings
from service.trace import Trace
from tests.service.test_bad_input import refused
from tests.service.world import Running, Start, wait_until

HISTORY = [{"item_id": "i1"}]


@pytest.fixture
def serving(root: Path, settings: Settings) -> Iterator[Serving]:
    chosen = settings.model_copy(update={"bundles": root})
    serving = Serving(load_recommender(chosen, Metrics()))
    yield serving
    serving.close()


def compare(server: Running, bundle_id: str, **request: Any) -> Any:
    return server.client.post(f"/admin/bundles/{bundle_id}/recommend", json=request)


def test_each_answer_is_of_one_bundle_and_the_one_in_service_stays(start: Start) -> None:
    server = start()
    for bundle_id in ("second", "third", "first", "second"):
        answer = compare(server, bundle_id, history=HISTORY, k=10, explain=True).json()
        assert answer["versions"]["bundle"] == bundle_id
        mark = "" if bundle_id == "first" else f"@{bundle_id}"
        assert len(answer["items"]) == 10
        assert all(item["title"].endswith(mark) for item in answer["items"])
        if bundle_id == "third":
            assert {item["item_id"] for item in answer["items"]} <= {f"i{n}" for n in range(20)}
    ours = server.post(history=HISTORY, k=10).json()
    assert ours["versions"]["bundle"] == "first"
    other = compare(server, "second", history=HISTORY, k=10).json()
    assert [item["item_id"] for item in other["items"]] == [item["item_id"] for item in ours["items"]]
    assert compare(server, "first", history=HISTORY, k=10).json()["items"] == ours["items"]


def test_a_change_of_the_catalogue_is_in_both(start: Start) -> None:
    server = start()
    first = compare(server, "second", history=HISTORY, k=1).json()["items"][0]["item_id"]
    assert server.client.delete(f"/items/{first}").status_code in (200, 204)
    answer = compare(server, "second", history=HISTORY, k=50).json()
    assert first not in {item["item_id"] for item in answer["items"]}
    assert answer["versions"] == {"bundle": "second", "catalogue": 1, "service": "0.1.0"}


def test_what_cannot_be_used_is_refused_and_nothing_stops(start: Start, root: Path) -> None:
    server = start()
    refused(compare(server, "gone", history=HISTORY), 404, "bundle_not_found", "bundle_id")
    refused(compare(server, "a b", history=HISTORY), 422, "invalid_field", "bundle_id")
    refused(compare(server, "second"), 422, "empty_request", "body")
    (root / "third" / "columns.json").write_bytes(b"{}")
    refused(compare(server, "third", history=HISTORY), 409, "bundle_refused", None)
    labels = {"how": "comparison"}
    registry = server.recommender.metrics.registry
    assert registry.get_sample_value("laser_bundle_refusals_total", labels) == 1
    assert compare(server, "second", history=HISTORY).status_code == 200


def test_it_is_for_keys_with_the_scope_admin(start: Start, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    secrets = {scope: create(keys, Wish(scope, (scope,))).secret for scope in (Scope.RECOMMEND, Scope.ADMIN)}
    server = start(keys_file=keys)
    refused(compare(server, "second", history=HISTORY), 401, "key_missing", None)
    for scope, status in ((Scope.RECOMMEND, 403), (Scope.ADMIN, 200)):
        server.client.headers["Authorization"] = f"Bearer {secrets[scope]}"
        assert compare(server, "second", history=HISTORY).status_code == status


def test_a_bundle_that_does_not_fit_is_not_loaded(serving: Serving, root: Path, settings: Settings) -> None:
    size = sum(path.stat().st_size for path in (root / "second").rglob("*") if path.is_file())
    size -= (root / "second" / "manifest.json").stat().st_size
    chosen = settings.model_copy(update={"bundles": root})
    left = [2 * size - 1]

    async def ask() -> str:
        compared = Comparison(serving, chosen, available=lambda: left[0])
        async with compared.running():
            with pytest.raises(ApiError) as refusal:
                async with compared.lease("second"):
                    pass
            assert refusal.value.errors[0].code == "memory_missing"
            left[0] += 1
            async with compared.lease("second") as recommender:
                return recommender.versions.bundle

    assert asyncio.run(ask()) == "second"


def test_who_holds_one_keeps_it_while_another_is_asked_for(
    serving: Serving, root: Path, settings: Settings
) -> None:
    chosen = settings.model_copy(update={"bundles": root})

    async def ask() -> None:
        compared = Comparison(serving, chosen)
        async with compared.running():
            async with compared.lease("second") as second:
                other = asyncio.create_task(_bundle(compared, "third"))
                while compared.bundle_id is not None:  # until the other one takes its place
                    await asyncio.sleep(0)
                    await asyncio.to_thread(lambda: None)
                assert not other.done()
                await second.probe()
            assert await other == "third"
            assert compared.bundle_id == "third"

    asyncio.run(ask())


def test_it_is_freed_when_nobody_asks(serving: Serving, root: Path, settings: Settings) -> None:
    chosen = settings.model_copy(update={"bundles": root})

    async def ask() -> None:
        compared = Comparison(serving, chosen, idle_seconds=0.05)
        async with compared.running():
            async with compared.lease("second") as recommender:
                await asyncio.to_thread(threading.Event().wait, 0.2)
                await recommender.probe()
                assert compared.bundle_id == "second", "it is in use"
            await asyncio.to_thread(wait_until, lambda: compared.bundle_id is None)
            assert await _bundle(compared, "second") == "second"

    asyncio.run(ask())


def test_who_waits_too_long_is_told_to_come_again(
    serving: Serving, root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings.model_copy(update={"bundles": root})
    gate = threading.Event()
    load = load_recommender

    def slow(*arguments: Any) -> Recommender:
        assert gate.wait(20)
        return load(*arguments)

    monkeypatch.setattr("service.aside.load_recommender", slow)
    monkeypatch.setattr(comparison, "PATIENCE_SECONDS", 0.01)

    async def ask() -> None:
        compared = Comparison(serving, chosen)
        async with compared.running():
            for bundle_id in ("second", "third"):
                with pytest.raises(ApiError) as told:
                    await _bundle(compared, bundle_id)
                assert told.value.errors[0].code == "bundle_loading"
                assert told.value.headers == {"Retry-After": "1"}
            gate.set()
            monkeypatch.setattr(comparison, "PATIENCE_SECONDS", 20.0)
            assert await _bundle(compared, "second") == "second"

    asyncio.run(ask())


def test_it_keeps_no_users_embedding(serving: Serving, root: Path, settings: Settings) -> None:
    chosen = settings.model_copy(update={"bundles": root})
    request = RecommendRequest(history=[HistoryItem(item_id="i1")])

    async def ask() -> None:
        compared = Comparison(serving, chosen)
        async with compared.running(), compared.lease("second") as recommender:
            for _ in range(2):
                await recommender.recommend(request, Trace("r"))
            found = recommender.metrics.registry.get_sample_value(
                "laser_user_cache_total", {"outcome": "hit"}
            )
            assert not found

    asyncio.run(ask())


async def _bundle(compared: Comparison, bundle_id: str) -> str:
    async with compared.lease(bundle_id) as recommender:
        return recommender.versions.bundle
