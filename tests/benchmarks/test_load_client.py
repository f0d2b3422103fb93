"""The load client and the balancer, against small servers whose answers are known."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from benchmarks.service_bench.balancer import Balancer, balancing
from benchmarks.service_bench.client import (
    BROKEN,
    Connection,
    Sample,
    arrivals,
    closed_loop,
    get,
    one_at_a_time,
    open_loop,
    per_second,
    post,
    pulse,
    quantile,
    unhindered,
)

Answer = Callable[[bytes], bytes]


def answer(status: int, body: str = "", **headers: str) -> bytes:
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\n{named}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def is_whole(answered: bytes) -> bool:
    head, ends, body = answered.partition(b"\r\n\r\n")
    return bool(ends) and int(head.rpartition(b" ")[2]) == len(body)


@asynccontextmanager
async def server(respond: Answer, opened: list[int] | None = None) -> AsyncIterator[str]:
    """Answers each request with what `respond` makes of its head and body; hangs up after one that is not whole."""

    clients: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if opened is not None:
            opened.append(1)
        task = asyncio.current_task()
        assert task is not None
        clients.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, _, length = head.lower().partition(b"content-length: ")
                body = await reader.readexactly(int(length.split(b"\r\n")[0])) if length else b""
                answered = respond(head + body)
                writer.write(answered)
                if not is_whole(answered):
                    break
        except (EOFError, OSError):
            pass
        finally:
            writer.close()
            clients.discard(task)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        left = list(clients)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def test_a_connection_is_kept_until_either_side_closes_it() -> None:
    asked: list[bytes] = []
    answers = [
        answer(200, "{}", Server_Timing="wait;dur=1.50, encode;dur=20.00, total;dur=30.00"),
        answer(429, Connection="close"),
        answer(200, "body"),
        b"",
        answer(200),
    ]

    def respond(request: bytes) -> bytes:
        asked.append(request)
        return answers[len(asked) - 1]

    async def ask() -> tuple[list[Sample], list[int]]:
        opened: list[int] = []
        async with server(respond, opened) as url:
            connection = Connection(url)
            found = [await connection.ask(post("/x", {"a": 1})) for _ in range(3)]
            found.append(await connection.ask(get("/y")))
            found.append(await connection.ask(get("/y")))
            connection.close()
        return found, opened

    samples, opened = asyncio.run(ask())
    assert [sample.status for sample in samples] == [200, 429, 200, BROKEN, 200]
    assert samples[0].stages == {"wait": 0.0015, "encode": 0.02, "total": 0.03}
    assert samples[2].stages == {}
    assert len(opened) == 3  # the second told to close, the fourth hung up
    assert asked[0].endswith(b'Content-Length: 8\r\n\r\n{"a": 1}')
    assert asked[3] == b"GET /y HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_connection_that_was_idle_is_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server may be closing it just now, and the request would count as failed."""
    monkeypatch.setattr("benchmarks.service_bench.client.KEPT", -1.0)

    async def ask() -> int:
        opened: list[int] = []
        async with server(lambda _: answer(200), opened) as url:
            connection = Connection(url)
            assert [(await connection.ask(get("/"))).status for _ in range(2)] == [200, 200]
            connection.close()
        return len(opened)

    assert asyncio.run(ask()) == 2


def test_nobody_listening_is_a_broken_request() -> None:
    sample = asyncio.run(Connection("http://127.0.0.1:9").ask(get("/")))
    assert sample.status == BROKEN


def test_a_closed_loop_goes_through_the_list_and_stops_at_its_number() -> None:
    asked: list[bytes] = []

    def respond(request: bytes) -> bytes:
        asked.append(request)
        return answer(200)

    async def ask() -> list[Sample]:
        async with server(respond) as url:
            return await closed_loop(url, [get("/a"), get("/b"), get("/c")], at_once=2, seconds=60, most=7)

    assert len(asyncio.run(ask())) == 7
    assert sorted(request[4:6] for request in asked) == [b"/a"] * 3 + [b"/b"] * 2 + [b"/c"] * 2


