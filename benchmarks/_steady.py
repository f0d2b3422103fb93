"""Requests at a steady rate, whatever becomes of them: each is sent at its time, also while earlier ones wait."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Send = Callable[[int], Awaitable[object]]


@asynccontextmanager
async def sending(*streams: tuple[float, Send]) -> AsyncIterator[None]:
    """While the block runs: call send(0), send(1), ... of every stream, so many times a second.

    At its end nothing more is sent, and what is on its way is waited for.
    """
    senders = [asyncio.create_task(_send_at(rate, send)) for rate, send in streams]
    try:
        yield
    finally:
        for sender in senders:
            sender.cancel()
        await asyncio.wait(senders)


async def _send_at(rate: float, send: Send) -> None:
    started, sent, running = time.monotonic(), 0, set[asyncio.Future[object]]()
    try:
        while True:
            await asyncio.sleep(started + sent / rate - time.monotonic())
            task = asyncio.ensure_future(send(sent))
            running.add(task)
            task.add_done_callback(running.discard)
            sent += 1
    finally:
        await asyncio.gather(*running)
