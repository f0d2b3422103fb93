"""What the log of catalogue changes promises, whatever it is made of. tests/service/store holds each log to it.

- Changes are numbered 1, 2, 3, ... in the order in which they were taken; every replica applies them in that order.
- A log can be told to go on beyond a number, by whoever has a bundle that contains later changes than the log: a new
  log beside an old bundle must not give numbers that were given before.
- `trim` folds the log up to a number: of each item only the newest change is kept, and its number. Nothing that was
  acknowledged is lost by it: `net`, what changed after some number in all, is the same before and after. But whoever
  follows the log from before that number cannot go on, and starts again from a bundle and its `net`.
- Changes that were taken away otherwise (a stream trimmed by hand) are noticed, never skipped.

A write that returns is on disk. Every method blocks, and may be called from any thread.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Change(NamedTuple):
    """One item as it shall be from now on."""

    item_id: str
    item: str | None  # its record as JSON; None: it is deleted


class LoggedChange(NamedTuple):
    """A change and its number."""

    number: int
    item_id: str
    item: str | None


class Tail(NamedTuple):
    """Changes after a number, ascending, and the number of the log's last one."""

    changes: list[LoggedChange]
    last: int


class PositionLost(Exception):
    """The log does not have all changes after a number any more, or ends before it."""


class ChangeLog(Protocol):
    """All methods raise StoreUnavailable."""

    def append(self, changes: Sequence[Change], beyond: int = 0) -> int:
        """Take changes, in this order, with numbers above `beyond`; all of them or none. Returns the last number."""
        ...

    def after(self, number: int, most: int) -> Tail:
        """The first `most` changes after a number. Raises PositionLost where not all that came after it are there."""
        ...

    def net(self, number: int) -> Tail:
        """The newest change of each item that changed after a number, in their order. Raises PositionLost where some
        were taken away. A log that ends before `number` has nothing to tell, and its last number is returned."""
        ...

    def trim(self, number: int) -> None:
        """Fold what is up to a number."""
        ...
