"""Exact masked search over a million vectors, against FAISS's flat index with its own filter.

    laser bench search [--items N] [--width V] [--seconds S]

At 1, 10 and 100 % of the items allowed, for one query and for 32 at once: the time of our index, which starts from a
bool mask, over that of IndexFlatIP with an IDSelectorBitmap, which is given its bitmap ready-made. Both give the ten
best; those must be the same rows, but where scores are closer than float32 can tell. At 100 % IndexFlatIP without any
filter is timed too, because that is what one would use there: it is a row, not a check.
"""

import statistics
import sys
from collections.abc import Callable, Sequence

import faiss
import numpy as np

from benchmarks._command import bench_parser
from benchmarks._outcome import Check, publish
from benchmarks._timing import Seconds, alternate, times_faster
from benchmarks.speed_bench.table import print_outcome
from benchmarks.speed_bench.vectors import draw
from index.item_index import ExactIndex
from training.run_folder import git_hash

SHARES, BATCHES = (0.01, 0.1, 1.0), (1, 32)
TARGETS = {(1.0, 1): 2.0, (1.0, 32): 1.5}  # elsewhere 1: not slower
K = 10
TIE = 1e-6  # scores of unit vectors this close may swap
OURS, FILTERED, PLAIN = "laser", "IndexFlatIP, IDSelectorBitmap", "IndexFlatIP"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, publish. Returns 0."""
    parser = bench_parser("search", __doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument(
        "--seconds", type=float, default=30, help="how long each of the six cases is measured"
    )
    given = parser.parse_args(arguments)
    vectors = draw(given.items, given.width, max(BATCHES), given.seed)
    ours, flat = ExactIndex(vectors.items), faiss.IndexFlatIP(given.width)
    flat.add(vectors.items)
    masks = {share: np.random.default_rng(given.seed).random(given.items) < share for share in SHARES}
    checks: list[Check] = []
    rows: list[dict[str, object]] = []
    for share in SHARES:
        for batch in BATCHES:
            queries = vectors.queries[:batch]
            calls = contestants(ours, flat, queries, masks[share])
            alike = agreement(vectors.items, queries, *(calls[name]() for name in (OURS, FILTERED)))
            taken = alternate(calls, given.seconds)
            checks += _checks(share, batch, taken, alike)
            rows += _rows(share, batch, taken)
    print_outcome(checks, rows)
    command = f"laser bench search --items {given.items} --width {given.width} --seconds {given.seconds:g}"
    publish("search", command, git_hash(), {}, given.seed, checks, rows, given.out)
    return 0


def contestants(
    ours: ExactIndex, flat: faiss.IndexFlatIP, queries: np.ndarray, mask: np.ndarray
) -> dict[str, Callable[[], np.ndarray]]:
    """What each does for one batch under one mask; all give rows int64 [B, K]."""
    bitmap = np.packbits(mask, bitorder="little")
    selected = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bitmap))
    calls: dict[str, Callable[[], np.ndarray]] = {
        OURS: lambda: ours.search(queries, K, [mask] * len(queries)).rows,
        FILTERED: lambda: np.asarray(flat.search(queries, K, params=selected)[1]),
    }
    if mask.all():
        calls[PLAIN] = lambda: np.asarray(flat.search(queries, K)[1])
    return calls


def agreement(items: np.ndarray, queries: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> float:
    """Share of the places [B, K] whose rows are equal, or score the same within TIE in float64."""
    scores = [
        np.einsum("bkv,bv->bk", items[rows].astype(np.float64), queries.astype(np.float64))
        for rows in (ours, theirs)
    ]
    return float(((ours == theirs) | (np.abs(scores[0] - scores[1]) <= TIE)).mean())


def _checks(share: float, batch: int, taken: Seconds, alike: float) -> list[Check]:
    case = f"allowed_{100 * share:.0f}_batch_{batch}"
    target = TARGETS.get((share, batch), 1.0)
    return [
        Check(f"{case}_speedup", times_faster(taken, OURS, FILTERED), "x", ">=", target),
        Check(f"{case}_equal_top_10", alike, "share", ">=", 1.0),
    ]


def _rows(share: float, batch: int, taken: Seconds) -> list[dict[str, object]]:
    return [
        {
            "key": f"{name}, {share:.0%}, {batch}",
            "ms_per_batch": round(1e3 * statistics.median(seconds), 3),
            "rounds": len(seconds),
        }
        for name, seconds in taken.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
