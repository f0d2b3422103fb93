"""What every store must do, each proven on SQLite and on a real Redis."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.store.protocol import Event, Outcome, Store, StoredEvent
from tests.service.store.conftest import LIMIT, Open

STORED, DUPLICATE, OUTDATED = Outcome.STORED, Outcome.DUPLICATE, Outcome.OUTDATED
NOW = 1_700_000_000_000
EXAMPLES = count()


def event(number: int, user_id: str = "u", at: int | None = None) -> Event:
    """Event e3 of user u: item i3 at 3 ms."""
    return Event(user_id, f"e{number}", f"i{number}", number if at is None else at)


def items(store: Store, user_id: str = "u") -> list[str]:
    return [stored.item_id for stored in store.histories([user_id])[0]]


def test_a_user_that_was_never_there_has_an_empty_history(store: Store) -> None:
    assert store.histories(["nobody"]) == [()]
    assert store.histories([]) == []


def test_what_was_stored_comes_back_whole(store: Store) -> None:
    assert store.append([Event("u", "e", "i", NOW)]) == [STORED]
    assert store.histories(["u"]) == [(StoredEvent("e", "i", NOW),)]


def test_a_history_is_in_the_order_of_time_then_of_arrival(store: Store) -> None:
    store.append([event(9, at=5), event(1, at=5), event(3, at=2)])
    store.append([event(0, at=5)])
    assert items(store) == ["i3", "i9", "i1", "i0"]


def test_users_are_apart_and_each_answer_is_in_its_place(store: Store) -> None:
    outcomes = store.append([event(1, "u"), event(1, "v"), event(1, "u"), event(2, "v")])
    assert outcomes == [STORED, STORED, DUPLICATE, STORED]
    assert [len(history) for history in store.histories(["v", "nobody", "u"])] == [2, 0, 1]


def test_an_event_counts_once_and_its_first_content_stays(store: Store) -> None:
    assert store.append([Event("u", "e", "first", 5), Event("u", "e", "second", 9)]) == [STORED, DUPLICATE]
    assert store.append([Event("u", "e", "third", 1)]) == [DUPLICATE]
    assert store.histories(["u"]) == [(StoredEvent("e", "first", 5),)]


def test_the_newest_are_kept_however_they_arrive(store: Store) -> None:
    assert store.append([event(n) for n in (6, 2, 5, 1, 4, 3)]) == [STORED] * 6
    assert items(store) == ["i3", "i4", "i5", "i6"]


def test_an_event_older_than_all_that_fit_is_not_taken(store: Store) -> None:
    assert store.append([event(n) for n in (6, 5, 4, 3, 2)]) == [STORED] * 4 + [OUTDATED]
    assert items(store) == ["i3", "i4", "i5", "i6"]


def test_what_was_dropped_for_the_limit_does_not_come_back(store: Store) -> None:
    sent = [event(n) for n in range(1, 7)]
    store.append(sent)
    assert store.append(sent) == [OUTDATED, OUTDATED, DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE]
    assert items(store) == ["i3", "i4", "i5", "i6"]


def test_events_of_one_moment_beyond_the_limit_are_dropped_in_order_of_arrival(store: Store) -> None:
    assert store.append([event(n, at=7) for n in range(LIMIT + 1)]) == [STORED] * (LIMIT + 1)
    assert items(store) == ["i1", "i2", "i3", "i4"]
    assert store.append([event(0, at=7), event(9, at=7), event(8, at=8)]) == [OUTDATED, OUTDATED, STORED]


def test_a_lower_limit_holds_from_the_next_event_on(open_it: Open) -> None:
    open_it().append([event(n) for n in range(LIMIT)])
    smaller = open_it(limit=2)
    assert smaller.append([event(9)]) == [STORED]
    assert items(smaller) == ["i3", "i9"]


def test_a_deleted_user_is_gone_and_no_event_from_before_brings_them_back(store: Store) -> None:
    sent = [event(n, at=NOW + n) for n in range(3)]
    store.append(sent)
    assert store.delete("u", NOW + 10) == 3
    assert store.histories(["u"]) == [()]
    assert store.append([*sent, event(9, at=NOW + 10)]) == [OUTDATED] * 4
    assert store.histories(["u"]) == [()]


def test_a_deleted_user_may_begin_again(store: Store) -> None:
    store.append([event(1, at=NOW)])
    store.delete("u", NOW + 1)
    assert store.append([event(1, at=NOW + 2)]) == [STORED]
    assert items(store) == ["i1"]


def test_an_event_from_a_clock_ahead_is_deleted_and_stays_so(store: Store) -> None:
    ahead = event(1, at=NOW + 500)
    store.append([ahead])
    store.delete("u", NOW)
    assert store.append([ahead]) == [OUTDATED]


def test_a_second_deletion_with_a_slower_clock_lowers_nothing(store: Store) -> None:
    assert store.delete("u", NOW) == 0  # never there: what is on its way is refused all the same
    assert store.delete("u", NOW - 100) == 0
    assert store.append([event(1, at=NOW - 50)]) == [OUTDATED]


def test_a_deletion_is_of_one_user(store: Store) -> None:
    store.append([event(1, "u"), event(1, "v")])
    store.delete("u", NOW)
    assert items(store, "v") == ["i1"]


def test_an_event_that_was_dropped_before_the_deletion_stays_away_too(store: Store) -> None:
    sent = [event(n, at=NOW + n) for n in range(LIMIT + 2)]
    store.append(sent)
    store.delete("u", NOW)
    assert store.append(sent) == [OUTDATED] * len(sent)


def test_another_process_sees_it_at_once(open_it: Open) -> None:
    one, other = open_it(), open_it()
    one.append([event(1)])
    assert items(other) == ["i1"]
    assert other.append([event(1)]) == [DUPLICATE]
    other.delete("u", NOW)
    assert one.append([event(1)]) == [OUTDATED]


def test_many_threads_at_once_lose_and_double_nothing(open_it: Open) -> None:
    stores = [open_it(limit=1000) for _ in range(2)]
    batches = [
        [event(n) for n in range(start, start + 20)] for start in range(0, 200, 10)
    ]  # each event twice
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda n: stores[n % 2].append(batches[n]), range(len(batches))))
    assert sum(outcome is STORED for each in outcomes for outcome in each) == 210
    assert items(stores[0]) == [f"i{n}" for n in range(210)]


def test_there_is_nothing_to_warn_of(store: Store) -> None:
    assert store.warnings() == []


def test_a_purge_with_nothing_deleted_is_done_at_once(store: Store) -> None:
    store.append([event(1)])
    assert store.purge() is True


class Model:
    """The promise, in the plainest way: everything in lists."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Event]] = {}
        self.floor: dict[str, int] = {}

    def append(self, events: Sequence[Event]) -> list[Outcome]:
        return [self._take(each) for each in events]

    def _take(self, new: Event) -> Outcome:
        kept = self.kept.setdefault(new.user_id, [])
        if new.event_id in [each.event_id for each in kept]:
            return DUPLICATE
        if new.at <= self.floor.get(new.user_id, -1):
            return OUTDATED
        kept.append(new)
        kept.sort(key=lambda each: each.at)  # stable: arrival decides between equal times
        if len(kept) <= LIMIT:
            return STORED
        dropped = kept.pop(0)
        self.floor[new.user_id] = dropped.at
        return OUTDATED if dropped is new else STORED

    def delete(self, user_id: str, now: int) -> int:
        kept = self.kept.pop(user_id, [])
        self.floor[user_id] = max([self.floor.get(user_id, -1), now, *(each.at for each in kept)])
        return len(kept)


USERS = st.sampled_from(["u", "v\u0000{}:*", "ü" * 40])
IDS = st.sampled_from(["a", "b"]) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)
EVENTS = st.lists(st.builds(Event, USERS, IDS, IDS, st.integers(0, 12)), max_size=8)
STEPS = st.lists(EVENTS | st.tuples(USERS, st.integers(0, 12)), max_size=8)


@given(steps=STEPS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_appends_and_deletions_does_what_the_model_does(
    store: Store, steps: list[list[Event] | tuple[str, int]]
) -> None:
    model = Model()
    example = str(next(EXAMPLES))  # the store is not empty: each example has users of its own
    users = {name: f"{example} {name}" for name in ("u", "v\u0000{}:*", "ü" * 40)}
    for step in steps:
        if isinstance(step, tuple):
            user, now = users[step[0]], step[1]
            assert store.delete(user, now) == model.delete(user, now)
        else:
            events = [each._replace(user_id=users[each.user_id]) for each in step]
            assert store.append(events) == model.append(events)
        expected = [
            tuple(StoredEvent(each.event_id, each.item_id, each.at) for each in model.kept.get(user, []))
            for user in users.values()
        ]
        assert store.histories(list(users.values())) == expected
