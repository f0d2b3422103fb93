"""One answer judged against its case, and many judgements averaged.

A measure that does not apply to a case is None and counts nowhere: NDCG@10 needs a target that satisfies the
condition, an exact parse needs a filter to compare with.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np

from benchmarks.control_bench.cases import Case, Expected
from benchmarks.control_bench.service import Answer
from benchmarks.control_bench.truth import PERCENTILE, keys_of, oracle_filter, truth
from benchmarks.control_bench.world import Mask, World
from index.columns import fold

K = 10


@dataclass(frozen=True)
class Judgement:
    """What one answer did. Shares are of at most ten items."""

    satisfied: float | None = None  # items that satisfy, of the ten (or all there are) that could have
    violations: float | None = None  # items that do not, of those returned
    all_satisfy: float | None = None  # 1 where `satisfied` is 1
    ndcg: float | None = None  # of the target, where it satisfies
    exact: float | None = None  # 1 where the sentence filters exactly as it should
    right: float | None = None  # C6: 1 where this side of the pair is right
    reported: float | None = None  # C7: 1 where the answer says what cannot be met
    silent: float | None = None  # C7: 1 where it does not, and returns items as if it had
    alarm: float | None = None  # not C7: 1 where the answer reports what could be met
    overlap: float | None = None  # C9: share of the ten that stand in the answer without a sentence


MEASURES = tuple(Judgement.__annotations__)


def judge(
    world: World, case: Case, answer: Answer, plain: Answer, percentile: float = PERCENTILE
) -> Judgement:
    """Judge the answer to a case; `plain` is the answer to the same user without a sentence."""
    if case.type == "C7":
        reported = is_reported(case.expected, answer)
        return Judgement(reported=float(reported), silent=float(not reported and bool(answer.rows)))
    alarm = float(bool(answer.contradictions) or answer.short)
    if case.expected.unchanged:
        return Judgement(alarm=alarm, overlap=overlap(answer.rows, plain.rows))
    if case.expected.open is not None:
        right = is_open(world.mask(case.expected.open), answer, plain)
        return Judgement(right=float(right), alarm=alarm)
    mask = truth(world, case.expected, case.user, percentile)
    unseen = int(world.unseen(mask, case.user).sum())
    satisfied = share(mask, answer.rows, min(K, unseen))
    target = world.targets[case.user]
    return Judgement(
        satisfied=satisfied,
        violations=1 - share(mask, answer.rows, len(answer.rows)) if answer.rows else 0.0,
        all_satisfy=float(satisfied == 1),
        ndcg=ndcg(answer.rows, target) if mask[target] else None,
        exact=float(is_exact(case.expected, answer, _left(world, case, percentile))),
        right=float(satisfied == 1) if case.type == "C6" else None,
        alarm=alarm,
    )


def _left(world: World, case: Case, percentile: float) -> int:
    """How many unseen items the oracle's filter leaves."""
    condition = oracle_filter(world, case.expected, case.user, percentile)
    mask = world.mask(condition) if condition else np.ones(len(world.catalogue), dtype=bool)
    return int(world.unseen(mask, case.user).sum())


def share(mask: Mask, rows: Sequence[int], wanted: int) -> float:
    """How many of the first `wanted` rows the mask holds, as a share of `wanted`; 1 where none is wanted."""
    return float(mask[list(rows[:wanted])].sum()) / wanted if wanted else 1.0


def ndcg(rows: Sequence[int], target: int) -> float:
    """NDCG@10 with one right item: 1 / log2(1 + rank), 0 beyond rank 10."""
    top = list(rows[:K])
    return 1 / log2(2 + top.index(target)) if target in top else 0.0


def overlap(rows: Sequence[int], others: Sequence[int]) -> float:
    """Share of the first ten of `others` that are among the first ten of `rows`, in any order."""
    return len({*rows[:K]} & {*others[:K]}) / max(1, len(others[:K]))


def is_exact(expected: Expected, answer: Answer, left: int) -> bool:
    """Filters by the attributes that the expectation names and by no other, and leaves as many items as the oracle."""
    named = set(keys_of(expected.filter))
    if expected.relative is not None:
        named.add(expected.relative.key)
    return answer.filtered == named and answer.allowed == left


def is_open(named: Mask, answer: Answer, plain: Answer) -> bool:
    """ "Not only X": nothing is filtered, and X does not fill the answer unless it did so anyway."""
    filled = share(named, answer.rows, len(answer.rows)) == 1
    filled_anyway = share(named, plain.rows, len(plain.rows)) == 1
    return answer.allowed == plain.allowed and (not filled or filled_anyway)


def is_reported(expected: Expected, answer: Answer) -> bool:
    """A contradiction or an empty answer says so; an unknown value is named as contradicted or ignored."""
    if expected.report != "unknown":
        return bool(answer.contradictions) or (answer.short and not answer.rows)
    said = fold(" ".join((*answer.contradictions, *answer.ignored)))
    return any(fold(word) in said for word in expected.words)


def pairs_right(judged: Iterable[tuple[Case, Judgement]]) -> float | None:
    """C6: the share of pairs of which both sides are right; None without a pair."""
    sides: dict[tuple[str, int], list[float]] = {}
    for case, judgement in judged:
        if case.pair is not None and judgement.right is not None:
            sides.setdefault((case.pair, case.user), []).append(judgement.right)
    both = [all(right) for right in sides.values() if len(right) == 2]
    return float(np.mean(both)) if both else None


def averages(judgements: Sequence[Judgement]) -> dict[str, float]:
    """Mean of every measure over the cases it applies to."""
    found = {}
    for name in MEASURES:
        values = [value for judgement in judgements if (value := getattr(judgement, name)) is not None]
        if values:
            found[name] = float(np.mean(values))
    return found


def ratio(of: Mapping[str, float], to: Mapping[str, float], name: str) -> float | None:
    """One measure relative to another system's; None where either is absent or the other is 0."""
    return of[name] / to[name] if name in of and to.get(name) else None
