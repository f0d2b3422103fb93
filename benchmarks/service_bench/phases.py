"""The load a running service is put under, phase by phase, and what a phase comes to."""

import asyncio
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.service_bench.client import (
    Sample,
    closed_loop,
    get,
    one_at_a_time,
    open_loop,
    per_second,
    pulse,
    quantile,
)

ENOUGH = 64  # requests in flight that fill the encoder's batches, those that run and the next ones
QUIET, BUSY, OVERLOAD = 0.7, 0.8, 3.0  # of saturation
INSIDE = ("wait", "encode", "search")  # stages that are not the service's own overhead
PULSE = 0.02  # seconds between two probes


class Phase(NamedTuple):
    """What was asked under one load."""

    key: str
    samples: list[Sample]

    @property
    def accepted(self) -> list[Sample]:
        """Those that were answered."""
        return [sample for sample in self.samples if sample.status == 200]

    @property
    def rejected(self) -> list[Sample]:
        """Those that were turned away."""
        return [sample for sample in self.samples if sample.status == 429]

    def row(self) -> dict[str, object]:
        """For the table."""
        row: dict[str, object] = {"key": self.key, "requests": len(self.samples)}
        row["answers_per_s"] = round(per_second(self.samples), 1)
        for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
            seconds = quantile(self.accepted, share)
            row[name] = None if seconds is None else round(1000 * seconds, 2)
        counted = sorted(Counter(sample.status for sample in self.samples).items())
        return row | {"statuses": " ".join(f"{status}: {count}" for status, count in counted)}


class Saturation(NamedTuple):
    """Rounds in which the encoder alone and the whole service took turns."""

    prompts: list[float]  # a second, by the encoder
    phases: list[Phase]

    @property
    def rate(self) -> float:
        """Answers a second, median over the rounds."""
        return statistics.median(per_second(phase.samples) for phase in self.phases)

    @property
    def share(self) -> float:
        """Answers over the encoder's prompts, median over the rounds of the ratio within a round."""
        pairs = zip(self.phases, self.prompts, strict=True)
        return statistics.median(per_second(phase.samples) / prompts for phase, prompts in pairs)


async def saturate(
    url: str, requests: Sequence[bytes], encoder: Callable[[], float], seconds: float, rounds: int
) -> Saturation:
    """`encoder` gives the prompts a second of the encoder alone, while the service has nothing to do."""
    await closed_loop(url, requests, ENOUGH, seconds / 2)  # warms up
    prompts, phases = [], []
    for number in range(rounds):
        prompts.append(encoder())
        phases.append(Phase(f"saturation {number + 1}", await closed_loop(url, requests, ENOUGH, seconds)))
    return Saturation(prompts, phases)


async def alone(url: str, requests: Sequence[bytes], seconds: float, key: str = "one at a time") -> Phase:
    """One request after the other."""
    return Phase(key, await asyncio.to_thread(one_at_a_time, url, requests, seconds))


async def steady(
    url: str, requests: Sequence[bytes], saturation: float, share: float, seconds: float, seed: int
) -> Phase:
    """An open loop at a share of saturation."""
    return Phase(f"{share:.0%} open loop", await open_loop(url, requests, share * saturation, seconds, seed))


async def overload(
    url: str, requests: Sequence[bytes], saturation: float, seconds: float, seed: int
) -> tuple[Phase, Phase]:
    """An open loop far over saturation, and how /healthz fares meanwhile."""
    asked, probed = await asyncio.gather(
        open_loop(url, requests, OVERLOAD * saturation, seconds, seed),
        pulse(url, get("/healthz"), PULSE, seconds),
    )
    return Phase(f"{OVERLOAD:.0f}x open loop", asked), Phase("healthz meanwhile", probed)


def outside(sample: Sample) -> float:
    """Seconds that a request took besides waiting for a batch, the encoder and the search, as its client saw it."""
    return sample.seconds - sum(sample.stages.get(stage, 0.0) for stage in INSIDE)
