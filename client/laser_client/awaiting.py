"""The client for event loops: `async with AsyncLaser() as laser: await laser.recommend(...)`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self

import httpx

from laser_client import calls
from laser_client.answers import RecommendResponse
from laser_client.calls import A, Call
from laser_client.exchange import Wait
from laser_client.face import Face, describe
from laser_client.requests import RecommendRequest

P = ParamSpec("P")


def _method(call: Callable[P, Call[A]]) -> Callable[Concatenate["AsyncLaser", P], Coroutine[Any, Any, A]]:
    """The call as a method that makes it; awaiting it gives its answer."""

    async def method(client: "AsyncLaser", /, *args: P.args, **kwargs: P.kwargs) -> A:
        return await client._make(call(*args, **kwargs))

    describe(method, call)
    return method


class AsyncLaser(Face[httpx.AsyncBaseTransport, Callable[[float], Awaitable[None]]]):
    """A client of one service. Its methods are the functions of `laser_client.calls`, asked and answered."""

    recommend = _method(calls.recommend)
    recommend_batch = _method(calls.recommend_batch)
    recommend_from = _method(calls.recommend_from)
    similar = _method(calls.similar)
    item = _method(calls.item)
    search = _method(calls.search)
    catalogue = _method(calls.catalogue)
    values = _method(calls.values)
    insight = _method(calls.insight)
    send_event = _method(calls.send_event)
    send_events = _method(calls.send_events)
    user = _method(calls.user)
    forget_user = _method(calls.forget_user)
    put_item = _method(calls.put_item)
    change_items = _method(calls.change_items)
    delete_item = _method(calls.delete_item)
    bundles = _method(calls.bundles)
    promote = _method(calls.promote)
    roll_back = _method(calls.roll_back)
    shadow = _method(calls.shadow)
    start_shadow = _method(calls.start_shadow)
    stop_shadow = _method(calls.stop_shadow)
    alive = _method(calls.alive)
    ready = _method(calls.ready)

    async def pages(self, request: RecommendRequest) -> AsyncIterator[RecommendResponse]:
        """One answer after the other, k items each, until nothing is left to show. No item comes twice."""
        following: RecommendRequest | None = request
        while following is not None:
            page = await self.recommend(following)
            yield page
            following = calls.next_page(following, page)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _open(
        self, transport: httpx.AsyncBaseTransport | None, sleep: Callable[[float], Awaitable[None]] | None
    ) -> None:
        headers = self._options.headers()
        self._http = httpx.AsyncClient(base_url=self._options.url, headers=headers, transport=transport)
        self._sleep = sleep or asyncio.sleep

    async def _make(self, call: Call[A]) -> A:
        exchange = self._begin(call)
        while True:
            request = exchange.request(self._http)
            try:
                reply: httpx.Response | httpx.RequestError = await self._http.send(request)
            except httpx.RequestError as error:
                reply = error
            outcome = exchange.settle(reply)
            if not isinstance(outcome, Wait):
                return outcome
            await self._sleep(outcome.seconds)
