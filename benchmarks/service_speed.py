"""The service under load: saturation, latency, overload and memory of a process of its own, sharing the machine.

    laser bench service_speed [--data FOLDER --bundles FOLDER] [--seconds S]

Requests are the histories of a data set's test split. The load client shares the machine with the service, and the
encoder alone is measured in turns with it. `outside` is what a request takes besides waiting for a batch, the encoder
and the search, as its client sees it. The cache of user embeddings is off but where repeated requests are measured, so
that every request is encoded. The parts are in benchmarks/service_bench/.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from benchmarks._command import asking_parser, report
from benchmarks._outcome import Check
from benchmarks._service import copy_bundle, serving
from benchmarks.service_bench.client import per_second, post, quantile, unhindered
from benchmarks.service_bench.fast_loss import Ndcg, ndcg_of
from benchmarks.service_bench.holdings import held_mib
from benchmarks.service_bench.phases import (
    BUSY,
    QUIET,
    Phase,
    Saturation,
    alone,
    outside,
    overload,
    saturate,
    steady,
)
from benchmarks.service_bench.requests import Asked, bodies, users_of
from benchmarks.swap_bench.memory import memory_of
from index.bundle import Bundle, open_bundle
from model.checkpoint import load_checkpoint
from model.laser import Laser
from model.vectors import History

TOGETHER = 256  # histories in one call of the encoder alone
ROUNDS = 3
MORE, MIB = 1.5, 400.0  # a process may hold so many times what it must, and so much more


class Measured(NamedTuple):
    """A whole run."""

    saturation: Saturation
    alone: Phase
    quiet: Phase
    busy: Phase
    over: Phase
    healthz: Phase
    repeated: Phase
    resident: float  # MiB
    held: float  # MiB
    ndcg: Ndcg


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, publish. Returns 0."""
    given = asking_parser("service_speed", __doc__, seconds=30).parse_args(arguments)
    bundle = open_bundle(given.bundles)
    laser = load_checkpoint(bundle.folder / "checkpoint", device="cpu")
    laser.fuse()  # as the service does
    asked = users_of(given.data, bundle.catalogue, given.users, given.seed)
    measured = _measure(bundle, laser, asked, given)
    data = {given.data.name: asked.data_hash}
    report("service_speed", given, ("users", "seconds"), data, checks(measured), rows(measured))
    return 0


def checks(measured: Measured) -> list[Check]:
    """What must be reached."""
    p50, p99 = (quantile(measured.quiet.accepted, share) for share in (0.5, 0.99))
    busy_p99, over_p99 = (quantile(phase.accepted, 0.99) for phase in (measured.busy, measured.over))
    kept_up = per_second(measured.over.samples) / measured.saturation.rate
    own = [outside(sample) for sample in measured.alone.accepted]
    return [
        Check("requests/s over the encoder's prompts/s", measured.saturation.share, "share", ">=", 0.80),
        Check("outside p50", 1000 * median(own) if own else None, "ms", "<=", 1.5),
        Check("repeated request p50", _ms(quantile(measured.repeated.accepted, 0.5)), "ms", "<=", 3.0),
        Check("p99 over p50 at 70 %", _ratio(p99, p50), "x", "<=", 3.0),
        Check("429 p99 at 3x", _ms(quantile(measured.over.rejected, 0.99)), "ms", "<=", 20.0),
        Check("answers/s at 3x over saturation", kept_up, "share", ">=", 0.90),
        Check("p99 at 3x over that at 80 %", _ratio(over_p99, busy_p99), "x", "<=", 2.0),
        Check("healthz p99 at 3x", _ms(quantile(measured.healthz.accepted, 0.99)), "ms", "<=", 50.0),
        Check("resident memory", measured.resident, "MiB", "<=", MORE * measured.held + MIB),
    ]


def rows(measured: Measured) -> list[dict[str, object]]:
    """The phases, the encoder alone, memory and the fast path."""
    phases = (
        *measured.saturation.phases,
        *(measured.alone, measured.quiet, measured.busy, measured.over, measured.healthz, measured.repeated),
    )
    table = [phase.row() for phase in phases]
    table += [
        {"key": f"encoder alone {number}", "answers_per_s": round(prompts, 1)}
        for number, prompts in enumerate(measured.saturation.prompts, 1)
    ]
    memory = {"resident_mib": round(measured.resident, 1), "held_mib": round(measured.held, 1)}
    loss = {f"ndcg_{name}": round(value, 5) for name, value in measured.ndcg._asdict().items()}
    fast = {"key": "fast path", **loss, "ndcg_loss": round(measured.ndcg.loss, 4)}
    return [*table, {"key": "memory", **memory}, fast]


def _measure(bundle: Bundle, laser: Laser, asked: Asked, given: argparse.Namespace) -> Measured:
    requests = [post("/recommend", body) for body in bodies(asked, bundle.catalogue)]
    histories = [_history(bundle, rows[-laser.max_history :]) for rows in asked.histories]

    def encoder() -> float:
        """Prompts a second of the encoder alone."""
        begun, done = time.perf_counter(), 0
        while time.perf_counter() - begun < given.seconds / 2:
            start = done % len(histories)
            done += len(laser.encode_users(histories[start : start + TOGETHER]))
        return done / (time.perf_counter() - begun)

    async def under_load(url: str) -> tuple[Saturation, Phase, Phase, Phase, Phase, Phase]:
        found = await saturate(url, requests, encoder, given.seconds, ROUNDS)
        load = (given.seconds, given.seed)
        return (
            found,
            await alone(url, requests, given.seconds),
            await steady(url, requests, found.rate, QUIET, *load),
            await steady(url, requests, found.rate, BUSY, *load),
            *await overload(url, requests, found.rate, *load),
        )

    with tempfile.TemporaryDirectory() as temporary:
        every, kept = Path(temporary) / "every", Path(temporary) / "kept"
        copy_bundle(given.bundles, every / "bundles")
        with serving(every, cache_mb="0") as service, unhindered():
            phases = asyncio.run(under_load(service.url))
            resident = memory_of(service.process.pid).resident
        copy_bundle(given.bundles, kept / "bundles")
        with serving(kept) as service, unhindered():
            again = asyncio.run(alone(service.url, requests[:1], given.seconds / 3, "repeated"))
    return Measured(*phases, again, resident, held_mib(bundle, laser), ndcg_of(bundle, laser, asked))


def _history(bundle: Bundle, rows: Sequence[int]) -> History:
    """Rows of the catalogue as the encoder reads them."""
    return History(
        tuple(bundle.catalogue.item_ids[row] for row in rows),
        tuple(bundle.token_ids[row].tolist() for row in rows),
        np.asarray(bundle.text_vectors[list(rows)]),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _ratio(over: float | None, under: float | None) -> float | None:
    return None if over is None or not under else over / under


if __name__ == "__main__":
    sys.exit(main())
