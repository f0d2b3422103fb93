"""Requests at a steady rate, whatever becomes of them: each is sent at its time, also while earlier ones wait.

Three kinds go on side by side: recommendations for a stored user who also brings a history, recommendations for a
stored user alone, and writes of one event each.
"""

import random
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, NamedTuple

import httpx

from benchmarks._steady import sending

Kind = Literal["history", "alone", "write"]
READERS, WRITERS = 20, 20  # users
STORED = 10  # events of a reader
T = 1_700_000_000


class Answer(NamedTuple):
    """What one request got; times are seconds of one monotonic clock, status 0 is no answer at all."""

    kind: Kind
    sent: float
    done: float
    status: int
    degraded: tuple[str, ...] = ()
    retry_after: bool = False
    items: int = 0
    event: tuple[str, str] | None = None  # user id and event id of a write


class Load:
    """Sends, and keeps every answer."""

    def __init__(self, client: httpx.AsyncClient, item_ids: Sequence[str], seed: int) -> None:
        self.answers: list[Answer] = []
        self._client = client
        self._item_ids = item_ids
        self._chance = random.Random(seed)
        self._events = 0

    async def prepare(self) -> None:
        """Store what the readers did."""
        events = [
            self._event(f"reader-{user}", f"before-{n}") for user in range(READERS) for n in range(STORED)
        ]
        (await self._client.post("/events", json={"events": events})).raise_for_status()

    def running(self, reads: float, writes: float) -> AbstractAsyncContextManager[None]:
        """While the block runs: so many reads of each kind, and writes, a second."""
        return sending((reads, self._with_history), (reads / 4, self._alone), (writes, self._write))

    async def stored(self) -> set[tuple[str, str]]:
        """The writers' events that the service has now, as user id and event id."""
        found = set()
        for user in range(WRITERS):
            answer = await self._client.get(f"/users/writer-{user}")
            events = answer.raise_for_status().json()["events"] if answer.status_code != 404 else []
            found |= {(f"writer-{user}", event["event_id"]) for event in events}
        return found

    async def _with_history(self, number: int) -> None:
        history = [{"item_id": item_id} for item_id in self._chance.sample(self._item_ids, 3)]
        await self._send("history", "/recommend", {"user_id": self._reader(), "history": history, "k": 5})

    async def _alone(self, number: int) -> None:
        await self._send("alone", "/recommend", {"user_id": self._reader(), "k": 5})

    async def _write(self, number: int) -> None:
        self._events += 1
        body = self._event(f"writer-{self._events % WRITERS}", f"event-{self._events}")
        await self._send("write", "/events", body, (str(body["user_id"]), str(body["event_id"])))

    async def _send(
        self, kind: Kind, path: str, body: dict[str, Any], event: tuple[str, str] | None = None
    ) -> None:
        sent = time.monotonic()
        try:
            answer = await self._client.post(path, json=body)
        except httpx.TransportError:
            self.answers.append(Answer(kind, sent, time.monotonic(), 0, event=event))
            return
        content = answer.json() if answer.status_code == 200 else {}
        self.answers.append(
            Answer(
                kind,
                sent,
                time.monotonic(),
                answer.status_code,
                tuple(content.get("degraded", ())),
                "retry-after" in answer.headers,
                len(content.get("items", ())),
                event,
            )
        )

    def _reader(self) -> str:
        return f"reader-{self._chance.randrange(READERS)}"

    def _event(self, user_id: str, event_id: str) -> dict[str, Any]:
        item_id = self._chance.choice(self._item_ids)
        return {"user_id": user_id, "event_id": event_id, "item_id": item_id, "timestamp": T + self._events}
