"""The kill benchmark: what it calls lost, and a short run of it on a real service with a tiny model."""

import threading
from pathlib import Path

import pytest

from benchmarks._redis import RedisServer
from benchmarks._service import ServiceError
from benchmarks.kill import Part, checks
from benchmarks.kill_bench.audit import unreadable_bundles
from benchmarks.kill_bench.ledger import Ledger, Lost
from benchmarks.kill_bench.victim import Victim
from benchmarks.kill_bench.writers import Where, Writers
from tests.service.store.redis_server import needs_redis
from tests.service.world import write_bundle


def test_what_is_missing_or_in_another_state_is_lost() -> None:
    ledger = Ledger()
    ledger.events = {"u": {"e1", "e2"}, "v": {"e3"}}
    ledger.items = {"a": "new", "b": None, "c": "doubtful"}
    ledger.doubtful = {"c"}
    assert ledger.acknowledged == 6
    there = {"u": {"e1", "e2", "more"}, "v": {"e3"}}
    assert ledger.lost(there, {"a": "new", "b": None, "c": "x"}) == Lost(0, 0)
    assert ledger.lost({"u": {"e2"}, "v": set()}, {"a": "old", "b": "back", "c": None}) == Lost(2, 2)


def test_each_part_fails_for_its_own_reason() -> None:
    good = Part("service", 9, 0, 0, 0, 0, 100, {})
    assert all(check.passed for check in checks([good, good._replace(key="redis")]))
    bad = Part("redis", 0, 1, 0, 1, 2, 100, {})
    assert [check.name for check in checks([good, bad]) if not check.passed] == [
        "redis_kills",
        "redis_lost_writes",
        "redis_unreadable_bundles",
        "redis_failed_starts",
    ]


def test_a_damaged_bundle_is_counted_and_one_that_is_being_written_is_not(tmp_path: Path) -> None:
    root = write_bundle(tmp_path)
    (root / ".staging-x").mkdir()
    assert unreadable_bundles(root) == 0
    weights = root / "first" / "items.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert unreadable_bundles(root) == 2  # the bundle, and the published one


def test_writers_go_on_until_they_are_acknowledged_and_give_up_where_nobody_answers(tmp_path: Path) -> None:
    where, ledger = Where(), Ledger()
    (tmp_path / "bundles").mkdir()
    writers = Writers(where, ledger, tmp_path, {}, seed=0)
    writers.start()
    assert threading.active_count() >= 5
    writers.kill_reindex()
    writers.stop()
    assert ledger.acknowledged == 0
    assert writers.counts["events"] == writers.counts["reindexes"] == 0


def test_a_service_that_never_gets_ready_is_a_failed_start(tmp_path: Path) -> None:
    victim = Victim(tmp_path, {"LASER_BUNDLES": str(tmp_path / "nowhere")})
    victim.start()
    with pytest.raises(ServiceError, match="laser: "):
        victim.wait()
    victim.kill()
    victim.kill()


@needs_redis
def test_a_killed_redis_comes_back_with_what_it_had(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    try:
        server.client.set("key", "value")
        server.kill()
        assert not server.answers()
        server.start()
        assert server.client.get("key") == b"value"
    finally:
        server.stop()
