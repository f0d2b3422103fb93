"""Bundles change while requests are answered: does one fail, does an answer mix two bundles, does memory stay?

A service in a process of its own, under a steady load, is told 200 times to promote a bundle or to roll back. The three
bundles are variants of one; by its titles every answer shows which of them it is from.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import httpx

from benchmarks._command import finish, service_parser
from benchmarks._outcome import Check
from benchmarks._service import serving
from benchmarks.swap_bench.load import Answer, Load
from benchmarks.swap_bench.memory import Memory, memory_of
from benchmarks.swap_bench.variants import write_variants
from index.bundle import open_bundle
from service.serving import LINGER_SECONDS

VARIANTS = ("amber", "basalt", "cobalt")
BODIES = 20  # different requests
MOST_GROWTH = 64.0  # MiB
CALM = 10.0  # seconds of load before the first swap
EVERY = 20  # swaps from one row to the next


class Swap(NamedTuple):
    """One change, seen from outside."""

    done: float  # time.monotonic()
    seconds: float
    as_told: bool  # the service says that it answers from what it was told to
    memory: Memory


class Measured(NamedTuple):
    """A whole run."""

    answers: list[Answer]
    swaps: list[Swap]
    before: Memory  # after some seconds of load, before any change
    after: Memory  # once the load has ended
    begun: float  # time.monotonic() of the first swap


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every requirement is met, else MISSED."""
    parser = service_parser("swap", __doc__)
    parser.add_argument("--swaps", type=int, default=200, help="promotions and rollbacks")
    parser.add_argument("--rate", type=float, default=10.0, help="requests a second")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = write_variants(options.bundles, folder / "bundles", VARIANTS)
        item_ids = open_bundle(folder / "bundles").catalogue.item_ids
        with serving(folder) as service:
            measured = asyncio.run(_measure(service.url, service.process.pid, item_ids, options))
    return finish(
        "swap", options, ("swaps", "rate"), manifest, checks(measured, options.swaps), rows(measured)
    )


def checks(measured: Measured, wanted: int) -> list[Check]:
    """What the design asks for."""
    growth = measured.after.resident - measured.before.resident
    return [
        Check("swaps", sum(swap.as_told for swap in measured.swaps), "swaps", ">=", wanted),
        Check("failed_requests", sum(each.status != 200 for each in measured.answers), "requests", "<=", 0),
        Check("mixed_responses", sum(each.mixed for each in measured.answers), "responses", "<=", 0),
        Check("memory_growth", round(growth, 1), "MiB", "<=", MOST_GROWTH),
    ]


def rows(measured: Measured) -> list[dict[str, object]]:
    """Latency without and with swaps, the time of a swap, and memory as the swaps go on."""
    during = [answer for answer in measured.answers if answer.sent >= measured.begun]
    calm = [answer for answer in measured.answers if answer.sent < measured.begun]
    found: list[dict[str, object]] = [
        {"key": key, "requests": len(answers), "statuses": _statuses(answers), **_latency(answers)}
        for key, answers in (("calm", calm), ("swapping", during))
    ]
    seconds = [swap.seconds for swap in measured.swaps]
    found.append(
        {"key": "swap", "median_s": round(statistics.median(seconds), 3), "most_s": round(max(seconds), 3)}
    )
    states = [(0, measured.before)]
    states += [(n, swap.memory) for n, swap in enumerate(measured.swaps, 1) if n % EVERY == 0]
    states.append((len(measured.swaps), measured.after))
    for count, memory in states:
        found.append(
            {
                "key": "memory",
                "swaps": count,
                "resident_mib": round(memory.resident, 1),
                "anonymous_mib": round(memory.anonymous, 1),
            }
        )
    return found


def bodies_of(item_ids: Sequence[str], seed: int) -> list[dict[str, object]]:
    """The requests: a history of three items each, every other one with a filter's worth of exclusions."""
    chance = random.Random(seed)
    found = []
    for number in range(BODIES):
        items = chance.sample(list(item_ids), 6)
        body: dict[str, object] = {"history": [{"item_id": item_id} for item_id in items[:3]], "k": 10}
        if number % 2:
            body["exclude"] = {"item_ids": items[3:]}
        found.append(body)
    return found


async def _measure(url: str, process: int, item_ids: Sequence[str], options: argparse.Namespace) -> Measured:
    # The service closes a connection that was idle for 5 s; one that is used at that moment would be no failed swap.
    limits = httpx.Limits(max_connections=None, keepalive_expiry=2.0)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        load = Load(client, bodies_of(item_ids, options.seed))
        await load.learn()
        async with load.running(options.rate):
            await asyncio.sleep(CALM)
        before = memory_of(process)
        for name in (*VARIANTS[1:], VARIANTS[0]):
            await _change(client, process, f"/admin/bundles/{name}/promote", name)
            await load.learn()
        begun = time.monotonic()
        swaps = []
        async with load.running(options.rate):
            for number in range(options.swaps):
                if number % 2:
                    path, expected = "/admin/bundles/rollback", VARIANTS[0]
                else:
                    expected = VARIANTS[1 + number // 2 % 2]
                    path = f"/admin/bundles/{expected}/promote"
                swaps.append(await _change(client, process, path, expected))
        await asyncio.sleep(2 * LINGER_SECONDS)  # until the last one that was swapped out is freed
        return Measured(load.answers, swaps, before, memory_of(process), begun)


async def _change(client: httpx.AsyncClient, process: int, path: str, expected: str) -> Swap:
    started = time.monotonic()
    answer = await client.post(path)
    done = time.monotonic()
    as_told = answer.status_code == 200 and answer.json()["serving"] == expected
    return Swap(done, done - started, as_told, memory_of(process))


def _statuses(answers: Sequence[Answer]) -> dict[str, int]:
    """How often each status came; 0 is no answer at all."""
    return {str(status): count for status, count in sorted(Counter(each.status for each in answers).items())}


def _latency(answers: Sequence[Answer]) -> dict[str, float]:
    taken = sorted(answer.seconds * 1000 for answer in answers)
    if len(taken) < 2:
        return {}
    cuts = statistics.quantiles(taken, n=100, method="inclusive")
    return {"p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1), "most_ms": round(taken[-1], 1)}


if __name__ == "__main__":
    sys.exit(main())
