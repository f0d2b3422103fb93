"""After a deletion and a purge no byte on disk tells what the user did; the files are read, not asked."""

import random
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
ROUNDS = 60


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
                RedisStore(server.url, 20, 5.0, 5.0)
                if request.param == "redis"
                else SqliteStore(tmp_path / "state.sqlite", 20, 5.0)
            )
            stack.callback(store.close)
            return store

        yield World(start(), tmp_path, start)


def fill(store: Store) -> None:
    """Many users' events, interleaved, with more of them than are kept: pages split, merge and are moved."""
    chance = random.Random(7)
    for number in range(ROUNDS):
        store.append(
            [
                Event(
                    f"user-{user}",
                    f"ev<{number}.{k}>" * 2,
                    f"it<{user}.{number}>" * chance.randrange(1, 9),
                    k,
                )
                for k, user in enumerate(chance.choices(range(USERS), k=40))
            ]
        )


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_nothing_of_a_deleted_user_is_left_in_any_file(world: World) -> None:
    store, folder, _ = world
    fill(store)
    deleted = [f"user-{user}" for user in range(0, USERS, 2)]
    gone = [event for history in store.histories(deleted) for event in history]
    assert len(gone) == 20 * len(deleted)
    assert all(event.event_id.encode() in on_disk(folder) for event in gone)  # it could be found
    for user_id in deleted:
        store.delete(user_id, 10**12)
    wait_until(store.purge, 30)
    files = on_disk(folder)
    assert not [event for event in gone if f"{event.event_id}".encode() in files]
    assert not [
        user for user in range(0, USERS, 2) if f"it<{user}.".encode() in files
    ]  # nor what was dropped before
    assert b"user-" not in files  # of no user, ever
    assert [len(history) for history in store.histories(["user-0", "user-1"])] == [0, 20]


def test_a_purge_that_a_crash_cut_short_is_taken_up_by_the_next_process(world: World) -> None:
    store, folder, open_again = world
    store.append([Event("u", "event-of-u", "i", 1)])
    store.delete("u", 2)
    wait_until(open_again().purge, 30)
    assert b"event-of-u" not in on_disk(folder)
