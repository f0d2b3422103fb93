"""The async face of a store: what it does when too many ask, what it warns of, and what it cleans up unasked."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from service import users as users_module
from service.errors import ApiError, Code
from service.history import StoredHistory
from service.metrics import Metrics
from service.settings import load_settings
from service.store.opening import open_store
from service.store.protocol import Event
from service.store.sqlite import SqliteStore
from service.trace import Trace
from service.users import Users
from tests.service.store.redis_server import RedisServer, needs_redis
from tests.service.world import wait_until

EVENT = Event("u", "an-event-id", "i", 1)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.stop()


def of(server: RedisServer, **changes: object) -> Users:
    settings = load_settings(redis_url=SecretStr(server.url), **changes)
    return Users(open_store(settings), settings, Metrics())


@needs_redis
def test_a_full_queue_refuses_writes_and_lets_recommendations_go_on(redis: RedisServer) -> None:
    redis.start()

    async def body() -> None:
        users = of(redis, max_queue=1, store_read_ms=1000, store_write_ms=1000)
        async with users.running():
            redis.pause()
            reads = [users.stored_history("u", Trace("r")) for _ in range(4)]
            assert await asyncio.gather(*reads) == [StoredHistory(away=True)] * 4
            writes = [users.append([EVENT]) for _ in range(4)]
            refused = await asyncio.gather(*writes, return_exceptions=True)
            redis.resume()
        codes = [error.errors[0].code for error in refused if isinstance(error, ApiError)]
        assert len(codes) == 4
        assert set(codes) == {Code.OVERLOADED, Code.STORE_UNAVAILABLE}
        assert all(error.headers for error in refused if isinstance(error, ApiError))  # Retry-After

    asyncio.run(body())


@needs_redis
def test_what_the_store_warns_of_is_passed_on(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    redis.start()
    redis.client.config_set("appendfsync", "everysec")

    async def body() -> None:
        users = of(redis)
        async with users.running():
            [warning] = await users.warnings()
            assert "appendfsync always" in warning
            redis.client.config_set("appendfsync", "always")
            assert await users.warnings() == [warning]  # looked at not long ago
            monkeypatch.setattr(users_module, "WARNINGS_SECONDS", 0.0)
            assert await users.warnings() == []

    asyncio.run(body())


def test_what_was_deleted_leaves_the_disk_without_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users_module, "PURGE_SECONDS", 0.01)
    monkeypatch.setattr(users_module, "PURGE_SHARE", 0)
    path = tmp_path / "state.sqlite"
    log = tmp_path / "state.sqlite-wal"

    def on_disk() -> bytes:
        return path.read_bytes() + log.read_bytes()

    async def body() -> None:
        settings = load_settings(state=path)
        users = Users(open_store(settings), settings, Metrics())
        async with users.running():
            await users.append([EVENT])
            assert EVENT.event_id.encode() in on_disk()
            assert await users.delete("u") == 1
            await asyncio.to_thread(wait_until, lambda: EVENT.event_id.encode() not in on_disk())

    asyncio.run(body())


def test_a_purge_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users_module, "PURGE_SECONDS", 0.01)
    monkeypatch.setattr(users_module, "PURGE_SHARE", 0)
    (tmp_path / "state").write_text("in the way")

    async def body() -> None:
        settings = load_settings(state=tmp_path / "state" / "state.sqlite")
        metrics = Metrics()
        async with Users(open_store(settings), settings, metrics).running():
            labels = {"operation": "purge", "reason": "FileExistsError"}
            count = metrics.registry.get_sample_value
            await asyncio.to_thread(
                wait_until, lambda: (count("laser_store_failures_total", labels) or 0) >= 2
            )

    asyncio.run(body())


def test_the_store_is_closed_at_the_end(tmp_path: Path) -> None:
    settings = load_settings(state=tmp_path / "state.sqlite")
    store = SqliteStore(settings.state_file, 4, 1.0)

    async def body() -> None:
        async with Users(store, settings, Metrics()).running():
            store.append([EVENT])

    asyncio.run(body())
    assert [path.name for path in tmp_path.iterdir()] == [
        "state.sqlite"
    ]  # the last connection takes the log with it
