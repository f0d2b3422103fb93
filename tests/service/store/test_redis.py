"""What holds for Redis alone: its configuration, its refusals, and a connection that was cut."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from service.store.protocol import Event, Outcome, StoreUnavailable
from service.store.redis import RedisStore
from tests.service.store.redis_server import RedisServer, needs_redis

pytestmark = needs_redis

EVENT = Event("u", "e", "i", 1)

Start = Callable[..., tuple[RedisServer, RedisStore]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(**options: str) -> tuple[RedisServer, RedisStore]:
            server = RedisServer(tmp_path, **options).start()
            stack.callback(server.stop)
            store = RedisStore(server.url, 4, 0.2, 0.5)
            stack.callback(store.close)
            return server, store

        yield begin


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"appendonly": "no"}, "appendonly yes"),
        ({"appendfsync": "everysec"}, "appendfsync always"),
        ({"maxmemory-policy": "allkeys-lru"}, "maxmemory-policy noeviction"),
    ],
)
def test_a_redis_that_can_lose_what_it_acknowledged_is_warned_of(
    start: Start, options: dict[str, str], says: str
) -> None:
    _, store = start(**options)
    assert store.warnings() == [f"Redis must have {says}, or acknowledged writes can be lost"]


def test_a_redis_that_hides_its_configuration_is_warned_of(start: Start) -> None:
    _, store = start(**{"rename-command": "CONFIG HIDDEN"})
    [warning] = store.warnings()
    assert warning.startswith("Redis does not show its configuration; it must have appendonly yes, ")


def test_an_old_redis_is_warned_of(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    _, store = start()
    monkeypatch.setattr("service.store.redis.OLDEST", 99)
    [warning] = store.warnings()
    assert warning.endswith("is older than 99")


def test_a_full_redis_takes_no_event_and_loses_none(start: Start) -> None:
    server, store = start()
    assert store.append([EVENT]) == [Outcome.STORED]
    server.client.config_set("maxmemory", "1")
    with pytest.raises(StoreUnavailable) as caught:
        store.append([EVENT._replace(event_id="f")])
    assert caught.value.reason == "OutOfMemoryError"
    assert [event.event_id for event in store.histories(["u"])[0]] == ["e"]


def test_no_message_of_redis_is_kept_since_it_may_quote_data(start: Start) -> None:
    server, store = start()
    store.append([EVENT])
    server.client.config_set("min-replicas-to-write", "1")
    with pytest.raises(StoreUnavailable, match=r"^the store is not available: ResponseError$"):
        store.append([EVENT._replace(event_id="f")])


def test_a_connection_that_was_cut_is_made_anew(start: Start) -> None:
    server, store = start()
    store.append([EVENT])
    assert len(store.histories(["u"])[0]) == 1
    server.client.client_kill_filter(_type="normal", skipme=True)
    assert len(store.histories(["u"])[0]) == 1
    assert store.append([EVENT]) == [Outcome.DUPLICATE]


def test_a_redis_that_is_gone_or_hangs_is_not_available_and_then_is_again(start: Start) -> None:
    server, store = start()
    store.append([EVENT])
    server.pause()
    for attempt in (
        lambda: store.histories(["u"]),
        lambda: store.append([EVENT]),
        store.warnings,
        store.purge,
    ):
        with pytest.raises(StoreUnavailable, match="TimeoutError"):
            attempt()
    server.resume()
    assert len(store.histories(["u"])[0]) == 1
    server.stop()
    with pytest.raises(StoreUnavailable, match="ConnectionError"):
        store.histories(["u"])
    server.start()
    assert store.append([EVENT]) == [Outcome.DUPLICATE]


def test_a_redis_that_was_emptied_under_a_running_service_starts_anew(start: Start) -> None:
    server, store = start()
    store.append([EVENT])
    server.client.flushall()
    assert store.histories(["u"]) == [()]
    assert store.append([EVENT]) == [Outcome.STORED]
    assert len(RedisStore(server.url, 4, 1.0, 1.0).histories(["u"])[0]) == 1


def test_the_id_of_a_user_is_in_no_key(start: Start) -> None:
    server, store = start()
    store.append([EVENT._replace(user_id="alice")])
    store.delete("alice", 5)
    keys = [key.decode() for key in server.client.scan_iter()]
    assert not [key for key in keys if "alice" in key]
    assert sorted(key.split(":")[-1] for key in keys) == [
        "floor",
        "salt",
        "sequence",
        "unpurged",
    ]
