"""Promoting and rolling back over HTTP: what answers afterwards, what is refused, and that the old one goes on."""

import asyncio
import errno
import gc
import threading
import weakref
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from index.bundle_pointer import published_ids
from index.manifest import Manifest, verify_files
from service.app import create_app
from service.errors import ApiError, Code
from service.loading import load_recommender
from service.metrics import Metrics
from service.promotion import Promotions
from service.recommender import Recommender
from service.serving import Serving
from service.settings import Settings
from tests.service.test_bad_input import refused
from tests.service.world import Running, Start, wait_until


def answering(server: Running) -> str:
    """The bundle that answers, by what its titles say; the response must say the same."""
    answer = server.post(history=[{"item_id": "i1"}], k=3).json()
    [made_by] = {item["title"].partition("@")[2] or "first" for item in answer["items"]}
    assert answer["versions"]["bundle"] == made_by
    return made_by


def value(server: Running, name: str, **labels: str) -> float:
    return server.recommender.metrics.registry.get_sample_value(name, labels) or 0.0


def encoders() -> set[int | None]:
    """The encoder threads there are: one a recommender that is open."""
    return {thread.ident for thread in threading.enumerate() if thread.name == "laser-encode"}


def promote(server: Running, bundle_id: str) -> dict[str, Any]:
    response = server.client.post(f"/admin/bundles/{bundle_id}/promote")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_promoted_bundle_answers_once_the_call_returns_and_is_published(start: Start, root: Path) -> None:
    server = start()
    assert answering(server) == "first"
    done = promote(server, "second")
    assert (done["serving"], done["before"]) == ("second", "first")
    assert done["seconds"] > 0
    assert answering(server) == "second"
    assert published_ids(root) == ["second", "first"]
    assert server.client.get("/readyz").json()["bundle"] == "second"
    promote(server, "third")
    assert answering(server) == "third"
    assert value(server, "laser_catalogue_items") == 20
    assert value(server, "laser_bundle_swaps_total", how="promote") == 2
    assert value(server, "laser_bundle_load_seconds_count") == 2


