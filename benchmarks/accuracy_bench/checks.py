"""What must be reached, as checks on the finished rows. A row that is not there leaves its checks unmeasured."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks._outcome import Check
from benchmarks.accuracy_bench import headline, interventions
from benchmarks.accuracy_bench.store import Store
from training.evaluation_rows import ALONE, BEST, SUM

MAIN, SECOND = "scientific", "beauty"
ABLATION_SECONDS = 480
SERVED = {
    MAIN: {"recall": 0.152, "ndcg": 0.107, "mrr": 0.101},
    SECOND: {"recall": 0.110, "ndcg": 0.067},
}
UNMASKED = {MAIN: {"recall": 0.145, "ndcg": 0.099}}
ALONE_NDCG = {MAIN: 0.077}
EXCLUDES_ZERO = 1e-6  # the low end of an interval that lies above 0, at the precision of the stored rows
NAMES = {"recall": "recall@10", "ndcg": "ndcg@10", "mrr": "mrr"}


def checks(store: Store, data: tuple[str, ...]) -> list[Check]:
    """All checks; `data` names the data sets of the headline."""
    found: list[Check] = []
    for name in data:
        found += _headline(name, store.get(headline.MEAN.format(data=name)))
    found += _interventions(MAIN, store.get(interventions.MEAN.format(data=MAIN)))
    found.append(_unharmed(store.get(f"instructions/{MAIN}")))
    row = store.get(f"cold-start/{MAIN}")
    above = None if row is None else row["comparisons"]["cold"]["recall"]["mean"]
    found.append(Check(f"{MAIN}.cold.recall@10_above_zero_shot", above, "recall@10", ">=", 0.0))
    seconds = [row["seconds"] for row in store.under("ablations/") if not row["resumed"]]
    found.append(
        Check("ablations.slowest", max(seconds, default=None), "seconds", "<=", float(ABLATION_SECONDS))
    )
    return found


def _headline(data: str, row: Mapping[str, Any] | None) -> Iterator[Check]:
    rows = {} if row is None else {entry["name"]: entry for entry in row["rows"]}
    pairs = {} if row is None else {(c["name"], c["against"]): c for c in row["comparisons"]}
    for way, targets in (("served", SERVED), ("unmasked", UNMASKED)):
        for metric, target in targets.get(data, {}).items():
            value = rows[BEST][way][metric] if BEST in rows else None
            yield Check(f"{data}.{way}.{NAMES[metric]}", value, NAMES[metric], ">=", target)
    if data in ALONE_NDCG:
        value = rows[ALONE]["served"]["ndcg"] if ALONE in rows else None
        yield Check(f"{data}.alone.ndcg@10", value, "ndcg@10", ">=", ALONE_NDCG[data])
    low = pairs[BEST, SUM]["ndcg"]["low"] if (BEST, SUM) in pairs else None
    yield Check(f"{data}.ndcg@10_above_simple_sum_low", low, "ndcg@10, end of 95 %", ">=", EXCLUDES_ZERO)
    if data not in SERVED:
        ratio = rows[BEST]["served"]["ndcg"] / rows[SUM]["served"]["ndcg"] if BEST in rows else None
        yield Check(f"{data}.ndcg@10_over_simple_sum", ratio, "ratio", ">=", 1.05)


def _unharmed(row: Mapping[str, Any] | None) -> Check:
    """How much of NDCG@10 training with sentences may cost those who say nothing: the low end, relative."""
    low = None
    if row is not None:
        (pair,) = (each for each in row["comparisons"] if each["name"] == ALONE)
        (after,) = (entry for entry in row["rows"] if entry["name"] == ALONE)
        low = pair["ndcg"]["low"] / (after["served"]["ndcg"] - pair["ndcg"]["mean"])
    return Check(f"{MAIN}.sentences.ndcg@10_change_low", low, "relative, end of 95 %", ">=", -0.02)


def _interventions(data: str, row: Mapping[str, Any] | None) -> Iterator[Check]:
    """Each must lower NDCG: the low end of what Laser alone stands above it."""
    lows = {} if row is None else {c["against"]: c["ndcg"]["low"] for c in row["comparisons"]}
    keys = {
        interventions.SHUFFLED: "shuffled_states",
        interventions.NO_SUFFIX: "no_suffix",
        interventions.NO_PREFIX: "no_prefix",
    }
    for name, key in keys.items():
        low = lows.get(name)
        yield Check(f"{data}.alone.lost_by_{key}_low", low, "ndcg@10, end of 95 %", ">=", EXCLUDES_ZERO)
