"""The embedded store: one SQLite file in WAL mode, for all processes of one machine.

A commit is on disk when it returns (`synchronous=FULL`). The file is opened by whoever comes first, and again after a
failure, so that a disk that comes back needs no restart.

What is deleted is overwritten with zeros (`secure_delete`). That is not all of it: where SQLite has moved rows from
page to page, old copies stay in the gaps (seen with 3.40: whole event ids). Only writing the file anew removes those,
so `purge` does that, and then empties the write-ahead log.

https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_secure_delete
"""

import hashlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from service.store.protocol import Event, Outcome, StoredEvent, StoreUnavailable, by_user

SCHEMA_VERSION = 1
SCHEMA = (
    "CREATE TABLE store (salt BLOB NOT NULL, unpurged INTEGER NOT NULL)",  # one row; deletions since the last purge
    """CREATE TABLE events (
        sequence INTEGER PRIMARY KEY, -- order of arrival
        user BLOB NOT NULL,
        event_id TEXT NOT NULL,
        item_id TEXT NOT NULL,
        at INTEGER NOT NULL,
        UNIQUE (user, event_id)
    )""",
    "CREATE INDEX events_by_time ON events (user, at, sequence)",
    "CREATE TABLE floors (user BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
)
INSERT = "INSERT INTO events (user, event_id, item_id, at) VALUES (?, ?, ?, ?)"
SET_FLOOR = "INSERT INTO floors VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET at = max(at, excluded.at)"


class SqliteStore:
    """A Store in a file. One connection writes and one reads, so that a commit keeps no reader waiting."""

    def __init__(self, path: Path, limit: int, wait_seconds: float) -> None:
        """`limit` events are kept per user; another process that writes is waited for up to `wait_seconds`."""
        self._limit = limit
        self._reading = _Connection(path, wait_seconds)
        self._writing = _Connection(path, wait_seconds)

    def append(self, events: Sequence[Event]) -> list[Outcome]:
        """See Store. One transaction for all of them."""
        outcomes = [Outcome.STORED] * len(events)
        with self._writing.transaction() as (database, salt):
            for user_id, positions in by_user(events).items():
                history = _History(database, _pseudonym(salt, user_id), self._limit)
                for position in positions:
                    outcomes[position] = history.take(events[position])
        return outcomes

    def histories(self, user_ids: Sequence[str]) -> list[tuple[StoredEvent, ...]]:
        """See Store."""
        query = "SELECT event_id, item_id, at FROM events WHERE user = ? ORDER BY at, sequence"
        with self._reading.opened() as (database, salt):
            return [
                tuple(map(StoredEvent._make, database.execute(query, (_pseudonym(salt, user_id),))))
                for user_id in user_ids
            ]

    def delete(self, user_id: str, now: int) -> int:
        """See Store."""
        with self._writing.transaction() as (database, salt):
            user = _pseudonym(salt, user_id)
            (newest,) = database.execute("SELECT max(at) FROM events WHERE user = ?", (user,)).fetchone()
            database.execute(SET_FLOOR, (user, max(now, newest or 0)))
            database.execute("UPDATE store SET unpurged = unpurged + 1")
            return database.execute("DELETE FROM events WHERE user = ?", (user,)).rowcount

    def purge(self) -> bool:
        """See Store. Copies the whole file, and writes wait meanwhile. False while another process reads the log."""
        with self._writing.opened() as (database, _):
            (deletions,) = database.execute("SELECT unpurged FROM store").fetchone()
            if deletions:
                database.execute("VACUUM")
                (busy, _, _) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if busy:
                    return False
                database.execute("UPDATE store SET unpurged = unpurged - ?", (deletions,))
            return True

    def warnings(self) -> list[str]:
        """See Store. Opening the file sets all that matters, so there is nothing to warn of once it works."""
        with self._reading.opened():
            return []

    def close(self) -> None:
        """See Store."""
        self._reading.close()
        self._writing.close()


