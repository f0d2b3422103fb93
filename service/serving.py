"""Which recommender answers, and how another takes its place without a request noticing.

    lease -> the one that is current, held until the request is done
    swap  -> the next lease gets the new one; the old one is closed once its last lease has ended

A request leases once and asks nothing else, so its answer is of one bundle. What is swapped in has been loaded,
verified and warmed up before (loading.py): a swap itself only changes a reference.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from service import VERSION
from service.memory import give_back_memory
from service.recommender import Recommender
from service.trace import Trace

LINGER_SECONDS = 1.0  # between the end of the last lease and the freeing of what was leased


@dataclass(eq=False)
class _Held:
    """A recommender and the requests that hold it."""

    recommender: Recommender
    leases: int = 0
    retired: bool = False


class Serving:
    """The recommender in service. `lease` and `swap` from any thread; `close` when nothing is asked any more."""

    def __init__(self, recommender: Recommender) -> None:
        self.metrics = recommender.metrics
        self._lock = threading.Lock()
        self._current = _Held(recommender)
        self._closers: set[threading.Thread] = set()
        self._leaving = threading.Event()
        self._announce()
        for stage in recommender.waiting:
            self.metrics.waiting.labels(stage).set_function(partial(self._waiting_for, stage))
        self.metrics.items.set_function(lambda: self._current.recommender.snapshot.items)
        self.metrics.change.set_function(lambda: self._current.recommender.snapshot.change)
        self.metrics.cache_bytes.set_function(lambda: self._current.recommender.cache_bytes)

    @property
    def bundle_id(self) -> str:
        """The bundle that the next request is answered from."""
        return self._current.recommender.versions.bundle

    @property
    def waiting(self) -> int:
        """Jobs that wait for the recommender in service."""
        return sum(self._current.recommender.waiting.values())

    def coming(self, trace: Trace) -> AbstractContextManager[None]:
        """While a request is answered that may need the encoder; ApiError (429) where it shall be refused unread."""
        return self._current.recommender.coming(trace)

    @contextmanager
    def lease(self) -> Iterator[Recommender]:
        """The recommender to answer one request with, whole and open until the block ends."""
        with self._lock:
            held = self._current
            held.leases += 1
        try:
            yield held.recommender
        finally:
            with self._lock:
                held.leases -= 1
                last = held.retired and not held.leases
            if last:
                self._close_aside(held.recommender)

    def swap(self, new: Recommender) -> None:
        """Answer from `new` from now on. Whoever holds the old one keeps it to the end; then it is closed."""
        with self._lock:
            old, self._current = self._current, _Held(new)
            old.retired = True
            unused = not old.leases
        self._announce()
        if unused:
            self._close_aside(old.recommender)

    def close(self) -> None:
        """Close the current recommender, and wait for those that are closing."""
        self._leaving.set()
        self._current.recommender.close()
        for closer in list(self._closers):
            closer.join()

    def _close_aside(self, recommender: Recommender) -> None:
        """In a thread of its own: a job whose client has gone may still run, and no request waits for that."""
        closer = threading.Thread(
            target=self._retire, args=([recommender],), name="laser-retire", daemon=True
        )
        self._closers.add(closer)
        closer.start()

    def _retire(self, last: list[Recommender]) -> None:
        """Close it, and hold it until the last request's frames are gone, so that it is freed here and delays none."""
        last[0].close()
        self._leaving.wait(LINGER_SECONDS)
        last.clear()
        give_back_memory()
        self._closers.discard(threading.current_thread())

    def _waiting_for(self, stage: str) -> int:
        return self._current.recommender.waiting[stage]

    def _announce(self) -> None:
        """Say in the metrics which bundle answers."""
        recommender = self._current.recommender
        self.metrics.bundle.clear()
        self.metrics.bundle.labels(recommender.versions.bundle, recommender.encoder_fingerprint, VERSION).set(
            1
        )