def test_a_bundle_that_is_promoted_is_verified_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its files are read for it."""
    server = start()
    verified: list[str] = []

    def verify(folder: Path, manifest: Manifest) -> None:
        verified.append(manifest.bundle_id)
        verify_files(folder, manifest)

    monkeypatch.setattr("index.bundle_files.verify_files", verify)
    promote(server, "second")
    assert verified == ["second"]
    server.client.post("/admin/bundles/rollback").raise_for_status()
    assert verified == ["second", "first"]


def test_a_rollback_goes_the_way_back_and_says_where_it_ends(start: Start, root: Path) -> None:
    server = start()
    promote(server, "second")
    promote(server, "third")
    for expected, before in (("second", "third"), ("first", "second")):
        done = server.client.post("/admin/bundles/rollback").json()
        assert (done["serving"], done["before"]) == (expected, before)
        assert answering(server) == expected
    refused(server.client.post("/admin/bundles/rollback"), 409, "no_earlier_bundle", None)
    assert answering(server) == "first"
    assert published_ids(root) == ["first"]
    assert value(server, "laser_bundle_swaps_total", how="rollback") == 2


def test_promoting_what_answers_loads_nothing_and_publishes_it(start: Start, root: Path) -> None:
    server = start()
    (root / "current").write_text("second\nfirst\n")  # published by another, and not followed here
    done = promote(server, "first")
    assert (done["serving"], done["before"]) == ("first", "first")
    assert published_ids(root) == ["first", "second"]
    assert value(server, "laser_bundle_swaps_total", how="promote") == 0
    server.recommender.warm_up()  # the same one, still open


def test_the_list_says_what_is_published_and_what_answers(start: Start, root: Path) -> None:
    server = start()
    promote(server, "second")
    (root / "current").write_text("third\nsecond\nfirst\n")
    said = server.client.get("/admin/bundles").json()
    assert (said["serving"], said["published"], said["pointer_damaged"]) == ("second", "third", None)
    assert (said["pinned"], said["following"]) == (False, False)
    assert [(one["bundle_id"], one["steps_back"], one["items"]) for one in said["bundles"]] == [
        ("first", 2, 41),
        ("second", 1, 41),
        ("third", 0, 20),
    ]
    (root / "current").write_bytes(b"\xff")
    said = server.client.get("/admin/bundles").json()
    assert (said["published"], said["pointer_damaged"] is None) == (None, False)


def test_an_id_that_is_none_is_not_found(start: Start) -> None:
    server = start()
    refused(server.client.post("/admin/bundles/fourth/promote"), 404, "bundle_not_found", "bundle_id")
    assert answering(server) == "first"
    assert value(server, "laser_bundle_refusals_total", how="promote") == 0


@pytest.mark.parametrize(
    "bundle_id", ["%2e%2e", ".lock", "current", "Current", "a%20b", "x" * 65, "%00", "first%0a", "%C3%A9"]
)
def test_an_id_that_could_leave_the_root_is_refused(bundle_id: str, live: Running) -> None:
    response = live.client.post(f"/admin/bundles/{bundle_id}/promote")
    refused(response, 422, "invalid_field", "bundle_id")


@pytest.mark.parametrize("path", ["..%2ffirst", "%2fetc", "first%2f..%2ffirst"])
def test_an_id_with_slashes_is_no_address(path: str, live: Running) -> None:
    refused(live.client.post(f"/admin/bundles/{path}/promote"), 404, "not_found", None)


def test_a_process_that_is_held_to_a_bundle_changes_nothing(start: Start, root: Path) -> None:
    server = start(bundle="second", follow_seconds=0.01)
    assert answering(server) == "second"
    for response in (
        server.client.post("/admin/bundles/third/promote"),
        server.client.post("/admin/bundles/rollback"),
    ):
        refused(response, 409, "bundle_pinned", None)
    said = server.client.get("/admin/bundles").json()
    assert (said["serving"], said["published"], said["pinned"], said["following"]) == (
        "second",
        "first",
        True,
        False,
    )


def test_a_pointer_that_cannot_be_written_leaves_the_old_one_and_closes_the_new(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start()
    before = encoders()

    def read_only(root: Path, bundle_id: str) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("service.promotion.point", read_only)
    response = server.client.post("/admin/bundles/second/promote")
    refused(response, 503, "bundles_not_writable", None)
    assert response.json()["detail"] == "The pointer cannot be written: Read-only file system."
    assert answering(server) == "first"
    assert value(server, "laser_bundle_refusals_total", how="promote") == 1
    assert encoders() == before


def test_a_bundle_that_fails_in_a_way_nobody_foresaw_is_refused(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = start()

    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError("private")

    monkeypatch.setattr("service.loading.open_index", fail)
    with caplog.at_level("INFO", logger="laser"):
        response = server.client.post("/admin/bundles/second/promote")
    refused(response, 409, "bundle_refused", None)
    assert response.json()["detail"] == "Loading it failed: ZeroDivisionError."
    [line] = [record for record in caplog.records if record.getMessage() == "bundle refused"]
    fields = line.__dict__["fields"]
    assert {name: fields[name] for name in ("bundle", "how", "serving", "error")} == {
        "bundle": "second",
        "how": "promote",
        "serving": "first",
        "error": "ZeroDivisionError",
    }
    assert answering(server) == "first"


def test_a_page_of_another_site_cannot_promote(start: Start) -> None:
    server = start()
    for origin in ("http://evil.example", "null", f"{server.url}.evil.example", "http://127.0.0.1:1"):
        response = server.client.post("/admin/bundles/second/promote", headers={"Origin": origin})
        refused(response, 403, "foreign_page", "Origin")
    assert answering(server) == "first"
    own = server.client.post("/admin/bundles/second/promote", headers={"Origin": server.url})
    assert own.status_code == 200


def test_promotions_wait_for_each_other_while_requests_are_answered(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading, most, gate = 0, 0, threading.Event()

    def slow(
        settings: Settings, metrics: Metrics, bundle_id: str | None = None, beside: Recommender | None = None
    ) -> Recommender:
        nonlocal loading, most
        loading += 1
        most = max(most, loading)
        assert gate.wait(20)
        loading -= 1
        return load_recommender(settings, metrics, bundle_id, beside)

    server = start()
    monkeypatch.setattr("service.promotion.load_recommender", slow)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(promote, server, name) for name in ("second", "third", "second")]
        wait_until(lambda: loading == 1)
        assert answering(server) == "first", "the event loop is free"
        gate.set()
        done = [future.result() for future in asked]
    assert most == 1
    assert {one["serving"] for one in done} == {"second", "third"}
    assert published_ids(root)[0] == answering(server)


def test_the_old_one_is_freed(root: Path, settings: Settings, tmp_path: Path) -> None:
    """Also the first one, which was handed to the app; at once, without the collector, which comes when it pleases."""
    chosen = settings.model_copy(update={"bundles": root, "state": tmp_path / "state.sqlite"})
    app = create_app(chosen, load_recommender(chosen, Metrics()))

    async def promote_twice() -> list[bool]:
        async with app.router.lifespan_context(app):
            freed = []
            for bundle_id in ("second", "third"):
                with app.state.serving.lease() as recommender:
                    gone = weakref.ref(recommender.snapshot)
                del recommender
                await app.state.promotions.promote(bundle_id)
                wait_until(lambda: "laser-retire" not in {one.name for one in threading.enumerate()})
                freed.append(gone() is None)
        return freed

    gc.disable()
    try:
        assert asyncio.run(promote_twice()) == [True, True]
    finally:
        gc.enable()


def test_requests_during_swaps_never_fail_and_never_mix_two_bundles(start: Start) -> None:
    """Every title says which bundle it is from: all of an answer say the one that the answer names."""
    server = start(max_queue=1000)
    stop = threading.Event()
    seen: list[str] = []

    def ask(number: int) -> int:
        count = 0
        while not stop.is_set():
            item = f"i{(number + count) % 20}"
            if count % 4 == 3:
                answer = server.client.get(f"/items/{item}")
            elif count % 4 == 2:
                answer = server.client.get(f"/items/{item}/similar", params={"k": 5})
            else:
                answer = server.post(history=[{"item_id": item}], constraint="no Stanley", k=5, explain=True)
            assert answer.status_code == 200, answer.text
            body = answer.json()
            titles = [one["title"] for one in body.get("items", [body])]
            assert {title.partition("@")[2] or "first" for title in titles} == {body["versions"]["bundle"]}
            seen.append(body["versions"]["bundle"])
            count += 1
        return count

    with ThreadPoolExecutor(6) as pool:
        clients = [pool.submit(ask, number) for number in range(6)]
        try:
            for bundle_id in ("second", "third", "second", "third"):
                promote(server, bundle_id)
                server.client.post("/admin/bundles/rollback").raise_for_status()
        finally:
            stop.set()
        assert all(client.result() > 0 for client in clients)
    assert set(seen) == {"first", "second", "third"}


def test_a_running_promotion_ends_before_the_service_does(
    root: Path, settings: Settings, tmp_path: Path
) -> None:
    """Leaving waits for it, so no thread is left behind."""
    chosen = settings.model_copy(update={"bundles": root})
    serving = Serving(load_recommender(chosen, Metrics()))

    async def leave_while_it_loads() -> str:
        promotions = Promotions(serving, chosen)
        async with promotions.running():
            task = asyncio.create_task(promotions.promote("second"))
            await asyncio.sleep(0)
        return (await task).bundle

    assert asyncio.run(leave_while_it_loads()) == "second"
    assert serving.bundle_id == "second"
    serving.close()


def test_one_that_cannot_be_brought_up_to_date_does_not_enter(root: Path, settings: Settings) -> None:
    """What was deleted since the bundle was made would come back: it is closed, and not published either."""
    chosen = settings.model_copy(update={"bundles": root})
    serving = Serving(load_recommender(chosen, Metrics()))
    before = encoders()
    entered: list[str] = []

    @asynccontextmanager
    async def away(new: Recommender) -> AsyncIterator[None]:
        entered.append(new.versions.bundle)
        if len(entered) == 1:
            raise ApiError(Code.STORE_UNAVAILABLE, "away", retry_after=1)
        yield
        entered.append(serving.bundle_id)

    async def promote_twice() -> Code:
        promotions = Promotions(serving, chosen, entering=away)
        async with promotions.running():
            with pytest.raises(ApiError) as refusal:
                await promotions.promote("second")
            assert (serving.bundle_id, published_ids(root), encoders()) == ("first", ["first"], before)
            await promotions.promote("third")
        return refusal.value.errors[0].code

    assert asyncio.run(promote_twice()) is Code.STORE_UNAVAILABLE
    assert entered == ["second", "third", "third"], "it answers before the changes may go on"
    serving.close()
