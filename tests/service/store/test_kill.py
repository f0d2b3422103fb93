"""kill -9 at random moments while events stream in: every event that was acknowledged is there afterwards, once.

A small, bounded version, seeded: six kills of a process that writes to the file, six of a redis-server, one of the
service itself.
"""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.access.scopes import DEFAULT_TENANT
from service.store.protocol import Event, Outcome, Store, StoreUnavailable
from service.store.redis import RedisStore
from service.store.sqlite import SqliteStore
from tests.service.store.redis_server import RedisServer, needs_redis
from tests.service.test_server import ROOT, process

KILLS = 6
LIMIT = 100_000
WRITER = """
import sys
from pathlib import Path
from service.store.protocol import Event
from service.store.sqlite import SqliteStore

store = SqliteStore(Path(sys.argv[1]), 100_000, 5.0)
for n in range(int(sys.argv[2]), 100_000):
    store.append([Event("u", f"e{n}", f"i{n}", n + 1), Event("v", f"e{n}", f"i{n}", n + 1)])
    print(n, flush=True)  # acknowledged
"""


@pytest.fixture
def moments() -> Iterator[float]:
    """Seconds to let it write before each kill."""
    chance = random.Random(3)
    return iter([chance.uniform(0.02, 0.4) for _ in range(KILLS)])


def stored(store: Store, user_id: str = "u") -> list[str]:
    return [event.event_id for event in store.histories([user_id])[0]]


def test_a_process_that_writes_the_file(tmp_path: Path, moments: Iterator[float]) -> None:
    path = tmp_path / "state.sqlite"
    acknowledged: list[int] = []
    for moment in moments:
        command = [sys.executable, "-c", WRITER, str(path), str(len(acknowledged))]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            acknowledged.append(int(writer.stdout.readline()))
            time.sleep(moment)
            writer.kill()
            acknowledged += map(int, writer.stdout.read().splitlines())
        store = SqliteStore(path, LIMIT, 5.0)
        found = stored(store)
        assert set(found) >= {f"e{n}" for n in acknowledged}
        assert len(found) == len(set(found))
        assert stored(store, "v") == found  # one call, one transaction
        store.close()
    assert len(acknowledged) > KILLS


@needs_redis
def test_a_redis_server(tmp_path: Path, moments: Iterator[float]) -> None:
    server = RedisServer(tmp_path).start()
    store = RedisStore(server.url, LIMIT, 1.0, 1.0)
    acknowledged: list[str] = []
    refused = 0
    stop = threading.Event()

    def write() -> None:
        nonlocal refused
        while not stop.is_set():
            event = Event("u", f"e{len(acknowledged)}", "i", len(acknowledged))
            try:
                # A write that was not acknowledged may have happened: then it is a duplicate when it is sent again.
                assert store.append([event]) in ([Outcome.STORED], [Outcome.DUPLICATE])
                acknowledged.append(event.event_id)
            except StoreUnavailable:
                refused += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for moment in moments:
            time.sleep(moment)
            server.kill()
            server.start()
    finally:
        stop.set()
        writer.join(20)
        server.kill()
    server.start()
    try:
        assert stored(RedisStore(server.url, LIMIT, 5.0, 5.0))[: len(acknowledged)] == acknowledged
        assert len(acknowledged) > KILLS
        assert refused >= 1
    finally:
        server.stop()


@pytest.mark.slow
def test_the_service_itself(bundles: Path, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    acknowledged: list[str] = []
    with process(LASER_BUNDLES=str(bundles), LASER_STATE=str(path), LASER_MAX_STORED=str(LIMIT)) as (
        service,
        url,
    ):
        killer = threading.Timer(0.5, service.kill)
        with httpx.Client(base_url=url) as client:
            for n in range(10_000):
                body = {"user_id": "u", "event_id": f"e{n}", "item_id": "i1", "timestamp": n}
                try:
                    assert client.post("/events", json=body).json()["outcomes"] == ["stored"]
                except httpx.TransportError:
                    break
                acknowledged.append(f"e{n}")
                if n == 0:
                    killer.start()
        killer.join()
    assert acknowledged
    assert stored(SqliteStore(path, LIMIT, 5.0), f"{DEFAULT_TENANT}/u")[: len(acknowledged)] == acknowledged
