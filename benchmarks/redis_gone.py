"""What becomes of requests while Redis is stopped, and while it takes connections and answers none.

Recommendations with a history must go on and say what they did without, those of a stored user alone must fall back,
writes must be refused with Retry-After and never acknowledged, and all must be well again within 5 s of its return. At
the end every write that was ever acknowledged must be there. The service is a process of its own, under a steady load.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from benchmarks._command import finish, service_parser
from benchmarks._redis import RedisServer
from benchmarks._service import copy_bundle, serving
from benchmarks.redis_bench.figures import Figures, Outage, checks, figures, rows
from benchmarks.redis_bench.load import Load
from index.bundle import open_bundle

REDIS_IS_BACK = 8.0  # seconds of load after its return, more than the 5 that recovery may take


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every requirement is met, else MISSED."""
    parser = service_parser("redis_gone", __doc__)
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="length of each calm time and each outage"
    )
    parser.add_argument("--rate", type=float, default=20.0, help="recommendations with a history a second")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = copy_bundle(options.bundles, folder / "bundles")
        item_ids = open_bundle(folder / "bundles").catalogue.item_ids
        redis = RedisServer(folder)
        redis.start()
        try:
            with serving(folder, redis_url=redis.url) as service:
                measured, lost = asyncio.run(_measure(service.url, redis, item_ids, options))
        finally:
            redis.stop()
    return finish(
        "redis_gone", options, ("seconds", "rate"), manifest, checks(measured, lost), rows(measured)
    )


async def _measure(
    url: str, redis: RedisServer, item_ids: Sequence[str], options: argparse.Namespace
) -> tuple[list[Figures], int]:
    """Both outages, and how many acknowledged writes are missing at the end."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits) as client:
        load = Load(client, item_ids, options.seed)
        await load.prepare()
        async with load.running(options.rate, options.rate / 4):
            await asyncio.sleep(2)  # connections are made and caches filled: no part of any figure
            outages = [
                await _outage("stopped", redis.stop, redis.start, options.seconds),
                await _outage("hanging", redis.pause, redis.resume, options.seconds),
            ]
        acknowledged = {each.event for each in load.answers if each.kind == "write" and each.status == 200}
        lost = len(acknowledged - await load.stored())
    return [figures(load.answers, outage) for outage in outages], lost


async def _outage(
    how: str, leave: Callable[[], object], come_back: Callable[[], None], seconds: float
) -> Outage:
    """A calm time, the outage, the return."""
    calm = time.monotonic()
    await asyncio.sleep(seconds)
    await asyncio.to_thread(leave)
    gone = time.monotonic()
    await asyncio.sleep(seconds)
    leaving = time.monotonic()
    await asyncio.to_thread(come_back)
    back = time.monotonic()
    await asyncio.sleep(REDIS_IS_BACK)
    return Outage(how, calm, gone, leaving, back, time.monotonic())


if __name__ == "__main__":
    sys.exit(main())
