"""The file of the embedded store: its tables, and connections to it. SQLite in WAL mode.

A commit is on disk when it returns (`synchronous=FULL`). The file is opened by whoever comes first, and again after a
failure, so that a disk that comes back needs no restart.

https://www.sqlite.org/wal.html
"""

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from service.store.protocol import StoreUnavailable

SCHEMA_VERSION = 2
EVENTS = (
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
CHANGES = (  # since version 2
    "CREATE TABLE change_log (last INTEGER NOT NULL, floor INTEGER NOT NULL)",  # one row; up to floor it is folded
    "CREATE TABLE changes (number INTEGER PRIMARY KEY, item_id TEXT NOT NULL, item TEXT)",
    "CREATE TABLE folded_changes (item_id TEXT PRIMARY KEY, number INTEGER NOT NULL, item TEXT) WITHOUT ROWID",
    "INSERT INTO change_log VALUES (0, 0)",
)

_CREATING = threading.Lock()  # nobody connects to a file that is not closed yet


class Connection:
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

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """`opened`, for several reads that see one state of the file."""
        with self.opened() as (database, _):
            database.execute("BEGIN")
            try:
                yield database
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")

    def close(self) -> None:
        """Until it is opened again."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open[0].close()
            self._open = None


def _open(path: Path, wait_seconds: float) -> tuple[sqlite3.Connection, bytes]:
    """The file, made where there is none, and its salt. Only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _create(path.resolve())
    database = sqlite3.connect(path, wait_seconds, isolation_level=None, check_same_thread=False)
    try:
        _switch_to_wal(database, wait_seconds)
        for pragma in ("synchronous = FULL", "secure_delete = ON"):
            database.execute(f"PRAGMA {pragma}")
        if _version(database) < SCHEMA_VERSION:
            _make_tables(database)
        if (version := _version(database)) != SCHEMA_VERSION:
            raise StoreUnavailable(f"schema_{version}")
        (salt,) = database.execute("SELECT salt FROM store").fetchone()
    except BaseException:
        database.close()
        raise
    return database, salt


def _create(path: Path) -> None:
    """The file, empty, unless it is there.

    One that is there must not be opened here: closing it again would drop this process's locks on it, whichever
    connection holds them (https://www.sqlite.org/howtocorrupt.html, 2.2). Another process that closes its connection
    would then take itself for the last one and delete the log that is still written to here.
    """
    with _CREATING, suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


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
    """What is missing, unless another connection was quicker. The only part of opening that waits for writers."""
    database.execute("BEGIN IMMEDIATE")
    version = _version(database)
    if version == 0:
        for statement in EVENTS:
            database.execute(statement)
        database.execute("INSERT INTO store VALUES (?, 0)", (secrets.token_bytes(32),))
    if version < SCHEMA_VERSION:
        for statement in CHANGES:
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    database.execute("COMMIT")


def _version(database: sqlite3.Connection) -> int:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)
