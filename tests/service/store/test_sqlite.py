"""What holds for the file alone: who may read it, what happens when it cannot be used, and that reads never wait."""

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from service.store.protocol import Event, Outcome, StoreUnavailable
from service.store.sqlite import SqliteStore
from service.store.sqlite_file import Connection

EVENT = Event("u", "e", "i", 1)


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "state.sqlite", 4, 1.0).append([EVENT])
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["state.sqlite", "state.sqlite-shm", "state.sqlite-wal"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_each_commit_waits_for_the_disk(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.sqlite", 4, 1.0)
    with store._writing.opened() as (database, _):
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert database.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_the_id_of_a_user_is_hashed_with_a_salt_of_the_files_own(tmp_path: Path) -> None:
    hashes = []
    for name in ("a", "b"):
        SqliteStore(tmp_path / name, 4, 1.0).append([EVENT])
        with sqlite3.connect(tmp_path / name) as database:
            [(user,)] = database.execute("SELECT DISTINCT user FROM events").fetchall()
        hashes.append(user)
    assert hashes[0] != hashes[1]


def test_a_file_that_is_no_database_is_not_available(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"x" * 4096)
    with pytest.raises(StoreUnavailable) as caught:
        SqliteStore(tmp_path / "state.sqlite", 4, 1.0).append([EVENT])
    assert caught.value.reason == "SQLITE_NOTADB"


def test_a_place_where_nothing_can_be_made_is_not_available_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file in the way")
    store = SqliteStore(tmp_path / "folder" / "state.sqlite", 4, 1.0)
    for attempt in (
        store.warnings,
        store.purge,
        lambda: store.append([EVENT]),
        lambda: store.histories(["u"]),
    ):
        with pytest.raises(StoreUnavailable, match="FileExistsError"):
            attempt()
    (tmp_path / "folder").unlink()
    assert store.append([EVENT]) == [Outcome.STORED]


def test_a_file_of_another_schema_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.sqlite") as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(StoreUnavailable, match="schema_9"):
        SqliteStore(tmp_path / "state.sqlite", 4, 1.0).append([EVENT])


def test_a_write_waits_for_another_process_no_longer_than_it_may(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.sqlite", 4, 0.05)
    store.append([EVENT])
    other = sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
        store.append([EVENT._replace(event_id="f")])
    assert len(store.histories(["u"])[0]) == 1  # a reader waits for nobody
    other.execute("ROLLBACK")
    assert store.append([EVENT._replace(event_id="f")]) == [Outcome.STORED]
    other.close()


def test_all_events_of_a_call_are_stored_or_none(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.sqlite", 4, 1.0)
    with pytest.raises(OverflowError):
        store.append([EVENT, EVENT._replace(event_id="f", at=2**63)])
    assert store.histories(["u"]) == [()]
    assert store.append([EVENT]) == [Outcome.STORED]


def test_another_process_that_comes_and_goes_loses_no_later_write(tmp_path: Path) -> None:
    """It must not take itself for the last one: then it would delete the log that connections here still write to."""
    path = tmp_path / "state.sqlite"
    query = "SELECT unpurged FROM store"
    elsewhere = f"import sqlite3; print(*sqlite3.connect({str(path)!r}).execute({query!r}).fetchone())"
    first, second = Connection(path, 1), Connection(path, 1)
    try:
        with first.transaction() as (database, _):
            database.execute("UPDATE store SET unpurged = 1")
        with second.transaction() as (database, _):  # opened while the first one holds its locks
            database.execute("UPDATE store SET unpurged = 2")
        for number in (3, 4):
            read = subprocess.run(
                [sys.executable, "-c", elsewhere], capture_output=True, text=True, check=True
            )
            assert int(read.stdout) == number - 1
            with first.transaction() as (database, _):
                database.execute(f"UPDATE store SET unpurged = {number}")
        read = subprocess.run([sys.executable, "-c", elsewhere], capture_output=True, text=True, check=True)
        assert int(read.stdout) == 4
    finally:
        first.close()
        second.close()
