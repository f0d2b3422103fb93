"""What the answers before, during and after an outage come to."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from benchmarks._outcome import Check
from benchmarks.redis_bench.load import Answer

WELL_SECONDS = 1.0
ITEMS = 5  # asked for in every recommendation


@dataclass(frozen=True)
class Outage:
    """One time without Redis; seconds of the answers' clock."""

    how: str
    calm: float  # from here on all was well
    gone: float  # from here on Redis was gone
    leaving: float  # up to here, and then it was on its way back
    back: float  # from here on it answered again
    end: float


@dataclass(frozen=True)
class Figures:
    """Counts are of requests that were sent and answered while Redis was gone."""

    how: str
    asked: int
    failed: int
    not_named: int
    alone_not_answered: int
    writes: int
    writes_not_refused: int
    p99_before_ms: float
    p99_gone_ms: float
    recovery_s: float


def figures(answers: Sequence[Answer], outage: Outage) -> Figures:
    """Measure one outage."""
    before = [each for each in answers if outage.calm <= each.sent and each.done <= outage.gone]
    gone = [each for each in answers if outage.gone <= each.sent and each.done <= outage.leaving]
    after = [each for each in answers if outage.back <= each.sent <= outage.end]
    history = [each for each in gone if each.kind == "history"]
    alone = [each for each in gone if each.kind == "alone"]
    writes = [each for each in gone if each.kind == "write"]
    return Figures(
        how=outage.how,
        asked=len(history),
        failed=sum(each.status != 200 or each.items != ITEMS for each in history),
        not_named=sum(each.status == 200 and "store" not in each.degraded for each in history),
        alone_not_answered=sum(
            each.status != 200 or each.items != ITEMS or "store" not in each.degraded for each in alone
        ),
        writes=len(writes),
        writes_not_refused=sum(each.status != 503 or not each.retry_after for each in writes),
        p99_before_ms=_p99(each for each in before if each.kind == "history"),
        p99_gone_ms=_p99(history),
        recovery_s=_recovery(after, outage),
    )


def checks(measured: Sequence[Figures], lost: int) -> list[Check]:
    """The requirements. `lost` counts writes that were acknowledged and are not there."""
    found = []
    for each in measured:
        growth = each.p99_gone_ms - each.p99_before_ms
        asked = each.asked > 0 and each.writes > 0
        found += [
            Check(f"{each.how}_failed", each.failed if asked else None, "requests", "<=", 0),
            Check(f"{each.how}_not_named", each.not_named, "requests", "<=", 0),
            Check(f"{each.how}_alone_not_answered", each.alone_not_answered, "requests", "<=", 0),
            Check(f"{each.how}_writes_not_refused", each.writes_not_refused, "requests", "<=", 0),
            Check(f"{each.how}_p99_growth", round(growth, 2) if asked else None, "ms", "<=", 50),
            Check(f"{each.how}_recovery", round(each.recovery_s, 2), "s", "<=", 5),
        ]
    return [*found, Check("lost_writes", lost, "events", "<=", 0)]


def rows(measured: Sequence[Figures]) -> list[dict[str, float | str]]:
    """The figures, one row an outage."""
    return [asdict(each) for each in measured]


def _recovery(after: Sequence[Answer], outage: Outage) -> float:
    """Seconds until a whole second in which everything that was asked was answered whole; all the time, if none was."""
    broken = [each.sent for each in after if not _whole(each)]
    for start in sorted([outage.back, *broken]):
        well_from = next((sent for sent in sorted(broken) if sent > start), outage.end)
        if well_from - start > WELL_SECONDS:
            return start - outage.back
    return outage.end - outage.back


def _whole(answer: Answer) -> bool:
    return answer.status == 200 and not answer.degraded


def _p99(answers: Iterable[Answer]) -> float:
    """In milliseconds; nan of no answers. The nearest rank: the smallest value that 99 % do not exceed."""
    seconds = sorted(each.done - each.sent for each in answers)
    return seconds[math.ceil(0.99 * len(seconds)) - 1] * 1000 if seconds else math.nan
