"""Catalogue changes across re-index, promotion and rollback: what was acknowledged stays in force."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from index.bundle import list_bundles
from model.checkpoint import save_checkpoint
from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import Settings
from service.store.changes import ChangeLog, Tail
from service.store.sqlite import SqliteStore
from tests.service.world import Running, running
from tests.tiny import tiny_laser
from tests.training_world import ITEM_IDS, ITEMS, quiet, write_world
from training.reindex import Reindexed, reindex

Start = Callable[..., Running]
GONE, RENAMED = ITEM_IDS[3], ITEM_IDS[4]
NEW = {"title": "brand new", "attributes": {"brand": "green"}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `run` and `data`."""
    folder = tmp_path_factory.mktemp("history")
    save_checkpoint(tiny_laser(ITEM_IDS, folder / "backbone"), folder / "run" / "checkpoint")
    write_world(folder / "data")
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ChangeLog]:
    store = SqliteStore(tmp_path / "state.sqlite", 10, 60.0)
    yield store.changes
    store.close()


@pytest.fixture
def again(world: Path, tmp_path: Path, log: ChangeLog) -> Callable[..., Reindexed]:
    def run(read: ChangeLog = log) -> Reindexed:
        return reindex(world / "run", world / "data", tmp_path / "bundles", console=quiet(), log=read)

    return run


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(stack: ExitStack = stack) -> Running:
            changes = {
                "bundles": tmp_path / "bundles",
                "state": tmp_path / "state.sqlite",
                "follow_seconds": 0.0,
            }
            own = settings.model_copy(update=changes)
            return stack.enter_context(running(own, load_recommender(own, Metrics())))

        yield begin


def everything(server: Running) -> set[str]:
    answer = server.post(history=[{"item_id": ITEM_IDS[0]}], k=50, exclude={"seen": False})
    assert answer.status_code == 200, answer.text
    return {item["item_id"] for item in answer.json()["items"]}


def promote(server: Running, bundle_id: str) -> dict[str, Any]:
    answer = server.client.post(f"/admin/bundles/{bundle_id}/promote")
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def change(server: Running) -> None:
    """One item deleted, one renamed, one new."""
    assert server.client.delete(f"/items/{GONE}").json()["deleted"] is True
    assert server.client.put(f"/items/{RENAMED}", json={"title": "renamed"}).status_code == 200
    assert server.client.put("/items/new", json=NEW).status_code == 201


def in_force(server: Running) -> None:
    """What `change` did."""
    assert everything(server) == {*ITEM_IDS, "new"} - {GONE}
    assert server.client.get(f"/items/{GONE}").status_code == 404
    assert server.client.get(f"/items/{RENAMED}").json()["title"] == "renamed"
    assert server.client.get("/items/new").json()["attributes"] == {"brand": "green", "year": None}


def test_after_a_reindex_and_a_rollback_it_is_still_deleted(
    start: Start, again: Callable[..., Reindexed]
) -> None:
    first = again()
    server = start()
    change(server)
    in_force(server)
    second = again()
    assert (second.items, second.encoded) == (ITEMS, 2)
    promote(server, second.bundle_id)
    assert server.client.get("/readyz").json()["bundle"] == second.bundle_id
    in_force(server)
    server.client.post("/admin/bundles/rollback").raise_for_status()
    ready = server.client.get("/readyz").json()
    assert (ready["bundle"], ready["catalogue"], ready["last_change"]) == (first.bundle_id, 3, 3)
    in_force(server)


def test_a_restart_after_the_rollback_changes_nothing(start: Start, again: Callable[..., Reindexed]) -> None:
    first = again()
    with ExitStack() as stack:
        server = start(stack)
        change(server)
        promote(server, again().bundle_id)
        server.client.post("/admin/bundles/rollback").raise_for_status()
    server = start()
    assert server.client.get("/readyz").json()["bundle"] == first.bundle_id
    in_force(server)


def test_what_is_put_during_a_reindex_is_there_after_its_promotion(
    start: Start, again: Callable[..., Reindexed], log: ChangeLog, tmp_path: Path
) -> None:
    again()
    server = start()

    class Meanwhile:
        """The log, and changes that arrive when it has been read: for its last number, then for the job."""

        reads = 0

        def net(self, number: int) -> Tail:
            tail = log.net(number)
            self.reads += 1
            if self.reads == 2:
                change(server)
            return tail

        def trim(self, number: int) -> None:
            log.trim(number)

    server.client.put("/items/earlier", json={"title": "earlier"}).raise_for_status()
    server.client.delete("/items/earlier").raise_for_status()
    made = again(Meanwhile())
    assert [manifest.last_change for manifest in list_bundles(tmp_path / "bundles")] == [0, 2]
    promote(server, made.bundle_id)
    in_force(server)
    assert server.client.get("/readyz").json()["catalogue"] == 5
