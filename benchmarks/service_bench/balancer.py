"""A simple load balancer, as small as one can be that loses nothing while its replicas are restarted one by one.

It asks each replica's /readyz every so often, hands each request to the ready replicas in turn on a connection of its
own, and never sends one twice: a request that a replica drops is lost, and counted by whoever asked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.service_bench.client import Connection, get

EVERY = 0.05  # seconds between two looks at a replica
PATIENCE = 1.0  # seconds for an answer to a look
NOBODY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
END = b"\r\n\r\n"


@dataclass
class Balancer:
    """Replicas by their addresses; `add` and `remove` while requests go through it."""

    url: str = ""
    clients: "set[asyncio.Task[None]]" = field(default_factory=set)  # those connected
    _ready: dict[str, bool] = field(default_factory=dict)
    _next: int = 0

    def add(self, url: str) -> None:
        """Send requests here too, once it says that it is ready."""
        self._ready[url] = False

    def remove(self, url: str) -> None:
        """Forget a replica that is no more."""
        self._ready.pop(url, None)

    @property
    def ready(self) -> list[str]:
        """Replicas that take requests."""
        return [url for url, ready in self._ready.items() if ready]

    async def watch(self) -> None:
        """Look at every replica again and again."""
        while True:
            await asyncio.gather(*map(self._look, list(self._ready)), asyncio.sleep(EVERY))

    async def _look(self, url: str) -> None:
        """A replica that does not answer in time is taken for what it said before."""
        probe = Connection(url)
        with suppress(TimeoutError):
            said = await asyncio.wait_for(probe.ask(get("/readyz")), PATIENCE)
            if url in self._ready:
                self._ready[url] = said.status == 200
        probe.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client: its requests, one after another, each handed on."""
        task = asyncio.current_task()
        assert task is not None
        self.clients.add(task)
        try:
            while True:
                head = await reader.readuntil(END)
                body = await reader.readexactly(_length(head))
                writer.write(await self._answer(head + body))
                await writer.drain()
        except (OSError, EOFError):
            pass  # the client is gone, or its request is lost: hang up
        finally:
            writer.close()
            self.clients.discard(task)

    async def _answer(self, request: bytes) -> bytes:
        """The answer of the replica whose turn it is. Raises OSError or EOFError where it gives none."""
        ready = self.ready
        if not ready:
            return NOBODY
        self._next += 1
        address = urlsplit(ready[self._next % len(ready)])
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(request)
            head = await reader.readuntil(END)
            return head + await reader.readexactly(_length(head))
        finally:
            writer.close()


@asynccontextmanager
async def balancing() -> AsyncIterator[Balancer]:
    """A balancer on a free port of loopback, until the block ends."""
    balancer = Balancer()
    server = await asyncio.start_server(balancer.serve, "127.0.0.1", 0)
    balancer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    watching = asyncio.create_task(balancer.watch())
    try:
        yield balancer
    finally:
        server.close()
        running = [watching, *balancer.clients]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _length(head: bytes) -> int:
    lines = head.decode("latin-1").split("\r\n")
    lengths = [line.partition(":")[2] for line in lines if line.lower().startswith("content-length:")]
    return int(lengths[0]) if lengths else 0
