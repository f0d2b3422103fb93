"""An hour of mixed traffic: does memory grow, do answers get slower?

    make soak, or: laser bench soak [--minutes N] [--rate R]

A service in a process of its own answers histories, sentences, filters, repeated requests, similar items, stored users
and their events and deletions, mistakes and probes, at a rate below saturation. Its memory is read all along; after
the warm-up the slope of a line through it must stay under 5 MiB an hour, and the slowest fifth of the run must not be
slower than the first. Every request is one of a bounded number and the run ends by the clock.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks._command import finish, service_parser
from benchmarks._outcome import Check
from benchmarks._service import copy_bundle, serving
from benchmarks.service_bench.client import Sample, get, open_loop, post, quantile
from benchmarks.swap_bench.memory import memory_of
from index.bundle import open_bundle

WARM_UP = 0.15  # of the run
EVERY = 5.0  # seconds between two looks at memory
MOST_SLOPE = 5.0  # MiB an hour
MOST_SLOWER = 1.25  # median of the last fifth over that of the first after the warm-up
REQUESTS, USERS = 5000, 500  # different ones
FAILED = 500  # statuses from here on, and no answer at all, are failures
SENTENCES = ("something for the evening", "not too long", "under $20", "anything but the usual")


class Look(NamedTuple):
    """Memory at a moment."""

    at: float  # time.perf_counter()
    resident: float  # MiB


class Measured(NamedTuple):
    """A whole run, from its begin to its end in time.perf_counter()."""

    samples: list[Sample]
    looks: list[Look]
    begun: float
    ended: float

    @property
    def warm(self) -> float:
        """The moment the warm-up ended."""
        return self.begun + WARM_UP * (self.ended - self.begun)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every requirement is met, else MISSED."""
    parser = service_parser("soak", __doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long")
    parser.add_argument("--rate", type=float, default=15.0, help="requests a second")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = copy_bundle(given.bundles, folder / "bundles")
        requests = traffic(open_bundle(folder / "bundles").catalogue.item_ids, given.seed)
        with serving(folder) as service:
            measured = asyncio.run(
                soak(service.url, service.process.pid, requests, given.rate, 60 * given.minutes, given.seed)
            )
    return finish("soak", given, ("minutes", "rate"), manifest, checks(measured), rows(measured))


def traffic(item_ids: Sequence[str], seed: int) -> list[bytes]:
    """Requests of every kind, mixed."""
    dice = random.Random(seed)

    def history(most: int = 20) -> list[dict[str, str]]:
        return [{"item_id": dice.choice(item_ids)} for _ in range(dice.randint(1, most))]

    def user() -> str:
        return f"user-{dice.randrange(USERS)}"

    def event() -> dict[str, object]:
        number = dice.randrange(10**9)
        item_id = dice.choice(item_ids)
        return {"user_id": user(), "event_id": str(number), "item_id": item_id, "timestamp": number}

    kinds = [
        lambda: post("/recommend", {"history": history(), "k": dice.randint(1, 50)}),
        lambda: post("/recommend", {"history": history(3), "constraint": dice.choice(SENTENCES)}),
        lambda: post("/recommend", {"history": history(), "explain": True}),
        lambda: post("/recommend", {"history": [{"title": f"a thing {dice.randrange(10**6)}"}]}),
        lambda: post("/recommend", {"user_id": user(), "constraint": dice.choice(SENTENCES)}),
        lambda: post("/recommend", {"history": history(), "misspelt": 1}),
        lambda: post("/events", event()),
        lambda: get("/items/nothing-has-this-id/similar"),
        lambda: get("/readyz"),
        lambda: get(f"/users/{user()}").replace(b"GET", b"DELETE", 1),
    ]
    weights = (30, 15, 5, 5, 15, 3, 15, 5, 5, 2)
    return [make() for make in dice.choices(kinds, weights, k=REQUESTS)]


async def soak(
    url: str, process: int, requests: Sequence[bytes], rate: float, seconds: float, seed: int
) -> Measured:
    """Load, and a look at memory all along."""
    looks: list[Look] = []

    async def watch() -> None:
        while True:
            looks.append(Look(time.perf_counter(), memory_of(process).resident))
            await asyncio.sleep(min(EVERY, seconds / 50))

    begun = time.perf_counter()
    watching = asyncio.create_task(watch())
    samples = await open_loop(url, requests, rate, seconds, seed, most_open=64)
    watching.cancel()
    return Measured(samples, looks, begun, time.perf_counter())


def checks(measured: Measured) -> list[Check]:
    """What must be reached."""
    failed = sum(not 0 < sample.status < FAILED for sample in measured.samples)
    slope, slower = memory_slope(measured), growth(measured)
    hours = (measured.ended - measured.begun) / 3600
    return [
        Check("hours", hours, "h", ">=", 1.0),
        Check("memory slope", slope, "MiB/h", "<=", MOST_SLOPE),
        Check("median of the last fifth over that of the first", slower, "x", "<=", MOST_SLOWER),
        Check("failed requests", failed, "requests", "<=", 0),
    ]


def memory_slope(measured: Measured) -> float | None:
    """MiB an hour of a least-squares line through memory after the warm-up."""
    looks = [look for look in measured.looks if look.at >= measured.warm]
    if len(looks) < 2:
        return None
    line = statistics.linear_regression([look.at / 3600 for look in looks], [look.resident for look in looks])
    return float(line.slope)


def growth(measured: Measured) -> float | None:
    """Median time to answer in the last fifth of the run after the warm-up over that in the first."""
    parts = fifths(measured)
    first, last = quantile(parts[0], 0.5), quantile(parts[-1], 0.5)
    return None if first is None or last is None else last / first


def fifths(measured: Measured) -> list[list[Sample]]:
    """What was answered 200 after the warm-up, in five parts of equal length by when it was due."""
    span = (measured.ended - measured.warm) / 5
    parts: list[list[Sample]] = [[] for _ in range(5)]
    for sample in measured.samples:
        if sample.status == 200 and sample.due >= measured.warm:
            parts[min(4, int((sample.due - measured.warm) / span))].append(sample)
    return parts


def rows(measured: Measured) -> list[dict[str, object]]:
    """One row a fifth of the run after the warm-up."""
    table: list[dict[str, object]] = []
    span = (measured.ended - measured.warm) / 5
    for number, part in enumerate(fifths(measured)):
        until = measured.warm + (number + 1) * span
        memory = [look.resident for look in measured.looks if look.at <= until]
        row: dict[str, object] = {"key": f"fifth {number + 1}", "answers": len(part)}
        for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
            row[name] = round(1000 * (quantile(part, share) or 0.0), 2)
        table.append(row | {"resident_mib": round(memory[-1], 1) if memory else None})
    return table


if __name__ == "__main__":
    sys.exit(main())
