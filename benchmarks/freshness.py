"""How soon a change of the catalogue counts, while 50 requests a second run.

New items are put one after another; each must be recommended within a second of its acknowledgement. Then items that
are often recommended are deleted; of thousands of requests sent after that, none may return one of them.
The service is a process of its own, with its embedded store.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import httpx

from benchmarks._command import finish, service_parser
from benchmarks._outcome import Check
from benchmarks._service import copy_bundle, serving
from benchmarks.freshness_bench.changes import Put, delete, marker, put
from benchmarks.freshness_bench.load import Answer, Load, returned_after
from index.bundle import open_bundle
from index.catalog import Catalogue

RECOMMENDED = 1.0  # seconds at p99
DELETED = 100  # items
LOST = 0.001  # share of requests that may fail at this rate: none should, but a busy machine may refuse one
AT_ONCE = 8  # requests in flight once only deletions are looked at
WARM_UP = 3.0  # seconds of load before the first change


class Measured(NamedTuple):
    """A whole run."""

    puts: list[Put]
    load: list[Answer]  # while items were put and deleted
    checked: list[Answer]  # after the deletions
    returned: int  # answers with a deleted item in them


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every requirement is met, else MISSED."""
    parser = service_parser("freshness", __doc__)
    parser.add_argument("--puts", type=int, default=500, help="items to put")
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second meanwhile")
    parser.add_argument("--requests", type=int, default=10_000, help="requests after the deletions")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = copy_bundle(options.bundles, folder / "bundles")
        catalogue = open_bundle(folder / "bundles").catalogue
        with serving(folder) as service:
            measured = asyncio.run(_measure(service.url, catalogue, options))
    return finish(
        "freshness",
        options,
        ("puts", "rate", "requests"),
        manifest,
        checks(measured, options.requests),
        rows(measured),
    )


def checks(measured: Measured, wanted: int) -> list[Check]:
    """What the design asks for."""
    recommended = _p99([each.recommended for each in measured.puts])
    failed = sum(answer.status != 200 for answer in measured.load) / max(len(measured.load), 1)
    answered = sum(answer.status == 200 for answer in measured.checked)
    return [
        Check("recommended_p99", round(recommended, 4), "s", "<=", RECOMMENDED),
        Check("failed_share", round(failed, 5), "of requests", "<=", LOST),
        Check("answers_after_delete", answered, "answers", ">=", wanted),
        Check("deleted_returned", measured.returned, "answers", "<=", 0),
    ]


def rows(measured: Measured) -> list[dict[str, object]]:
    """The time of a put, until it is recommended, and of the requests that ran meanwhile."""
    times = {
        "put": [each.acknowledged for each in measured.puts],
        "put_to_recommended": [each.recommended for each in measured.puts],
        "requests_meanwhile": [answer.seconds for answer in measured.load],
    }
    return [
        {
            "key": key,
            "count": len(seconds),
            "p50_ms": round(1000 * statistics.median(seconds), 1),
            "p99_ms": round(1000 * _p99(seconds), 1),
            "most_ms": round(1000 * max(seconds), 1),
        }
        for key, seconds in times.items()
        if seconds
    ]


async def _measure(url: str, catalogue: Catalogue, options: argparse.Namespace) -> Measured:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        column = marker(catalogue)
        load = Load(client, catalogue.item_ids, options.seed)
        async with load.running(options.rate):
            await asyncio.sleep(WARM_UP)
            warm = len(load.answers)
            puts = [await put(client, catalogue, number, column) for number in range(options.puts)]
            often = Counter(item_id for answer in load.answers for item_id in answer.item_ids)
            deleted = await delete(client, [item_id for item_id, _ in often.most_common(DELETED)])
        meanwhile = load.answers[warm:]
        load.answers = []
        await _ask_many(load, options.requests)
        returned = returned_after([*meanwhile, *load.answers], deleted)
        return Measured(puts, meanwhile, load.answers, returned)


async def _ask_many(load: Load, answers: int) -> None:
    """Ask until there are so many answers, a few at a time."""
    left = iter(range(answers))

    async def ask() -> None:
        for number in left:
            while (await load.ask(number)).status == 429:
                continue

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))


def _p99(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[98] if len(seconds) > 1 else max(seconds)


if __name__ == "__main__":
    sys.exit(main())
