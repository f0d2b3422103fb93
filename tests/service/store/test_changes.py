"""What every log of catalogue changes must do, each proven on SQLite and on a real Redis."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.store.changes import Change, ChangeLog, LoggedChange, PositionLost
from service.store.changes_redis import FOLD_TOGETHER
from service.store.protocol import Event, Outcome, StoreUnavailable
from service.store.redis import RedisStore
from service.store.sqlite import SqliteStore
from tests.service.store.conftest import Open
from tests.service.store.redis_server import RedisServer, needs_redis

CHANGES = st.lists(st.builds(Change, st.sampled_from("abc"), st.sampled_from([None, "1", "{}"])), max_size=6)


@pytest.fixture
def log(open_it: Open) -> ChangeLog:
    return open_it().changes


def put(number: int, item_id: str = "a") -> Change:
    return Change(item_id, json.dumps({"title": f"Tür \0 {number}"}))


def numbers(log: ChangeLog, after: int = 0) -> list[int]:
    return [change.number for change in log.after(after, 1000).changes]


def test_a_new_log_is_empty(log: ChangeLog) -> None:
    assert log.after(0, 10) == ([], 0)
    assert log.net(0) == ([], 0)


def test_changes_are_numbered_in_their_order_and_come_back_whole(log: ChangeLog, open_it: Open) -> None:
    assert log.append([put(1), Change("b c/ü", None)]) == 2
    assert log.append([put(3)]) == 3
    wanted = [LoggedChange(1, *put(1)), LoggedChange(2, "b c/ü", None), LoggedChange(3, *put(3))]
    for each in (log, open_it().changes):
        assert each.after(0, 10) == (wanted, 3)
        assert each.after(1, 1) == (wanted[1:2], 3)
        assert each.after(3, 10) == ([], 3)
        assert each.net(0) == (wanted[1:], 3)
        assert each.net(2) == (wanted[2:], 3)
        assert each.net(3) == ([], 3)


def test_an_empty_record_is_no_deletion(log: ChangeLog) -> None:
    log.append([Change("a", "")])
    assert log.net(0).changes == [LoggedChange(1, "a", "")]
    log.trim(1)
    assert log.net(0).changes == [LoggedChange(1, "a", "")]


def test_many_who_append_at_once_get_numbers_of_their_own(open_it: Open) -> None:
    logs = [open_it().changes for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        last = list(pool.map(lambda n: logs[n % 4].append([put(n), put(n, "b")]), range(40)))
    assert sorted(last) == list(range(2, 82, 2))
    assert numbers(logs[0]) == list(range(1, 81))
    assert all(one.item == other.item for one, other in pairs(logs[0]))  # each call's changes stand together


def pairs(log: ChangeLog) -> list[tuple[LoggedChange, LoggedChange]]:
    changes = log.after(0, 1000).changes
    return list(zip(changes[::2], changes[1::2], strict=True))


def test_after_a_trim_whoever_is_behind_cannot_go_on_but_loses_nothing(log: ChangeLog) -> None:
    log.append([put(1), put(2, "b"), Change("c", None), put(4)])
    before = {number: log.net(number) for number in range(5)}
    log.trim(3)
    for behind in (0, 2):
        with pytest.raises(PositionLost):
            log.after(behind, 10)
    assert numbers(log, 3) == [4]
    assert {number: log.net(number) for number in range(5)} == before
    log.trim(2)
    log.trim(100)
    assert log.after(4, 10) == ([], 4)
    assert {number: log.net(number) for number in range(5)} == before
    assert log.append([put(5)]) == 5
    assert numbers(log, 4) == [5]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(CHANGES, st.integers(0, 20)), max_size=8), start=st.integers(0, 12))
def test_net_is_the_newest_of_each_item_whatever_was_trimmed(
    log: ChangeLog, steps: list[list[Change] | int], start: int
) -> None:
    first = log.append([])
    taken: list[LoggedChange] = []
    for step in steps:
        if isinstance(step, int):
            log.trim(first + step)
        else:
            taken += [LoggedChange(first + len(taken) + n, *change) for n, change in enumerate(step, 1)]
            log.append(step)
    newest = {change.item_id: change for change in taken if change.number > first + start}
    assert log.net(first + start) == (sorted(newest.values()), first + len(taken))


def test_a_log_goes_on_beyond_a_number_it_is_told(log: ChangeLog) -> None:
    log.append([put(1), put(2, "b")])
    assert log.net(40) == ([], 2)
    with pytest.raises(PositionLost):
        log.after(40, 10)
    assert log.append([put(41)], beyond=40) == 41
    assert numbers(log, 40) == [41]
    with pytest.raises(PositionLost):
        log.after(2, 10)  # nobody can know what 3 to 40 were
    assert [change.number for change in log.net(0).changes] == [2, 41]
    assert log.append([put(42)], beyond=7) == 42
    assert log.append([], beyond=50) == 50
    assert log.after(50, 10) == ([], 50)


def test_more_than_a_script_folds_at_once(log: ChangeLog) -> None:
    log.append([put(n, f"i{n % 7}") for n in range(FOLD_TOGETHER + 5)])
    log.trim(FOLD_TOGETHER + 3)
    assert numbers(log, FOLD_TOGETHER + 3) == [FOLD_TOGETHER + 4, FOLD_TOGETHER + 5]
    assert len(log.net(0).changes) == 7


@needs_redis
def test_changes_that_were_taken_from_the_stream_are_missed(redis_server: RedisServer) -> None:
    redis_server.client.flushall()
    log = RedisStore(redis_server.url, 4, 5.0, 5.0).changes
    log.append([put(n, f"i{n}") for n in range(1, 6)])
    redis_server.client.xtrim("laser:changes", minid="4-0", approximate=False)
    for behind in (0, 2):
        with pytest.raises(PositionLost):
            log.after(behind, 10)
        with pytest.raises(PositionLost):
            log.net(behind)
    assert numbers(log, 3) == [4, 5]
    assert [change.number for change in log.net(3).changes] == [4, 5]


def test_a_file_of_before_gets_a_log_and_keeps_its_events(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    old = SqliteStore(path, 4, 1.0)
    assert old.append([Event("u", "e", "i", 1)]) == [Outcome.STORED]
    old.close()
    with sqlite3.connect(path) as database:
        for table in ("change_log", "changes", "folded_changes"):
            database.execute(f"DROP TABLE {table}")
        database.execute("PRAGMA user_version = 1")
    store = SqliteStore(path, 4, 1.0)
    assert store.changes.append([put(1)]) == 1
    assert store.append([Event("u", "e", "i", 1)]) == [Outcome.DUPLICATE]
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 3")
    with pytest.raises(StoreUnavailable, match="schema_3"):
        SqliteStore(path, 4, 1.0).changes.net(0)


@needs_redis
def test_a_redis_that_is_away_is_not_available(tmp_path: Path) -> None:
    log = RedisStore(RedisServer(tmp_path).url, 4, 0.2, 0.2).changes
    for attempt in (
        lambda: log.append([put(1)]),
        lambda: log.after(0, 1),
        lambda: log.net(0),
        lambda: log.trim(1),
    ):
        with pytest.raises(StoreUnavailable):
            attempt()
