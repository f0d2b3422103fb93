"""Replicas that follow one log, on SQLite and on a real Redis: the same changes in the same order, and honest about it
where they cannot be had."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest

from index.bundle import Bundle
from index.item_index import open_index
from service.catalogue import AWAY, LOST, LiveItems
from service.errors import ApiError
from service.metrics import Metrics
from service.recommender import Recommender
from service.serving import Serving
from service.settings import Settings
from service.store.changes import Change, ChangeLog, PositionLost, Tail
from service.store.protocol import StoreUnavailable
from service.store.redis import RedisStore
from tests.service.fakes import FakeEncoder
from tests.service.store.conftest import Open
from tests.service.store.redis_server import RedisServer, needs_redis
from tests.service.world import wait_until


class Fragile:
    """A log that can be out of reach."""

    def __init__(self, log: ChangeLog) -> None:
        self.log = log
        self.away = False

    def append(self, changes: Sequence[Change], beyond: int = 0) -> int:
        return self._log().append(changes, beyond)

    def after(self, number: int, most: int) -> Tail:
        return self._log().after(number, most)

    def net(self, number: int) -> Tail:
        return self._log().net(number)

    def trim(self, number: int) -> None:
        self._log().trim(number)

    def _log(self) -> ChangeLog:
        if self.away:
            raise StoreUnavailable("test")
        return self.log


class Replica:
    """One process' view of the catalogue, without a server around it."""

    def __init__(self, log: ChangeLog, bundle: Bundle, settings: Settings, encoder: FakeEncoder) -> None:
        self.log = Fragile(log)
        self.make: Callable[[], Recommender] = lambda: Recommender(
            bundle, encoder, open_index(bundle.vectors, "cpu"), settings, metrics
        )
        metrics = Metrics()
        self.serving = Serving(self.make())
        self.items = LiveItems(self.log, self.serving, settings, metrics)

    @property
    def recommender(self) -> Recommender:
        with self.serving.lease() as recommender:
            return recommender

    @property
    def titles(self) -> dict[str, str]:
        """What is there of the items under test."""
        catalogue = self.recommender.snapshot.catalogue
        rows = {item_id: catalogue.row(item_id) for item_id in ("a", "b", "c", "i1")}
        return {item_id: catalogue.title(row) for item_id, row in rows.items() if row is not None}


@pytest.fixture
def replica(
    open_it: Open, bundle: Bundle, settings: Settings, encoder: FakeEncoder
) -> Callable[..., Replica]:
    def make(last_change: int = 0) -> Replica:
        sealed = replace(bundle, manifest=replace(bundle.manifest, last_change=last_change))
        return Replica(open_it().changes, sealed, settings, encoder)

    return make


Make = Callable[..., Replica]


def item(item_id: str, title: str = "x") -> dict[str, object]:
    return {"item_id": item_id, "title": title}


def run(*steps: Coroutine[Any, Any, Any]) -> list[Any]:
    """One after the other, in one event loop."""

    async def all_of_them() -> list[Any]:
        return [await step for step in steps]

    return asyncio.run(all_of_them())


def test_what_one_acknowledges_the_other_follows(replica: Make) -> None:
    one, other = replica(), replica()
    assert one.items.reason == AWAY
    done = run(one.items.put([item("a"), item("b")]), one.items.delete(["i1", "b"]), other.items.catch_up())
    assert done[:2] == [[True, True], [True, True]]
    assert one.titles == other.titles == {"a": "x"}
    assert [each.recommender.versions.catalogue for each in (one, other)] == [4, 4]
    assert one.items.reason is other.items.reason is None
    assert other.items.last == 4


def test_what_another_put_a_moment_ago_can_be_deleted(replica: Make) -> None:
    one, other = replica(), replica()
    assert run(other.items.catch_up(), one.items.put([item("a")]), other.items.delete(["a"]))[-1] == [True]
    assert run(other.items.delete(["a"])) == [[False]]
    assert one.log.net(0).last == 2  # what was not there is not logged


def test_a_replica_that_lost_its_place_is_not_ready_until_it_has_started_again(replica: Make) -> None:
    one, behind = replica(), replica()
    run(behind.items.put([item("a", "old"), item("b")]))
    run(one.items.put([item("a", "new")]), one.items.delete(["b", "i1"]))
    one.log.trim(4)
    taken = behind.log.net
    behind.log.net = lambda number: (_ for _ in ()).throw(StoreUnavailable("test"))  # type: ignore[method-assign]
    run(behind.items.catch_up())
    assert behind.items.reason == LOST
    assert behind.titles == {"a": "old", "b": "x", "i1": "thing 1"}
    behind.log.net = taken  # type: ignore[method-assign]
    run(behind.items.catch_up())
    assert behind.items.reason is None
    assert behind.titles == one.titles == {"a": "new"}
    assert behind.recommender.versions.catalogue == 5


