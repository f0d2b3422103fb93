"""The embedded store: events in one SQLite file, for all processes of one machine.

What is deleted is overwritten with zeros (`secure_delete`). That is not all of it: where SQLite has moved rows from
page to page, old copies stay in the gaps (seen with 3.40: whole event ids). Only writing the file anew removes those,
so `purge` does that, and then empties the write-ahead log.

https://www.sqlite.org/pragma.html#pragma_secure_delete
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from service.store.changes_sqlite import SqliteChanges
from service.store.protocol import Event, Outcome, StoredEvent, by_user
from service.store.sqlite_file import Connection

INSERT = "INSERT INTO events (user, event_id, item_id, at) VALUES (?, ?, ?, ?)"
SET_FLOOR = "INSERT INTO floors VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET at = max(at, excluded.at)"


class SqliteStore:
    """A Store in a file. One connection writes and one reads, so that a commit keeps no reader waiting."""

    def __init__(self, path: Path, limit: int, wait_seconds: float) -> None:
        """`limit` events are kept per user; another process that writes is waited for up to `wait_seconds`."""
        self._limit = limit
        self._reading = Connection(path, wait_seconds)
        self._writing = Connection(path, wait_seconds)
        self.changes = SqliteChanges(path, wait_seconds)

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
        self.changes.close()


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


def _pseudonym(salt: bytes, user_id: str) -> bytes:
    return hashlib.blake2b(user_id.encode(), key=salt, digest_size=16).digest()
