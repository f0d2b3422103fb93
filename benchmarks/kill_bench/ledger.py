"""What was acknowledged: every event, and of every item the state it must be in."""

from collections.abc import Mapping
from typing import NamedTuple


class Lost(NamedTuple):
    """What was acknowledged and is not there."""

    events: int
    items: int


class Ledger:
    """Each part has one writer; who reads it makes the writers pause."""

    def __init__(self) -> None:
        self.events: dict[str, set[str]] = {}  # event ids by user
        self.items: dict[str, str | None] = {}  # title by item id; None: deleted
        self.doubtful: set[str] = set()  # items whose last write was given up without an answer

    @property
    def acknowledged(self) -> int:
        """How many events and items."""
        return sum(map(len, self.events.values())) + len(self.items)

    def lost(self, events: Mapping[str, set[str]], items: Mapping[str, str | None]) -> Lost:
        """What is missing in what was found: event ids by user, and titles by item id, None where there is no item."""
        gone = sum(len(ids - events[user_id]) for user_id, ids in self.events.items())
        wrong = sum(
            items[item_id] != title for item_id, title in self.items.items() if item_id not in self.doubtful
        )
        return Lost(gone, wrong)
