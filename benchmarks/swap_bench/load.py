"""Requests at a steady rate while bundles change: each answer failed, is of one bundle, or mixes several.

An answer is of one bundle if all its titles say the one that it names, and if the items are mostly those that this
bundle gives for the same request when nothing changes.
"""

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

import httpx

from benchmarks._steady import sending
from benchmarks.swap_bench.variants import made_by

Body = dict[str, Any]
ALIKE = 0.5  # of an answer's items must be those of the undisturbed answer


class Answer(NamedTuple):
    """What one request got. Status 0 is no answer at all."""

    sent: float  # time.monotonic()
    seconds: float
    status: int
    bundle: str = ""
    mixed: bool = False


class Load:
    """Asks the same bodies in turn, and keeps every answer."""

    def __init__(self, client: httpx.AsyncClient, bodies: Sequence[Body]) -> None:
        self.answers: list[Answer] = []
        self._client = client
        self._bodies = bodies
        self._undisturbed: dict[tuple[str, int], set[str]] = {}

    async def learn(self) -> None:
        """Ask everything of the bundle that answers now, one after another."""
        for number, body in enumerate(self._bodies):
            answer = (await self._client.post("/recommend", json=body)).raise_for_status().json()
            ids = {item["item_id"] for item in answer["items"]}
            self._undisturbed[answer["versions"]["bundle"], number] = ids

    def running(self, rate: float) -> AbstractAsyncContextManager[None]:
        """While the block runs: so many requests a second."""
        return sending((rate, lambda sent: self.ask(sent % len(self._bodies))))

    async def ask(self, number: int) -> None:
        """Ask one body and judge the answer."""
        sent = time.monotonic()
        try:
            response = await self._client.post("/recommend", json=self._bodies[number])
        except httpx.TransportError:
            self.answers.append(Answer(sent, time.monotonic() - sent, 0))
            return
        seconds = time.monotonic() - sent
        if response.status_code != 200:
            self.answers.append(Answer(sent, seconds, response.status_code))
            return
        content = response.json()
        bundle = content["versions"]["bundle"]
        ids = {item["item_id"] for item in content["items"]}
        expected = self._undisturbed[bundle, number]
        strange = len(ids & expected) < ALIKE * len(expected)
        mixed = strange or made_by(content["items"]) != {bundle}
        self.answers.append(Answer(sent, seconds, 200, bundle, mixed))
