"""After a deletion and a purge no byte on disk tells what the user did; the files are read, not asked."""

import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from service.store.protocol import Event, Store
from service.store.redis import RedisStore
from service.store.sqlite import SqliteStore
from tests.service.store.redis_server import RedisServer, needs_redis
from tests.service.world import wait_until

USERS = 40
ROUNDS = 120
LIMIT = 30


class World(NamedTuple):
    """A store, the folder of everything it writes, and how another process opens it."""

    store: Store
    folder: Path
    open_again: Callable[[], Store]


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        if request.param == "redis":
            server = RedisServer(tmp_path).start()
            stack.callback(server.stop)

        def start() -> Store:
            store: Store = (
                RedisStore(server.url, LIMIT, 5.0, 5.0)
                if request.param == "redis"
                else SqliteStore(tmp_path / "state.sqlite", LIMIT, 5.0)
            )
            stack.callback(store.close)
            return store

        yield World(start(), tmp_path, start)


def fill(store: Store) -> None:
    """Events of many users in any order, more than are kept: pages split, merge and are moved, and leave copies."""
    chance = random.Random(2)
    for n in range(ROUNDS):
        users = chance.choices(range(USERS), k=40)
        store.append([event(n, k, user, chance) for k, user in enumerate(users)])


def event(n: int, k: int, user: int, chance: random.Random) -> Event:
    event_id, item_id = (
        f"ev<{n}.{k}>" * chance.randrange(1, 4),
        f"it<{user}.{n}.{k}>" * chance.randrange(1, 12),
    )
    return Event(f"user-{user}", event_id, item_id, chance.randrange(10**12))


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_nothing_of_a_deleted_user_is_left_in_any_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # One salt gives one order of pages: in this one, deleting alone leaves ids of seven events in SQLite's file.
    monkeypatch.setattr(secrets, "token_bytes", lambda count: b"s" * count)
    store, folder, _ = world
    fill(store)
    deleted = [f"user-{user}" for user in range(0, USERS, 2)]
    gone = [event for history in store.histories(deleted) for event in history]
    assert len(gone) == LIMIT * len(deleted)
    assert all(event.event_id.encode() in on_disk(folder) for event in gone)  # it could be found
    for user_id in deleted:
        store.delete(user_id, 10**12)
    wait_until(store.purge, 30)
    files = on_disk(folder)
    assert not [event for event in gone if event.event_id.encode() in files]
    assert not [
        user for user in range(0, USERS, 2) if f"it<{user}.".encode() in files
    ]  # nor what was dropped before
    assert b"user-" not in files  # of no user, ever
    assert [len(history) for history in store.histories(["user-0", "user-1"])] == [0, LIMIT]


def test_a_purge_that_a_crash_cut_short_is_taken_up_by_the_next_process(world: World) -> None:
    store, folder, open_again = world
    store.append([Event("u", "event-of-u", "i", 1)])
    store.delete("u", 2)
    wait_until(open_again().purge, 30)
    assert b"event-of-u" not in on_disk(folder)
