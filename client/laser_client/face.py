"""What both clients have in common: how they are made, and how a call becomes a method of them."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, Self, TypeVar

from laser_client.calls import A, Call
from laser_client.exchange import Exchange, World
from laser_client.options import options
from laser_client.retrying import Retry

Transport = TypeVar("Transport")
Sleep = TypeVar("Sleep")


class Face(Generic[Transport, Sleep]):
    """A client without its transport."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = 10.0,
        deadline: float | None = None,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        transport: Transport | None = None,
        sleep: Sleep | None = None,
        world: World = World(),  # noqa: B008 - frozen
    ) -> None:
        """`url` of the service, and `key` if it asks for one.

        Without them LASER_URL and LASER_API_KEY count, and at last port 8000 of this machine.
        `timeout`: seconds to connect, and to wait for an answer, in each attempt. `deadline`: seconds for a call with
        all its attempts and waits; the service is told, and does not begin what would come too late. `transport` is
        httpx's, for a proxy or a certificate authority of your own; `sleep` and `world` are for tests, and for event
        loops other than asyncio. Raises ValueError for what cannot be right.
        """
        self._options = options(url, key, timeout, deadline, retry)
        self._world = world
        self._open(transport, sleep)

    def within(self, seconds: float) -> Self:
        """The same client over the same connections, whose calls take at most so many seconds. Close only one."""
        other = copy.copy(self)
        other._options = replace(self._options, deadline=seconds)
        return other

    def _open(self, transport: Transport | None, sleep: Sleep | None) -> None:
        raise NotImplementedError

    def _begin(self, call: Call[A]) -> Exchange[A]:
        return Exchange(call, self._options, self._world)


def describe(method: Callable[..., Any], call: Callable[..., Any]) -> None:
    """Give a client's method the name, text and signature of its call, for `help` and editors that look at run time."""
    known = inspect.signature(call)
    (answer,) = known.return_annotation.__args__
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__name__ = method.__qualname__ = call.__name__
    method.__doc__ = call.__doc__
    method.__signature__ = known.replace(  # type: ignore[attr-defined]
        parameters=[this, *known.parameters.values()], return_annotation=answer
    )
