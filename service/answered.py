"""How often each item was recommended since the process started, by bundle: what people were really shown.

A request only leaves its item ids in a queue. They are counted between requests, or when somebody looks. Only the
bundles answered from last are kept, and of each so many items at most; nothing in here says who asked what.
"""

import asyncio
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

TOGETHER = 64  # answers that are counted at a time
BUNDLES = 2  # the one in service and the one before
ITEMS = 1_000_000  # different ones of a bundle; further ones are not counted


@dataclass(frozen=True)
class Tally:
    """What was answered from one bundle: how many answers, and how often each item id was in one."""

    answers: int = 0
    times: Mapping[str, int] = field(default_factory=dict)


class Answered:
    """Counts answers. `note` on the event loop; anything else from any thread."""

    def __init__(self) -> None:
        self.since = datetime.now(UTC)
        self._waiting: deque[tuple[str, Sequence[str]]] = deque()
        self._lock = threading.Lock()
        self._answers: Counter[str] = Counter()
        self._times: OrderedDict[str, Counter[str]] = OrderedDict()

    def note(self, bundle_id: str, item_ids: Sequence[str]) -> None:
        """An answer from this bundle had these items. Takes no time of the request's."""
        self._waiting.append((bundle_id, item_ids))
        if len(self._waiting) == TOGETHER:
            asyncio.get_running_loop().call_soon(self._count)

    def of(self, bundle_id: str) -> Tally:
        """A copy of what was counted for this bundle."""
        self._count()
        with self._lock:
            return Tally(self._answers[bundle_id], dict(self._times.get(bundle_id, {})))

    def different(self, bundle_id: str) -> int:
        """How many different items the answers from this bundle had."""
        self._count()
        with self._lock:
            return len(self._times.get(bundle_id, ()))

    def _count(self) -> None:
        with self._lock:
            while self._waiting:
                bundle_id, item_ids = self._waiting.popleft()
                times = self._of(bundle_id)
                self._answers[bundle_id] += 1
                room = len(times) + len(item_ids) <= ITEMS
                times.update(item_ids if room else [each for each in item_ids if each in times])

    def _of(self, bundle_id: str) -> Counter[str]:
        times = self._times.setdefault(bundle_id, Counter())
        self._times.move_to_end(bundle_id)
        while len(self._times) > BUNDLES:
            gone, _ = self._times.popitem(last=False)
            del self._answers[gone]
        return times
