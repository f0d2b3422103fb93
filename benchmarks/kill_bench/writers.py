"""Threads that write without end: events, items put and deleted, re-indexes and promotions. Each write is sent again
until it is acknowledged, wherever the service answers by then."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.kill_bench.ledger import Ledger
from index.bundle import list_bundles

ROOT = Path(__file__).parents[2]
USERS, ITEMS = 20, 40  # that are written to
DELETES = 0.3  # share of the writes of items
PAUSE = 0.02  # seconds between two tries
SETTLE = 3.0  # seconds between a re-index and the next promotion
T = 1_700_000_000


class Where:
    """Where the service answers now; None while it does not."""

    url: str | None = None


class Writers:
    """All of them. `start`, `stop`, and a look at what the re-index is doing."""

    def __init__(
        self, where: Where, ledger: Ledger, home: Path, settings: Mapping[str, str], seed: int
    ) -> None:
        """`home` has `run`, `data` and `bundles`; `settings` are the service's LASER_* variables."""
        self._where = where
        self._ledger = ledger
        self._home = home
        self._environment = {**os.environ, **settings}
        self._stopping = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._job: subprocess.Popen[bytes] | None = None
        self.counts = {"events": 0, "puts": 0, "deletes": 0, "reindexes": 0, "promotions": 0}
        tasks: Sequence[Callable[[random.Random], None]] = (
            self._event,
            self._item,
            self._reindex,
            self._promote,
        )
        self._writing = [threading.Lock() for _ in range(2)]  # held by the first two tasks during a write
        locks = [*self._writing, threading.Lock(), threading.Lock()]
        self._threads = [
            threading.Thread(target=self._repeat, args=(task, random.Random(seed * 10 + number), lock))
            for number, (task, lock) in enumerate(zip(tasks, locks, strict=True))
        ]

    def start(self) -> None:
        """Begin to write."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End each after the write it is at, which is acknowledged then."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def kill_reindex(self) -> None:
        """kill -9 the re-index, if one runs."""
        if self._job is not None:
            self._job.kill()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While the block runs no event and no item is on its way: all that was begun is acknowledged."""
        self._go.clear()
        try:
            with self._writing[0], self._writing[1]:
                yield
        finally:
            self._go.set()

    def _repeat(
        self, task: Callable[[random.Random], None], chance: random.Random, lock: threading.Lock
    ) -> None:
        while not self._stopping.is_set():
            self._go.wait()
            with lock:
                task(chance)

    def _event(self, chance: random.Random) -> None:
        number = self.counts["events"]
        user_id, event_id = f"u{chance.randrange(USERS)}", f"e{number}"
        body = {"user_id": user_id, "event_id": event_id, "item_id": f"i{number}", "timestamp": T + number}
        if self._send("POST", "/events", body):
            self._ledger.events.setdefault(user_id, set()).add(event_id)
            self.counts["events"] += 1

    def _item(self, chance: random.Random) -> None:
        item_id, title = f"killed-{chance.randrange(ITEMS)}", None
        if chance.random() < DELETES:
            kind, done = "deletes", self._send("DELETE", f"/items/{item_id}", None)
        else:
            title = f"a title of its own, {self.counts['puts']}"
            kind, done = "puts", self._send("PUT", f"/items/{item_id}", {"title": title})
        if done:
            self._ledger.items[item_id] = title
            self.counts[kind] += 1
        else:
            self._ledger.doubtful.add(item_id)

    def _reindex(self, chance: random.Random) -> None:
        """It may be killed; the next one then begins anew."""
        arguments = ["reindex", str(self._home / "run"), str(self._home / "data")]
        command = [
            sys.executable,
            "laser.py",
            *arguments,
            "--bundles",
            str(self._home / "bundles"),
            "--device",
            "cpu",
        ]
        with (self._home / "reindex.log").open("ab") as log:
            self._job = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
            self.counts["reindexes"] += self._job.wait() == 0
            self._job = None
        self._stopping.wait(SETTLE)

    def _promote(self, chance: random.Random) -> None:
        """Any bundle there is; a service that is away or refuses is asked for another one later."""
        self._stopping.wait(chance.uniform(0.5, SETTLE))
        bundles = [manifest.bundle_id for manifest in list_bundles(self._home / "bundles")]
        if (url := self._where.url) is not None and bundles:
            try:
                answer = httpx.post(f"{url}/admin/bundles/{chance.choice(bundles)}/promote", timeout=60)
                self.counts["promotions"] += answer.status_code == 200
            except httpx.TransportError:
                return

    def _send(self, method: str, path: str, body: Any) -> bool:
        """Send it until it is acknowledged; False where that has no prospect. Raises httpx.HTTPStatusError where the
        write is wrong, and not the service busy or away."""
        while self._where.url is not None or not self._stopping.is_set():
            if (url := self._where.url) is not None:
                try:
                    answer = httpx.request(method, f"{url}{path}", json=body, timeout=30)
                    if answer.status_code not in (429, 503):
                        answer.raise_for_status()
                        return True
                except httpx.TransportError:
                    pass
            time.sleep(PAUSE)
        return False
