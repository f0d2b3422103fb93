"""The real app in this process: `POST /recommend` bodies in, answers out, no socket in between.

Everything else is as served: validation, batching, the encoder, the index.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from index.catalog import Catalogue
from service.app import create_app
from service.settings import Settings

AT_ONCE = 32  # requests in flight: enough to fill the encoder's batches
REFUSALS = 60  # answers 429 to one request after which something is wrong

Body = dict[str, Any]


class AnswerError(Exception):
    """The service refused a request; the message has its status and what it said."""


@dataclass(frozen=True)
class Answer:
    """What a judge needs of a response."""

    rows: tuple[int, ...]  # of the catalogue, best first
    allowed: int | None = None  # items the search could choose from; None where there was no such search
    filtered: frozenset[str] = frozenset()  # attributes that the sentence filters by
    contradictions: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    short: bool = False  # fewer items than asked for


def answer_of(response: Mapping[str, Any], catalogue: Catalogue) -> Answer:
    """Read a response. Raises KeyError for one that lacks what DESIGN promises, and AnswerError for an unknown item."""
    constraint = response["applied"]["constraint"]
    rows = [catalogue.row(item["item_id"]) for item in response["items"]]
    known = tuple(row for row in rows if row is not None)
    if len(known) < len(rows):
        raise AnswerError("the response holds an item that the catalogue does not have")
    return Answer(
        rows=known,
        allowed=response["search"]["allowed"],
        filtered=frozenset(part["attribute"] for part in constraint["understood"] if part["hard"]),
        contradictions=tuple(map(_text, constraint["contradictions"])),
        ignored=tuple(map(_text, constraint["ignored"])),
        short=response["shortfall"] is not None,
    )


class Service:
    """A running app. Equal bodies are asked once."""

    def __init__(self, client: httpx.AsyncClient, catalogue: Catalogue) -> None:
        self._client = client
        self._catalogue = catalogue
        self._known: dict[str, Answer] = {}

    async def answers(self, bodies: Sequence[Body]) -> list[Answer]:
        """An answer for each body, in order. Raises AnswerError for the first that is refused."""
        keys = [json.dumps(body, sort_keys=True) for body in bodies]
        missing = {
            key: body for key, body in zip(keys, bodies, strict=True) if key not in self._known
        }  # each once
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(key: str, body: Body) -> None:
            async with gate:
                response = await self._ask(body)
            if response.status_code != 200:
                raise AnswerError(f"{response.status_code} for {key[:300]}: {response.text[:500]}")
            self._known[key] = answer_of(response.json(), self._catalogue)

        await asyncio.gather(*(ask(key, body) for key, body in missing.items()))
        return [self._known[key] for key in keys]

    async def _ask(self, body: Body) -> httpx.Response:
        """The response, asked for again as long as the service says when to come back."""
        response = await self._client.post("/recommend", json=body)
        for _ in range(REFUSALS):
            if response.status_code != 429:
                break
            await asyncio.sleep(min(1.0, float(response.headers["Retry-After"])))
            response = await self._client.post("/recommend", json=body)
        return response


@asynccontextmanager
async def serving(settings: Settings, catalogue: Catalogue) -> AsyncIterator[Service]:
    """Start the app with these settings, and stop it on leaving."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=None) as client,
    ):
        yield Service(client, catalogue)


def _text(entry: object) -> str:
    return entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)
