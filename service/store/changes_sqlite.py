"""The log of catalogue changes in the file of the embedded store. Worker processes of one machine follow it there."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from service.store.changes import Change, LoggedChange, PositionLost, Tail
from service.store.sqlite_file import Connection

FOLD = """
    INSERT INTO folded_changes SELECT item_id, number, item FROM changes WHERE number <= ? ORDER BY number
    ON CONFLICT (item_id) DO UPDATE SET number = excluded.number, item = excluded.item
"""
NET = """
    SELECT max(number), item_id, item
    FROM (SELECT number, item_id, item FROM folded_changes UNION ALL SELECT number, item_id, item FROM changes)
    WHERE number > ? GROUP BY item_id ORDER BY 1
"""  # with a lone max(), SQLite takes the other columns from the row that has it


class SqliteChanges:
    """A ChangeLog in a file."""

    def __init__(self, path: Path, wait_seconds: float) -> None:
        """Another process that writes is waited for up to `wait_seconds`."""
        self._reading = Connection(path, wait_seconds)
        self._writing = Connection(path, wait_seconds)

    def append(self, changes: Sequence[Change], beyond: int = 0) -> int:
        """See ChangeLog. One transaction."""
        with self._writing.transaction() as (database, _):
            last, _ = _ends(database)
            if beyond > last:
                _fold(database, last)
                database.execute("UPDATE change_log SET floor = ?", (beyond,))
                last = beyond
            rows = [(number, *change) for number, change in enumerate(changes, last + 1)]
            database.executemany("INSERT INTO changes VALUES (?, ?, ?)", rows)
            last += len(rows)
            database.execute("UPDATE change_log SET last = ?", (last,))
            return last

    def after(self, number: int, most: int) -> Tail:
        """See ChangeLog."""
        query = "SELECT number, item_id, item FROM changes WHERE number > ? ORDER BY number LIMIT ?"
        with self._reading.snapshot() as database:
            last, floor = _ends(database)
            if not floor <= number <= last:
                raise PositionLost(f"{number} is not in {floor}..{last}")
            return Tail(_logged(database, query, (number, most)), last)

    def net(self, number: int) -> Tail:
        """See ChangeLog."""
        with self._reading.snapshot() as database:
            last, _ = _ends(database)
            return Tail(_logged(database, NET, (number,)), last)

    def trim(self, number: int) -> None:
        """See ChangeLog. One transaction."""
        with self._writing.transaction() as (database, _):
            _fold(database, number)

    def close(self) -> None:
        """Let go of the file."""
        self._reading.close()
        self._writing.close()


def _ends(database: sqlite3.Connection) -> tuple[int, int]:
    """The number of the last change, and that up to which all are folded."""
    last, floor = database.execute("SELECT last, floor FROM change_log").fetchone()
    return int(last), int(floor)


def _fold(database: sqlite3.Connection, number: int) -> None:
    last, floor = _ends(database)
    number = min(number, last)
    if number > floor:
        database.execute(FOLD, (number,))
        database.execute("DELETE FROM changes WHERE number <= ?", (number,))
        database.execute("UPDATE change_log SET floor = ?", (number,))


def _logged(database: sqlite3.Connection, query: str, values: tuple[int, ...]) -> list[LoggedChange]:
    return [LoggedChange._make(row) for row in database.execute(query, values)]