@needs_redis
def test_changes_taken_from_the_stream_are_never_skipped(
    redis_server: RedisServer, bundle: Bundle, settings: Settings, encoder: FakeEncoder
) -> None:
    redis_server.client.flushall()
    log = RedisStore(redis_server.url, 4, 5.0, 5.0).changes
    behind, one = (Replica(log, bundle, settings, encoder) for _ in range(2))
    run(behind.items.catch_up(), one.items.put([item("a"), item("b"), item("c")]))
    redis_server.client.xtrim("laser:changes", minid="3-0", approximate=False)
    run(behind.items.catch_up())
    assert behind.items.reason == LOST
    assert behind.titles == {"i1": "thing 1"}
    later = replace(bundle, manifest=replace(bundle.manifest, last_change=2))  # has what was taken away
    newer = Replica(log, later, settings, encoder)
    run(newer.items.catch_up())
    assert newer.items.reason is None
    assert newer.titles == {"c": "x", "i1": "thing 1"}


def test_while_the_log_is_away_writes_are_refused_and_nothing_changes(replica: Make) -> None:
    one = replica()
    run(one.items.catch_up())
    one.log.away = True
    for write in (lambda: one.items.put([item("a")]), lambda: one.items.delete(["i1"])):
        with pytest.raises(ApiError) as refusal:
            run(write())
        assert refusal.value.errors[0].code == "store_unavailable"
        assert refusal.value.headers == {"Retry-After": "1"}
    run(one.items.catch_up())
    assert one.items.reason is None  # it was up to date when the log last answered
    assert one.titles == {"i1": "thing 1"}


def test_a_replica_that_starts_without_the_log_is_not_ready_until_it_answers(replica: Make) -> None:
    run(replica().items.delete(["i1"]))
    late = replica()
    late.log.away = True
    run(late.items.catch_up())
    assert late.items.reason == AWAY
    late.log.away = False
    run(late.items.catch_up())
    assert late.items.reason is None
    assert late.titles == {}


def test_who_enters_service_is_up_to_date_and_nothing_is_taken_meanwhile(replica: Make) -> None:
    one = replica()
    run(one.items.put([item("a")]), one.items.delete(["i1"]))
    new = one.make()

    async def swap() -> None:
        async with one.items.entering(new):
            put = asyncio.ensure_future(one.items.put([item("b")]))
            while one.log.log.net(0).last < 3:
                await asyncio.sleep(0.001)  # it is in the log
            assert new.snapshot.change == 2
            assert not put.done()
            one.serving.swap(new)
        assert await put == [True]

    run(swap())
    assert one.titles == {"a": "x", "b": "x"}
    assert new.snapshot.change == 3


def test_nobody_enters_service_while_the_log_is_away(replica: Make) -> None:
    one = replica()
    one.log.away = True

    async def enter() -> None:
        async with one.items.entering(one.make()):
            pytest.fail("it cannot know what was deleted")

    with pytest.raises(ApiError, match="does not answer"):
        run(enter())


def test_a_new_log_beside_an_old_bundle_gives_no_number_twice(replica: Make) -> None:
    one = replica(last_change=40)
    run(one.items.put([item("a")]))
    assert one.recommender.versions.catalogue == 41
    assert [change.number for change in one.log.after(40, 10).changes] == [41]


def test_what_cannot_be_encoded_is_refused_and_never_logged(replica: Make, encoder: FakeEncoder) -> None:
    one = replica()
    encoder.broken_items = True
    with pytest.raises(ApiError) as refusal:
        run(one.items.put([item("a")]))
    assert refusal.value.errors[0].code == "encoding_failed"
    assert one.log.net(0) == ([], 0)
    encoder.broken_items = False
    assert run(one.items.put([item("a")])) == [[True]]


def test_a_change_that_cannot_be_applied_is_waited_for_and_not_skipped(
    replica: Make, encoder: FakeEncoder
) -> None:
    one = replica()
    one.log.append([Change("a", json.dumps(item("a")))])
    encoder.broken_items = True
    run(one.items.catch_up())
    assert one.items.reason == "A catalogue change cannot be applied."
    assert one.recommender.versions.catalogue == 0
    encoder.broken_items = False
    run(one.items.catch_up())
    assert one.items.reason is None
    assert one.titles == {"a": "x", "i1": "thing 1"}


def test_writers_at_once_share_a_commit_and_each_waits_for_its_own(replica: Make) -> None:
    one = replica()

    async def many() -> list[list[bool]]:
        return list(await asyncio.gather(*(one.items.put([item(f"n{n}"), item(f"m{n}")]) for n in range(20))))

    assert run(many()) == [[[True, True]] * 20]
    assert one.recommender.versions.catalogue == 40
    assert len(one.recommender.snapshot.catalogue) == 41 + 40


def test_what_is_there_already_takes_no_new_row(replica: Make) -> None:
    one = replica()
    run(one.items.put([item("a")]), one.items.put([item("a")]))
    assert one.recommender.versions.catalogue == 2
    assert len(one.recommender.snapshot.catalogue) == 42


def test_the_background_follows(replica: Make) -> None:
    one, other = replica(), replica()

    async def follow() -> None:
        async with other.items.running():
            await one.items.put([item("a")])
            await asyncio.to_thread(wait_until, lambda: "a" in other.titles)

    run(follow())
    with pytest.raises(PositionLost):
        one.log.after(7, 1)
