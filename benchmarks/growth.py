"""How time grows with the length of a history, the size of the catalogue, and the users who ask at once.

    laser bench growth [--data FOLDER] [--most-items N] [--seconds S]

history: one user with so many items, encoded alone. Prompts are bounded, so this must level off.
catalogue: one query over so many vectors, all allowed, exact.
concurrency: so many users at once through the service's batcher, until the last has its vector.

The check of each is the least-squares slope of log time over log size: 1 is linear.
"""

import statistics
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import wait

from benchmarks._command import data_parser, report
from benchmarks._outcome import Check
from benchmarks._timing import alternate, slope
from benchmarks.speed_bench.vectors import draw
from benchmarks.speed_bench.world import World, build, data_folder
from index.item_index import ExactIndex
from model.vectors import History, Vectors
from service.batcher import MicroBatcher, Ran

LENGTHS = (1, 2, 5, 10, 20, 50, 100)
SIZES = (1_000, 10_000, 100_000, 1_000_000)
USERS = (1, 4, 16, 64, 256)
WIDTH = 384
BUDGET, WAIT = 4096, 0.002  # padded tokens a batch, seconds

Calls = dict[int, Callable[[], object]]


class Unobserved:
    """The batcher tells what it does; here nobody listens."""

    def origin(self) -> None:
        """Whoever submits is not remembered."""

    def batch(self, ran: Ran) -> None:
        """A batch was run."""

    def failure(self, jobs: int) -> None:
        """A batch failed; the future has the error."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, publish. Returns 0."""
    parser = data_parser("growth", __doc__)
    parser.add_argument("--most-items", type=int, default=max(SIZES), help="the largest catalogue")
    parser.add_argument("--seconds", type=float, default=60, help="how long each of the three is measured")
    given = parser.parse_args(arguments)
    world = build(data_folder(given.data), given.seed)
    sizes = [size for size in SIZES if size <= given.most_items]
    rows = [
        *grow("history", history_calls(world), given.seconds),
        *grow("catalogue", catalogue_calls(sizes, given.seed), given.seconds),
    ]
    batcher: MicroBatcher[History, Vectors] = MicroBatcher(
        "encode",
        lambda jobs: list(world.laser.encode_users(jobs)),
        Unobserved(),
        budget=BUDGET,
        wait_seconds=WAIT,
        max_queue=max(USERS),
    )
    rows += grow("concurrency", concurrency_calls(world, batcher, given.seed), given.seconds)
    batcher.close()
    checks = slopes(rows)
    data = {world.dataset.info.name: world.dataset.data_hash}
    report("growth", given, ("most-items", "seconds"), data, checks, rows)
    return 0


def grow(series: str, calls: Calls, budget: float) -> list[dict[str, object]]:
    """A row for each size: the median time of its call, all sizes taking turns."""
    taken = alternate({str(size): call for size, call in calls.items()}, budget)
    return [
        {
            "key": f"{series} {size}",
            "series": series,
            "size": size,
            "ms": round(1e3 * statistics.median(taken[str(size)]), 4),
        }
        for size in calls
    ]


def slopes(rows: Sequence[dict[str, object]]) -> list[Check]:
    """One check a series: no worse than linear."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        found.setdefault(str(row["series"]), []).append((float(str(row["size"])), float(str(row["ms"]))))
    return [
        Check(f"{series}_slope", slope(*zip(*points, strict=True)), "power", "<=", 1.0)
        for series, points in found.items()
    ]


def history_calls(world: World) -> Calls:
    """One user whose history is the first items of the catalogue."""

    def call(length: int) -> Callable[[], object]:
        history = world.items.history([row % len(world.items.item_ids) for row in range(length)])
        return lambda: world.laser.encode_users([history])

    return {length: call(length) for length in LENGTHS}


def catalogue_calls(sizes: Sequence[int], seed: int) -> Calls:
    """One query; a smaller catalogue is the beginning of the largest."""
    vectors = draw(max(sizes), WIDTH, 1, seed)

    def call(size: int) -> Callable[[], object]:
        index = ExactIndex(vectors.items[:size])
        return lambda: index.search(vectors.queries, 10, [None])

    return {size: call(size) for size in sizes}


def concurrency_calls(world: World, batcher: MicroBatcher[History, Vectors], seed: int) -> Calls:
    """Different users who ask in the same moment."""
    histories = world.histories(max(USERS), seed)
    prompts = world.laser.text.prompts
    tokens = [len(prompts.prompt(history.token_ids)) for history in histories]

    def call(users: int) -> Callable[[], object]:
        jobs = list(zip(histories[:users], tokens[:users], strict=True))
        return lambda: wait([batcher.submit(history, length) for history, length in jobs])

    return {users: call(users) for users in USERS}


if __name__ == "__main__":
    sys.exit(main())