class _History:
    """One user's events while a transaction adds to them."""

    def __init__(self, database: sqlite3.Connection, user: bytes, limit: int) -> None:
        self._database = database
        self._user = user
        self._limit = limit
        (self._count,) = database.execute("SELECT count(*) FROM events WHERE user = ?", (user,)).fetchone()
        found = database.execute("SELECT at FROM floors WHERE user = ?", (user,)).fetchone()
        self._floor: int = found[0] if found else -1

    def take(self, event: Event) -> Outcome:
        known = "SELECT 1 FROM events WHERE user = ? AND event_id = ?"
        if self._database.execute(known, (self._user, event.event_id)).fetchone():
            return Outcome.DUPLICATE
        if event.at <= self._floor:
            return Outcome.OUTDATED
        self._database.execute(INSERT, (self._user, event.event_id, event.item_id, event.at))
        self._count += 1
        outcome = Outcome.STORED
        while self._count > self._limit:
            if self._drop_oldest() == event.event_id:
                outcome = Outcome.OUTDATED  # older than all others, and there is no room for it
        return outcome

    def _drop_oldest(self) -> str:
        """Its event_id; its time becomes the floor."""
        oldest = "SELECT sequence, event_id, at FROM events WHERE user = ? ORDER BY at, sequence LIMIT 1"
        sequence, event_id, at = self._database.execute(oldest, (self._user,)).fetchone()
        self._database.execute("DELETE FROM events WHERE sequence = ?", (sequence,))
        self._database.execute(SET_FLOOR, (self._user, at))
        self._count -= 1
        self._floor = at
        return str(event_id)


class _Connection:
    """A connection that is made when it is needed, used by one thread at a time, and made anew after an error."""

    def __init__(self, path: Path, wait_seconds: float) -> None:
        self._path = path
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._open: tuple[sqlite3.Connection, bytes] | None = None

    @contextmanager
    def opened(self) -> Iterator[tuple[sqlite3.Connection, bytes]]:
        """The connection and the salt. Turns what SQLite and the file system raise into StoreUnavailable."""
        with self._lock:
            try:
                if self._open is None:
                    self._open = _open(self._path, self._wait_seconds)
                yield self._open
            except (sqlite3.Error, OSError) as error:
                self._close()
                reason = getattr(error, "sqlite_errorname", None) or type(error).__name__
                raise StoreUnavailable(reason) from error

    @contextmanager
    def transaction(self) -> Iterator[tuple[sqlite3.Connection, bytes]]:
        """`opened`, for writing: all of it happens or nothing."""
        with self.opened() as (database, salt):
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database, salt
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open[0].close()
            self._open = None


def _open(path: Path, wait_seconds: float) -> tuple[sqlite3.Connection, bytes]:
    """The file, made where there is none, and its salt. Only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    database = sqlite3.connect(path, wait_seconds, isolation_level=None, check_same_thread=False)
    try:
        _switch_to_wal(database, wait_seconds)
        for pragma in ("synchronous = FULL", "secure_delete = ON"):
            database.execute(f"PRAGMA {pragma}")
        if _version(database) == 0:
            _make_tables(database)
        if (version := _version(database)) != SCHEMA_VERSION:
            raise StoreUnavailable(f"schema_{version}")
        (salt,) = database.execute("SELECT salt FROM store").fetchone()
    except BaseException:
        database.close()
        raise
    return database, salt


def _switch_to_wal(database: sqlite3.Connection, wait_seconds: float) -> None:
    """Two that open a new file at once may find it busy, and SQLite does not wait for this lock by itself."""
    give_up = time.monotonic() + wait_seconds
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() >= give_up:
                raise
            time.sleep(0.005)


def _make_tables(database: sqlite3.Connection) -> None:
    """Unless another connection was quicker. The only part of opening that waits for writers."""
    database.execute("BEGIN IMMEDIATE")
    if _version(database) == 0:
        for statement in SCHEMA:
            database.execute(statement)
        database.execute("INSERT INTO store VALUES (?, 0)", (secrets.token_bytes(32),))
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    database.execute("COMMIT")


def _version(database: sqlite3.Connection) -> int:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def _pseudonym(salt: bytes, user_id: str) -> bytes:
    return hashlib.blake2b(user_id.encode(), key=salt, digest_size=16).digest()
