"""kill -9 at random points while events, items, re-indexes and promotions go on: is anything acknowledged lost?

Two parts of equal length. First the service is killed, with its embedded store, now and then while it starts, and the
re-index with it; then redis-server is, which keeps the state of a service that lives on. After every return all that
was acknowledged must be there, every bundle readable, and the service ready.
"""

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks._command import DEMO, bench_parser, existing, finish
from benchmarks._outcome import Check
from benchmarks._redis import RedisServer
from benchmarks._service import ServiceError, copy_bundle
from benchmarks.kill_bench.audit import lost_writes, unreadable_bundles
from benchmarks.kill_bench.ledger import Ledger
from benchmarks.kill_bench.victim import Victim
from benchmarks.kill_bench.writers import Where, Writers

WHILE_STARTING = 0.2  # share of kills that hit a service that is not ready yet
STARTING = 3.0  # seconds within which these come


class Part(NamedTuple):
    """What came of one part."""

    key: str  # what was killed
    kills: int
    failed_starts: int
    lost_events: int
    lost_items: int
    unreadable_bundles: int
    acknowledged: int
    counts: dict[str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every requirement is met, else MISSED."""
    parser = bench_parser("kill", __doc__)
    parser.add_argument("--home", type=existing, default=DEMO, help="a folder with run, data and bundles")
    parser.add_argument("--seconds", type=float, default=300.0, help="length of each part")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between kills, on the mean")
    options = parser.parse_args(arguments)
    parts = []
    for kill in (_kill_service, _kill_redis):
        with tempfile.TemporaryDirectory() as temporary:
            home = Path(temporary)
            manifest = copy_bundle(options.home / "bundles", home / "bundles")
            for name in ("run", "data"):
                shutil.copytree(options.home / name, home / name)
            parts.append(kill(home, options.seconds, options.every, options.seed))
            print(parts[-1], file=sys.stderr)
    rows = [part._asdict() for part in parts]
    return finish("kill", options, ("seconds", "every"), manifest, checks(parts), rows)


def checks(parts: Sequence[Part]) -> list[Check]:
    """What the design asks for, of each part."""
    return [
        check
        for part in parts
        for check in (
            Check(f"{part.key}_kills", part.kills, "kills", ">=", 1),
            Check(
                f"{part.key}_lost_writes", part.lost_events + part.lost_items, "acknowledged writes", "<=", 0
            ),
            Check(f"{part.key}_unreadable_bundles", part.unreadable_bundles, "bundles", "<=", 0),
            Check(f"{part.key}_failed_starts", part.failed_starts, "starts", "<=", 0),
        )
    ]


def _kill_service(home: Path, seconds: float, every: float, seed: int) -> Part:
    settings = {"LASER_BUNDLES": str(home / "bundles"), "LASER_STATE": str(home / "state.sqlite")}
    settings |= {"LASER_MAX_STORED": "100000"}
    victim, where, ledger = Victim(home, settings), Where(), Ledger()
    writers, chance = Writers(where, ledger, home, settings, seed), random.Random(seed)

    def strike() -> None:
        where.url = None
        if chance.random() < 0.5:
            writers.kill_reindex()
        victim.kill()
        victim.start()
        while chance.random() < WHILE_STARTING:
            time.sleep(chance.uniform(0, STARTING))
            victim.kill()
            victim.start()
        where.url = victim.wait()

    try:
        victim.start()
        where.url = victim.wait()
        return _part("service", home, where, ledger, writers, strike, chance, seconds, every)
    finally:
        victim.kill()


def _kill_redis(home: Path, seconds: float, every: float, seed: int) -> Part:
    redis = RedisServer(home)
    redis.start()
    settings = {"LASER_BUNDLES": str(home / "bundles"), "LASER_REDIS_URL": redis.url}
    settings |= {"LASER_MAX_STORED": "100000"}
    victim, where, ledger = Victim(home, settings), Where(), Ledger()
    writers = Writers(where, ledger, home, settings, seed)

    def strike() -> None:
        redis.kill()
        redis.start()
        victim.wait()

    try:
        victim.start()
        where.url = victim.wait()
        return _part("redis", home, where, ledger, writers, strike, random.Random(seed), seconds, every)
    finally:
        victim.kill()
        redis.stop()


def _part(
    key: str,
    home: Path,
    where: Where,
    ledger: Ledger,
    writers: Writers,
    strike: Callable[[], None],
    chance: random.Random,
    seconds: float,
    every: float,
) -> Part:
    """Write, strike at random moments, audit after each and once more at the end."""
    lost_events = lost_items = unreadable = failed = kills = 0
    writers.start()
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not failed:
            time.sleep(chance.uniform(0, 2 * every))
            kills += 1
            try:
                strike()
            except ServiceError as error:
                failed += 1
                print(f"it did not start: {error}", file=sys.stderr)
            unreadable += unreadable_bundles(home / "bundles")
            if where.url is not None:
                with writers.paused():
                    lost = lost_writes(where.url, ledger)
                lost_events, lost_items = max(lost_events, lost.events), max(lost_items, lost.items)
    finally:
        writers.stop()
    if where.url is not None:
        lost = lost_writes(where.url, ledger)
        lost_events, lost_items = max(lost_events, lost.events), max(lost_items, lost.items)
    counts = writers.counts
    return Part(key, kills, failed, lost_events, lost_items, unreadable, ledger.acknowledged, counts)


if __name__ == "__main__":
    sys.exit(main())
