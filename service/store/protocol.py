"""What a store of events promises, whatever it is made of. tests/service/store holds each of them to it.

- An event is identified by its user and its `event_id`; the first one with that pair counts, all others are duplicates.
- Per user the newest `limit` events are kept, by time and then by arrival.
- Each user has a floor, a time: that of the newest event that was dropped for the limit, and after a deletion at least
  its moment and the time of the newest event there was. An event at or below the floor is outdated and not taken. So
  what was forgotten, by age or by deletion, stays forgotten when it is sent again; no trace of it is needed.
- A user is known by a salted hash. The id itself is never written; a deletion leaves the hash and the floor.
- A write that returns is on disk. One that raises StoreUnavailable may have happened; sending it again does no harm.

Times are milliseconds since 1970 (UTC). Every method blocks, and may be called from any thread.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from service.store.changes import ChangeLog


class Event(NamedTuple):
    """Something a user did with an item, as it arrives."""

    user_id: str
    event_id: str
    item_id: str
    at: int


class StoredEvent(NamedTuple):
    """An event in a user's history."""

    event_id: str
    item_id: str
    at: int


class Outcome(StrEnum):
    """What became of an event."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    OUTDATED = "outdated"


class StoreUnavailable(Exception):
    """The store does not answer, or refuses; `reason` is a word for logs and metrics that quotes no data."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store is not available: {reason}")
        self.reason = reason


class Store(Protocol):
    """All methods raise StoreUnavailable."""

    @property
    def changes(self) -> ChangeLog:
        """The log of catalogue changes, kept beside the events."""
        ...

    def append(self, events: Sequence[Event]) -> list[Outcome]:
        """Take events, in this order; one outcome each. Durable when it returns."""
        ...

    def histories(self, user_ids: Sequence[str]) -> list[tuple[StoredEvent, ...]]:
        """Each user's events, oldest first; empty where there are none."""
        ...

    def delete(self, user_id: str, now: int) -> int:
        """Forget a user, also one that is not known. Durable when it returns the number of events there were."""
        ...

    def purge(self) -> bool:
        """Work on erasing what was deleted from the logs on disk; True when nothing of it is left there."""
        ...

    def warnings(self) -> list[str]:
        """What in the store's configuration endangers acknowledged writes, a sentence each."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def by_user(events: Sequence[Event]) -> dict[str, list[int]]:
    """Positions of each user's events, in order."""
    positions: dict[str, list[int]] = {}
    for position, event in enumerate(events):
        positions.setdefault(event.user_id, []).append(position)
    return positions
