"""The client that blocks: `with Laser() as laser: laser.recommend(...)`. May be used by several threads at once."""

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Concatenate, ParamSpec, Self

import httpx

from laser_client import calls
from laser_client.answers import RecommendResponse
from laser_client.calls import A, Call
from laser_client.exchange import Wait
from laser_client.face import Face, describe
from laser_client.requests import RecommendRequest

P = ParamSpec("P")


def _method(call: Callable[P, Call[A]]) -> Callable[Concatenate["Laser", P], A]:
    """The call as a method that makes it and returns its answer."""

    def method(client: "Laser", /, *args: P.args, **kwargs: P.kwargs) -> A:
        return client._make(call(*args, **kwargs))

    describe(method, call)
    return method


class Laser(Face[httpx.BaseTransport, Callable[[float], None]]):
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

    def pages(self, request: RecommendRequest) -> Iterator[RecommendResponse]:
        """One answer after the other, k items each, until nothing is left to show. No item comes twice."""
        following: RecommendRequest | None = request
        while following is not None:
            page = self.recommend(following)
            yield page
            following = calls.next_page(following, page)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, transport: httpx.BaseTransport | None, sleep: Callable[[float], None] | None) -> None:
        headers = self._options.headers()
        self._http = httpx.Client(base_url=self._options.url, headers=headers, transport=transport)
        self._sleep = sleep or time.sleep

    def _make(self, call: Call[A]) -> A:
        exchange = self._begin(call)
        while True:
            request = exchange.request(self._http)
            try:
                reply: httpx.Response | httpx.RequestError = self._http.send(request)
            except httpx.RequestError as error:
                reply = error
            outcome = exchange.settle(reply)
            if not isinstance(outcome, Wait):
                return outcome
            self._sleep(outcome.seconds)
