"""The log of catalogue changes in Redis: a stream that all replicas follow.

    laser:changes          stream; the id of change 7 is 7-0; fields: id, and item unless the item is deleted
    laser:changes:last     number of the last change
    laser:changes:floor    number up to which all changes are folded, and not in the stream any more
    laser:changes:folded   hash of item ids: the newest change up to the floor, "number" or "number item"

Numbers in the stream have no gaps, so one that is missing was taken away by somebody.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import redis

from service.store.changes import Change, LoggedChange, PositionLost, Tail

LAST, FLOOR, FOLDED, STREAM = (
    "laser:changes:last",
    "laser:changes:floor",
    "laser:changes:folded",
    "laser:changes",
)
FOLD_TOGETHER = 1000  # changes in one script, which holds up all others

# expected last, new floor or -1, then for each change: item id, item or "", and 1 where it is deleted
APPEND = """
local last = tonumber(redis.call('GET', 'laser:changes:last') or 0)
if last < tonumber(ARGV[1]) then
    if last ~= tonumber(redis.call('GET', 'laser:changes:floor') or 0) then
        return -1
    end
    last = tonumber(ARGV[1])
    redis.call('SET', 'laser:changes:floor', string.format('%d', last))
end
for n = 2, #ARGV, 3 do
    last = last + 1
    local id = string.format('%d-0', last)
    if ARGV[n + 2] == '1' then
        redis.call('XADD', 'laser:changes', id, 'id', ARGV[n])
    else
        redis.call('XADD', 'laser:changes', id, 'id', ARGV[n], 'item', ARGV[n + 1])
    end
end
redis.call('SET', 'laser:changes:last', string.format('%d', last))
return last
"""

# highest number, most changes -> changes that are left up to that number
FOLD = """
local found = redis.call('XRANGE', 'laser:changes', '-', ARGV[1] .. '-0', 'COUNT', ARGV[2])
for _, entry in ipairs(found) do
    local number = string.match(entry[1], '^%d+')
    local change = number
    if entry[2][4] then
        change = number .. ' ' .. entry[2][4]
    end
    redis.call('HSET', 'laser:changes:folded', entry[2][2], change)
    redis.call('XDEL', 'laser:changes', entry[1])
    redis.call('SET', 'laser:changes:floor', number)
end
return #found
"""

Available = Callable[[], AbstractContextManager[None]]


class RedisChanges:
    """A ChangeLog in Redis."""

    def __init__(self, reading: redis.Redis, writing: redis.Redis, available: Available) -> None:
        """Two clients of one Redis, which their maker closes; within `available` what they raise is
        StoreUnavailable."""
        self._reading = reading
        self._writing = writing
        self._available = available

    def append(self, changes: Sequence[Change], beyond: int = 0) -> int:
        """See ChangeLog. One script."""
        fields: list[str] = []
        for item_id, item in changes:
            fields += [item_id, item or "", "1" if item is None else "0"]
        with self._available():
            while (last := int(cast(int, self._writing.eval(APPEND, 0, str(beyond), *fields)))) < 0:
                self.trim(beyond)  # it has to be folded before it can go on beyond its end
            return last

    def after(self, number: int, most: int) -> Tail:
        """See ChangeLog. One round trip."""
        with self._available():
            pipeline = self._reading.pipeline(transaction=True)
            pipeline.mget(LAST, FLOOR)
            pipeline.xrange(STREAM, f"{number + 1}-0", "+", most)
            (last, floor), entries = pipeline.execute()
        changes = [_logged(entry) for entry in entries]
        first = changes[0].number if changes else _number(last) + 1
        if not _number(floor) <= number <= _number(last) or (most and first != number + 1):
            raise PositionLost(f"{number} is not in {_number(floor)}..{_number(last)}, or taken away")
        return Tail(changes, _number(last))

    def net(self, number: int) -> Tail:
        """See ChangeLog. One round trip."""
        with self._available():
            pipeline = self._writing.pipeline(transaction=True)
            pipeline.mget(LAST, FLOOR)
            pipeline.hgetall(FOLDED)
            pipeline.xrange(STREAM)
            (last, floor), folded, entries = pipeline.execute()
        changes = [_logged(entry) for entry in entries]
        first, end = max(number, _number(floor)) + 1, _number(last)
        there = {change.number for change in changes}
        if any(wanted not in there for wanted in range(first, end + 1)):
            raise PositionLost(f"changes between {first} and {end} were taken away")
        newest = {item_id: _folded(item_id, text) for item_id, text in folded.items()}
        newest |= {change.item_id.encode(): change for change in changes}
        return Tail(sorted(change for change in newest.values() if change.number > number), end)

    def trim(self, number: int) -> None:
        """See ChangeLog. A part at a time, so that others are not held up."""
        with self._available():
            while self._writing.eval(FOLD, 0, str(number), str(FOLD_TOGETHER)):
                pass


def _number(stored: bytes | None) -> int:
    return int(stored or 0)


def _logged(entry: tuple[bytes, dict[bytes, bytes]]) -> LoggedChange:
    number, fields = entry
    item: Any = fields.get(b"item")
    return LoggedChange(
        int(number.partition(b"-")[0]), fields[b"id"].decode(), None if item is None else item.decode()
    )


def _folded(item_id: bytes, text: bytes) -> LoggedChange:
    number, space, item = text.partition(b" ")
    return LoggedChange(int(number), item_id.decode(), item.decode() if space else None)