@pytest.mark.parametrize("cut", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", answer(200, "body")[:-2]])
def test_one_at_a_time_goes_through_the_list_until_the_connection_ends(cut: bytes) -> None:
    asked: list[bytes] = []
    timed = answer(200, "body", Server_Timing="encode;dur=20.00")

    def respond(request: bytes) -> bytes:
        asked.append(request)
        return timed if len(asked) < 6 else cut

    async def ask() -> tuple[list[Sample], int]:
        opened: list[int] = []
        async with server(respond, opened) as url:
            samples = await asyncio.to_thread(one_at_a_time, url, [get("/a"), post("/b", [1])], 60)
        return samples, len(opened)

    samples, opened = asyncio.run(ask())
    assert [sample.status for sample in samples] == [200] * 5 + [BROKEN]
    assert [request[:6] for request in asked] == [b"GET /a", b"POST /"] * 3
    assert all(sample.stages == {"encode": 0.02} and sample.seconds > 0 for sample in samples[:5])
    assert opened == 1


def test_one_at_a_time_ends_when_its_time_is_up() -> None:
    async def ask() -> list[Sample]:
        async with server(lambda _: answer(200)) as url:
            return await asyncio.to_thread(one_at_a_time, url, [get("/")], 0.05)

    samples = asyncio.run(ask())
    assert samples
    assert {sample.status for sample in samples} == {200}


def test_an_open_loop_sends_as_many_as_arrive_and_counts_from_when_they_were_due() -> None:
    moments = arrivals(100.0, 0.5, seed=3)
    assert moments == sorted(moments)
    assert 30 < len(moments) < 70
    assert moments != arrivals(100.0, 0.5, seed=4)

    async def ask() -> tuple[list[Sample], list[Sample]]:
        async with server(lambda _: answer(200)) as url:
            return (
                await open_loop(url, [get("/")], 100.0, 0.5, seed=3, most_open=1),
                await pulse(url, get("/"), 0.01, 0.1),
            )

    samples, beats = asyncio.run(ask())
    assert len(samples) == len(moments)
    due = sorted(sample.due for sample in samples)
    assert [round(each - due[0], 6) for each in due] == [round(each - moments[0], 6) for each in moments]
    assert 1 <= len(beats) <= 11


def test_quantiles_and_rates() -> None:
    samples = [Sample(200, float(n), 0.5 + n) for n in range(4)] + [Sample(429, 1.0, 0.01)]
    assert quantile(samples[:4], 0.5) == 2.5
    assert quantile(samples[:4], 0.99) == 3.5
    assert quantile([], 0.5) is None
    assert per_second(samples) == 4 / 6.5  # from 0 to 3 + 3.5
    assert per_second(samples, status=429) == 1 / 6.5
    assert per_second([]) == 0


async def settle(balancer: Balancer, urls: list[str]) -> None:
    async with asyncio.timeout(10):
        while sorted(balancer.ready) != sorted(urls):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("leaves", ["draining", "gone"])
def test_the_balancer_takes_turns_and_leaves_out_who_is_not_ready(leaves: str) -> None:
    draining: set[str] = set()
    served: list[str] = []

    def replica(name: str) -> Answer:
        def respond(request: bytes) -> bytes:
            if b"/readyz" in request:
                gone = b"" if leaves == "gone" else answer(503)
                return gone if name in draining else answer(200)
            served.append(name)
            return answer(200, name)

        return respond

    async def ask() -> list[int]:
        async with server(replica("a")) as a, server(replica("b")) as b, balancing() as balancer:
            connection = Connection(balancer.url)
            statuses = [(await connection.ask(get("/"))).status]
            balancer.add(a)
            balancer.add(b)
            await settle(balancer, [a, b])
            statuses += [(await connection.ask(post("/", {}))).status for _ in range(4)]
            draining.add("a")
            await settle(balancer, [b])
            statuses += [(await connection.ask(get("/"))).status for _ in range(2)]
            balancer.remove(b)
            await settle(balancer, [])
            connection.close()
            return statuses

    assert asyncio.run(ask()) == [503, 200, 200, 200, 200, 200, 200]
    assert sorted(served[:4]) == ["a", "a", "b", "b"]
    assert served[4:] == ["b", "b"]


def test_a_request_that_a_replica_drops_is_lost_and_not_sent_again() -> None:
    asked: list[bytes] = []

    def respond(request: bytes) -> bytes:
        if b"/readyz" in request:
            return answer(200)
        asked.append(request)
        return b""

    async def ask() -> int:
        async with server(respond) as url, balancing() as balancer:
            balancer.add(url)
            await settle(balancer, [url])
            return (await Connection(balancer.url).ask(get("/"))).status

    assert asyncio.run(ask()) == BROKEN
    assert len(asked) == 1


def test_while_load_is_made_the_collector_passes_over_what_was_there() -> None:
    with unhindered():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
