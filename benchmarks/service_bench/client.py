"""A load client that takes little of the machine it shares with the service: HTTP/1.1 on raw asyncio streams.

Requests are bytes made beforehand; of an answer only the status, one header and the length are read, unless `finish`
says what its reader does with the body before it counts as answered. Closed loops keep
a number of requests in flight and find the most that is served. Open loops send at moments of a Poisson process,
whether or not earlier requests are answered, and count time from the moment a request was due: a service that stalls
cannot make its load wait (coordinated omission). One request after the other needs no event loop: `one_at_a_time` waits
on a plain socket, since a loop's own time would be a large part of a few milliseconds.
"""

import asyncio
import gc
import json
import random
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

BROKEN = 0  # the status of a request that got no answer
KEPT = 2.0  # seconds for which an idle connection is used again: less than any server keeps it open
END = b"\r\n\r\n"

Finish = Callable[[bytes], object]


class Sample(NamedTuple):
    """One request: what it got, when it was due (time.perf_counter()), and how long it took from then on."""

    status: int
    due: float
    seconds: float
    timing: str = ""  # its Server-Timing header

    @property
    def stages(self) -> dict[str, float]:
        """Seconds by stage, as the service says."""
        parts = (part.strip().split(";dur=") for part in self.timing.split(",") if part)
        return {name: float(milliseconds) / 1000 for name, milliseconds in parts}


def post(path: str, body: object) -> bytes:
    """A request with a JSON body, all of it."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}{END.decode()}".encode() + content


def get(path: str) -> bytes:
    """A request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost{END.decode()}".encode()


@dataclass
class Connection:
    """One connection, opened when it is needed and kept for the next request."""

    url: str
    finish: Finish | None = None
    _used: float = field(default=0.0, init=False)  # time.perf_counter()
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None, init=False)

    async def ask(self, request: bytes, due: float | None = None) -> Sample:
        """Send a request and wait for its answer; whatever goes wrong is the status BROKEN."""
        due = time.perf_counter() if due is None else due
        try:
            status, timing = await self._ask(request)
        except (OSError, EOFError, ValueError):
            self.close()
            status, timing = BROKEN, ""
        return Sample(status, due, time.perf_counter() - due, timing)

    def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _ask(self, request: bytes) -> tuple[int, str]:
        if time.perf_counter() - self._used > KEPT:
            self.close()
        if self._streams is None:
            address = urlsplit(self.url)
            self._streams = await asyncio.open_connection(address.hostname, address.port)
        reader, writer = self._streams
        writer.write(request)
        status, headers = _read_head((await reader.readuntil(END)).split(b"\r\n"))
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            self.close()
        self._used = time.perf_counter()
        if self.finish is not None and status == 200:
            self.finish(body)
        return status, headers.get("server-timing", "")


async def closed_loop(
    url: str,
    requests: Sequence[bytes],
    at_once: int,
    seconds: float,
    most: int | None = None,
    finish: Finish | None = None,
) -> list[Sample]:
    """Keep so many requests in flight for a time, or until `most` are sent; the list is gone through in rounds."""
    ends = time.perf_counter() + seconds
    samples: list[Sample] = []
    turns = iter(range(10**12 if most is None else most))

    async def work() -> None:
        connection = Connection(url, finish)
        for turn in turns:
            samples.append(await connection.ask(requests[turn % len(requests)]))
            if time.perf_counter() >= ends:
                break
        connection.close()

    await asyncio.gather(*(work() for _ in range(at_once)))
    return samples


def one_at_a_time(url: str, requests: Sequence[bytes], seconds: float) -> list[Sample]:
    """One request after the other on one connection, for a time; the list is gone through in rounds.

    Ends early where the connection does: the last sample is then BROKEN.
    """
    address = urlsplit(url)
    samples: list[Sample] = []
    ends = time.perf_counter() + seconds
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection.makefile("rb") as reader:
            while (due := time.perf_counter()) < ends:
                try:
                    connection.sendall(requests[len(samples) % len(requests)])
                    status, headers = _read_head(_lines(reader))
                    _exactly(reader, int(headers["content-length"]))
                except (OSError, EOFError, LookupError, ValueError):
                    samples.append(Sample(BROKEN, due, time.perf_counter() - due))
                    break
                seconds_taken = time.perf_counter() - due
                samples.append(Sample(status, due, seconds_taken, headers.get("server-timing", "")))
    return samples


async def open_loop(
    url: str,
    requests: Sequence[bytes],
    rate: float,
    seconds: float,
    seed: int,
    most_open: int = 512,
    finish: Finish | None = None,
) -> list[Sample]:
    """Send `rate` requests a second on average, at moments of a Poisson process, for a time."""
    idle = [Connection(url, finish) for _ in range(most_open)]
    gate = asyncio.Semaphore(most_open)
    samples: list[Sample] = []

    async def send(request: bytes, due: float) -> None:
        async with gate:
            connection = idle.pop()
            samples.append(await connection.ask(request, due))
            idle.append(connection)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, moment in enumerate(arrivals(rate, seconds, seed)):
            await asyncio.sleep(max(0.0, begun + moment - time.perf_counter()))
            group.create_task(send(requests[number % len(requests)], begun + moment))
    for connection in idle:
        connection.close()
    return samples


async def pulse(url: str, request: bytes, every: float, seconds: float) -> list[Sample]:
    """One request after another on one connection, with a pause between: how a probe fares meanwhile."""
    connection = Connection(url)
    ends = time.perf_counter() + seconds
    samples = []
    while time.perf_counter() < ends:
        samples.append(await connection.ask(request))
        await asyncio.sleep(every)
    connection.close()
    return samples


@contextmanager
def unhindered() -> Iterator[None]:
    """While load is made: Python's collector does not go through what the program had loaded before.

    That stops the client for a tenth of a second and more, which would count as the service's.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _lines(reader: BinaryIO) -> list[bytes]:
    """Those of a head. Raises EOFError where it does not end."""
    lines = []
    while (line := reader.readline()) != b"\r\n":
        if not line:
            raise EOFError
        lines.append(line)
    return lines


def _exactly(reader: BinaryIO, size: int) -> bytes:
    """So many bytes. Raises EOFError where there are fewer."""
    body = reader.read(size)
    if len(body) < size:
        raise EOFError
    return body


def _read_head(lines: Sequence[bytes]) -> tuple[int, dict[str, str]]:
    """The status and the headers of an answer, their names in lower case. Raises LookupError, ValueError."""
    parts = (line.decode("latin-1").partition(":") for line in lines[1:])
    return int(lines[0].split(b" ")[1]), {name.lower(): text.strip() for name, _, text in parts}


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    """Moments of a Poisson process of this rate, in seconds from its beginning."""
    dice = random.Random(seed)
    moments = []
    moment = dice.expovariate(rate)
    while moment < seconds:
        moments.append(moment)
        moment += dice.expovariate(rate)
    return moments


def quantile(samples: Iterable[Sample], share: float) -> float | None:
    """Seconds that this share of the requests stayed within; None where there are none."""
    seconds = sorted(sample.seconds for sample in samples)
    return seconds[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else None


def per_second(samples: Sequence[Sample], status: int = 200) -> float:
    """Answers of this status a second, from the first request due to the last answer."""
    if not samples:
        return 0.0
    span = max(s.due + s.seconds for s in samples) - min(s.due for s in samples)
    return sum(sample.status == status for sample in samples) / span
