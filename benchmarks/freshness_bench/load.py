"""Recommendations at a steady rate, each kept with the items it brought, so that deleted ones can be looked for."""

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

import httpx

from benchmarks._steady import sending

K = 50  # items asked for: the more, the likelier a deleted one would be among them
HISTORY = 3  # items
BODIES = 200  # different requests


class Answer(NamedTuple):
    """What one request got. Status 0 is no answer at all. Times are time.monotonic()."""

    sent: float
    seconds: float
    status: int
    item_ids: frozenset[str] = frozenset()


class Load:
    """Asks random histories of `item_ids`, and keeps every answer."""

    def __init__(self, client: httpx.AsyncClient, item_ids: Sequence[str], seed: int) -> None:
        chance = random.Random(seed)
        self.answers: list[Answer] = []
        self._client = client
        self._bodies = [body_of(chance.sample(list(item_ids), HISTORY)) for _ in range(BODIES)]

    def running(self, rate: float) -> AbstractAsyncContextManager[None]:
        """While the block runs: so many requests a second."""
        return sending((rate, self.ask))

    async def ask(self, number: int) -> Answer:
        """Ask one of the bodies."""
        sent = time.monotonic()
        try:
            response = await self._client.post("/recommend", json=self._bodies[number % BODIES])
        except httpx.TransportError:
            answer = Answer(sent, time.monotonic() - sent, 0)
        else:
            items = response.json()["items"] if response.status_code == 200 else []
            found = frozenset(item["item_id"] for item in items)
            answer = Answer(sent, time.monotonic() - sent, response.status_code, found)
        self.answers.append(answer)
        return answer


def body_of(history: Sequence[str]) -> dict[str, Any]:
    """A request that may return what it has seen, so that no item is out of its reach."""
    items = [{"item_id": item_id} for item_id in history]
    return {"history": items, "k": K, "exclude": {"seen": False}}


def returned_after(answers: Sequence[Answer], deleted: Mapping[str, float]) -> int:
    """Answers with an item in them whose deletion had been acknowledged when the request was sent."""
    return sum(
        any(deleted.get(item_id, float("inf")) <= answer.sent for item_id in answer.item_ids)
        for answer in answers
    )
