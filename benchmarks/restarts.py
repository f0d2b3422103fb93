"""Rolling restarts under load: behind a simple balancer, does a request fail when replicas are replaced one by one?

    laser bench restarts [--restarts N] [--bundles FOLDER]

Two replicas answer a steady load through a balancer that asks /readyz and never sends a request twice. Each restart
starts a new replica, waits until it is ready, and sends SIGTERM to the oldest, which must leave with status 0.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks._command import finish, service_parser
from benchmarks._outcome import Check
from benchmarks._service import copy_bundle
from benchmarks.service_bench.balancer import Balancer, balancing
from benchmarks.service_bench.client import Sample, open_loop, post, quantile
from benchmarks.service_bench.replicas import Restart
from index.bundle import open_bundle

REPLICAS = 2
BODIES = 50  # different requests
SLICE = 5.0  # seconds of load that are asked for at a time


class Measured(NamedTuple):
    """A whole run."""

    samples: list[Sample]
    statuses: list[int]  # with which the old replicas left
    seconds: float

    @property
    def failures(self) -> int:
        """Requests without an answer, or with another status than 200."""
        return sum(sample.status != 200 for sample in self.samples)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every requirement is met, else MISSED."""
    parser = service_parser("restarts", __doc__)
    parser.add_argument("--restarts", type=int, default=50, help="how many replicas are replaced")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = copy_bundle(given.bundles, folder / "bundles")
        item_ids = open_bundle(folder / "bundles").catalogue.item_ids
        requests = [
            post("/recommend", {"history": [{"item_id": item_id}], "k": 10}) for item_id in item_ids[:BODIES]
        ]
        measured = asyncio.run(restart(folder, requests, given.restarts, given.rate, given.seed))
    return finish("restarts", given, ("restarts", "rate"), manifest, checks(measured), [row(measured)])


async def restart(folder: Path, requests: Sequence[bytes], restarts: int, rate: float, seed: int) -> Measured:
    """Load from before the first restart until after the last. Raises ServiceError."""
    begun = time.perf_counter()
    async with balancing() as balancer:
        service = Restart(folder, balancer)
        try:
            for _ in range(REPLICAS):
                await service.start()
            done = asyncio.Event()
            asked = asyncio.create_task(_load(balancer, requests, rate, seed, done))
            statuses = [await service.restart_oldest() for _ in range(restarts)]
            done.set()
            samples = await asked
        finally:
            await service.stop()
    return Measured(samples, statuses, time.perf_counter() - begun)


def checks(measured: Measured) -> list[Check]:
    """What must be reached."""
    odd = sum(status != 0 for status in measured.statuses)
    return [
        Check("restarts", len(measured.statuses), "restarts", ">=", 50),
        Check("failed requests", measured.failures, "requests", "<=", 0),
        Check("replicas that left with a status other than 0", odd, "replicas", "<=", 0),
    ]


def row(measured: Measured) -> dict[str, object]:
    """The run in one line."""
    found: dict[str, object] = {"key": "restarts", "requests": len(measured.samples)}
    found["seconds"] = round(measured.seconds, 1)
    for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
        found[name] = round(1000 * (quantile(measured.samples, share) or 0.0), 2)
    counted = sorted(Counter(sample.status for sample in measured.samples).items())
    return found | {"statuses": " ".join(f"{status}: {count}" for status, count in counted)}


async def _load(
    balancer: Balancer, requests: Sequence[bytes], rate: float, seed: int, done: asyncio.Event
) -> list[Sample]:
    """Ask through the balancer until it is done, and once more after."""
    samples: list[Sample] = []
    while not done.is_set():
        seed += 1
        samples += await open_loop(balancer.url, requests, rate, SLICE, seed)
    return samples + await open_loop(balancer.url, requests, rate, SLICE, seed + 1)


if __name__ == "__main__":
    sys.exit(main())
