"""The shared store: one Redis 7 for all replicas of the service.

Redis answers a write after it is in the append-only file on disk, if it is configured so (`appendonly yes`,
`appendfsync always`); whether it is, `warnings` tells. What was deleted stays in that file until it is rewritten, which
`purge` asks for. Reads and writes have connections of their own with time-outs of their own, because a read must not
hold up a recommendation while a write may wait for a disk.

https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from service.store import lua
from service.store.changes_redis import RedisChanges
from service.store.protocol import Event, Outcome, StoredEvent, StoreUnavailable, by_user

OLDEST = 7  # major version
SAFE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


class RedisStore:
    """A Store in Redis."""

    def __init__(self, url: str, limit: int, read_seconds: float, write_seconds: float) -> None:
        """`limit` events are kept per user. Connects when first used. Raises ValueError for a URL that is none."""
        self._limit = limit
        self._reading = _client(url, read_seconds)
        self._writing = _client(url, write_seconds)
        self.changes = RedisChanges(self._reading, self._writing, _available)
        self._rewriting: bytes | None = None  # deletions there had been when the running rewrite began

    def append(self, events: Sequence[Event]) -> list[Outcome]:
        """See Store. One script a user, all in one round trip."""
        users = by_user(events)
        with _available():
            pipeline = self._writing.pipeline(transaction=False)
            for user_id, positions in users.items():
                fields = [field for n in positions for field in _fields(events[n])]
                pipeline.eval(lua.APPEND, 0, user_id, secrets.token_bytes(32), str(self._limit), *fields)
            answers = cast(list[list[bytes]], pipeline.execute())
        outcomes = [Outcome.STORED] * len(events)
        for positions, answer in zip(users.values(), answers, strict=True):
            for position, outcome in zip(positions, answer, strict=True):
                outcomes[position] = Outcome(outcome.decode())
        return outcomes

    def histories(self, user_ids: Sequence[str]) -> list[tuple[StoredEvent, ...]]:
        """See Store. One round trip."""
        with _available():
            pipeline = self._reading.pipeline(transaction=False)
            for user_id in user_ids:
                pipeline.eval(lua.HISTORY, 0, user_id)
            answers = cast(list[list[bytes]], pipeline.execute())
        return [
            tuple(map(_stored, answer[::2], answer[1::2]))  # member, score, member, score, ...
            for answer in answers
        ]

    def delete(self, user_id: str, now: int) -> int:
        """See Store."""
        with _available():
            fresh_salt = secrets.token_bytes(32)
            return int(cast(int, self._writing.eval(lua.DELETE, 0, user_id, fresh_salt, str(now))))

    def purge(self) -> bool:
        """See Store. Starts a rewrite of the append-only file, or finds that the one it started is done."""
        with _available():
            deletions = cast(bytes | None, self._writing.get("laser:unpurged"))
            if deletions is None:
                return True
            state = self._writing.info("persistence")
            if state["aof_rewrite_in_progress"] or state.get("aof_rewrite_scheduled"):
                return False
            done = self._rewriting is not None and state["aof_last_bgrewrite_status"] == "ok"
            if done or not state["aof_enabled"]:
                forgotten = self._writing.eval(lua.PURGED, 0, self._rewriting or deletions)
                self._rewriting = None
                if forgotten:
                    return True
            self._rewriting = deletions
            self._writing.bgrewriteaof()
            return False

    def warnings(self) -> list[str]:
        """See Store. What a Redis does not let us read is a warning too."""
        with _available():
            version = str(self._reading.info("server")["redis_version"])
            found = (
                [] if int(version.split(".")[0]) >= OLDEST else [f"Redis {version} is older than {OLDEST}"]
            )
            try:
                configured = cast(dict[str, str], self._reading.config_get(*SAFE))
            except redis.ResponseError:
                return [*found, "Redis does not show its configuration; it must have " + _listed(SAFE)]
        wrong = {name: value for name, value in SAFE.items() if configured.get(name, value) != value}
        return (
            [*found, "Redis must have " + _listed(wrong) + ", or acknowledged writes can be lost"]
            if wrong
            else found
        )

    def close(self) -> None:
        """See Store."""
        self._reading.close()
        self._writing.close()


def _client(url: str, seconds: float) -> redis.Redis:
    """A client that waits so long at most, and tries once more where a connection it had kept was cut."""
    return redis.Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
    )


@contextmanager
def _available() -> Iterator[None]:
    """Turn what the client raises into StoreUnavailable; Redis' messages may quote data, so only the type is kept."""
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise StoreUnavailable(type(error).__name__) from error


def _fields(event: Event) -> tuple[str, str, str]:
    return event.event_id, event.item_id, str(event.at)


def _stored(member: bytes, score: bytes) -> StoredEvent:
    """See lua.py for what a member holds."""
    end = 20 + int(member[16:20])
    return StoredEvent(member[20:end].decode(), member[end:].decode(), int(score))


def _listed(settings: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
