"""Each store, empty, in turn."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from service.store.protocol import Store
from service.store.redis import RedisStore
from service.store.sqlite import SqliteStore
from tests.service.store.redis_server import RedisServer, needs_redis

LIMIT = 4  # events kept of a user

Open = Callable[..., Store]


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def open_it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same store again each time, empty at first, as every process of a service does."""
    with ExitStack() as opened:
        if request.param == "redis":
            server: RedisServer = request.getfixturevalue("redis_server")
            server.client.flushall()

        def start(limit: int = LIMIT) -> Store:
            store: Store = (
                RedisStore(server.url, limit, 5.0, 5.0)
                if request.param == "redis"
                else SqliteStore(tmp_path / "new" / "state.sqlite", limit, 60.0)
            )
            opened.callback(store.close)
            return store

        yield start


@pytest.fixture
def store(open_it: Open) -> Store:
    return open_it()
