"""Both clients behind one way of asking, and a service that answers by a script."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from laser_client import AsyncLaser, Laser, Retry
from laser_client.exchange import World

Ask = Callable[..., Any]  # the name of a method, and what it takes


@contextmanager
def asking(face: str, *args: Any, **options: Any) -> Iterator[Ask]:
    """A client whose methods are called by name; of `pages`, the list of all of them comes back."""
    if face == "blocking":
        with Laser(*args, **options) as laser:
            yield lambda name, *given, **named: _whole(getattr(laser, name)(*given, **named))
        return
    with asyncio.Runner() as runner:
        waiting = AsyncLaser(*args, **options)
        yield lambda name, *given, **named: runner.run(_awaited(getattr(waiting, name)(*given, **named)))
        runner.run(waiting.close())


def _whole(answer: Any) -> Any:
    return list(answer) if isinstance(answer, Iterator) else answer


async def _awaited(answer: Any) -> Any:
    return [page async for page in answer] if hasattr(answer, "__aiter__") else await answer


@dataclass
class Script:
    """Answers (or httpx errors to raise) in order, on a clock that moves only by `latency` and by sleep."""

    replies: list[httpx.Response | type[httpx.RequestError]]
    latency: float = 0.0
    chance: float = 0.5
    oversleeps: float = 0.0
    seconds: float = 0.0
    asked: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """The next reply."""
        self.asked.append(request)
        self.seconds += self.latency
        reply = self.replies.pop(0)
        if isinstance(reply, httpx.Response):
            return reply
        raise reply("it broke")

    def options(self, face: str, **more: Any) -> dict[str, Any]:
        """What makes a client talk to this script. 1_000_000_000 s after 1970 is 2001-09-09 01:46:40 UTC."""

        async def sleep(seconds: float) -> None:
            self.sleep(seconds)

        return {
            "transport": httpx.MockTransport(self.handle),
            "sleep": self.sleep if face == "blocking" else sleep,
            "world": World(lambda: self.seconds, lambda: 1_000_000_000 + self.seconds, lambda: self.chance),
            "retry": Retry(attempts=4, first=1.0, longest=30.0),
        } | more

    def sleep(self, seconds: float) -> None:
        """Time passes at once."""
        self.slept.append(seconds)
        self.seconds += seconds + self.oversleeps
