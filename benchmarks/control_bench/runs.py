"""Every system on every case: who is asked what, and what the answers are worth.

Systems that go through `POST /recommend` differ in the body alone:

    laser           the sentence, constraint_mode strict
    soft            the sentence, constraint_mode soft
    no sentence     the history alone
    oracle filter   the history and the filter that a perfect parse would have made in strict mode
    lenient oracle  the same, but items whose attribute is missing stay where a value is unwanted
    keyword filter  the history and a filter of the values that stand in the sentence
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from benchmarks.control_bench.baselines import DirectSearch, Keywords
from benchmarks.control_bench.cases import Case
from benchmarks.control_bench.metrics import Judgement, K, averages, judge, pairs_right
from benchmarks.control_bench.service import Answer, Body, Service
from benchmarks.control_bench.truth import comparable, lenient_filter, oracle_filter, truth
from benchmarks.control_bench.world import World

OURS = ("laser", "soft")
SERVED = (*OURS, "no sentence", "oracle filter", "lenient oracle", "keyword filter")
DIRECT = ("sentence in the prompt", "sentence alone")
ONLY_OURS = ("exact", "reported", "silent", "alarm")  # measures of what an answer says about the sentence

Judged = list[tuple[Case, Judgement]]


@dataclass(frozen=True)
class Bench:
    """One data set, ready to be asked."""

    world: World
    service: Service
    direct: DirectSearch
    keywords: Keywords
    percentile: float


def body(bench: Bench, case: Case, system: str) -> Body:
    """The request of a served system for a case."""
    world = bench.world
    asked: Body = {
        "history": [{"item_id": world.catalogue.item_ids[row]} for row in world.histories[case.user]],
        "k": K,
    }
    if system in OURS:
        mode = "strict" if system == "laser" else "soft"
        return asked | {"constraint": case.sentence, "constraint_mode": mode}
    if system == "no sentence":
        condition = None
    elif system == "oracle filter":
        condition = oracle_filter(world, case.expected, case.user, bench.percentile)
    elif system == "lenient oracle":
        condition = lenient_filter(world, case.expected, case.user, bench.percentile)
    else:
        condition = bench.keywords.filter(case.sentence)
    return asked | ({"filter": condition} if condition else {})


async def run(bench: Bench, cases: Sequence[Case], systems: Sequence[str]) -> dict[str, Judged]:
    """Judge each system on the cases it is asked about. What cannot be met (C7) is for ours alone to report."""
    plain = dict(
        zip(
            (case.user for case in cases),
            await bench.service.answers([body(bench, case, "no sentence") for case in cases]),
            strict=True,
        )
    )
    found: dict[str, Judged] = {}
    for system in systems:
        asked = [case for case in cases if system in OURS or case.type != "C7"]
        answers = await _answers(bench, asked, system)
        found[system] = [
            (case, judge(bench.world, case, answer, plain[case.user], bench.percentile))
            for case, answer in zip(asked, answers, strict=True)
        ]
    return found


def rows(judged: dict[str, Judged]) -> Iterator[dict[str, object]]:
    """One row a system and type: how many cases, and the mean of every measure that applies."""
    for system, all_cases in judged.items():
        for type_ in sorted({case.type for case, _ in all_cases}):
            of_type = [(case, judgement) for case, judgement in all_cases if case.type == type_]
            means = averages([judgement for _, judgement in of_type])
            if (pairs := pairs_right(of_type)) is not None:
                means["pairs"] = pairs
            kept = {name: mean for name, mean in means.items() if system in OURS or name not in ONLY_OURS}
            yield {"system": system, "type": type_, "cases": len(of_type), **kept}


def said_by(
    world: World, cases: Iterable[Case], users: int, seed: int, percentile: float
) -> tuple[Case, ...]:
    """Each held-out sentence in the mouths of `users` users, of whose targets it is true where there are such users.

    The two sentences of a pair are said by the same users, so that they can be compared.
    """
    said = []
    for case in cases:
        everybody = range(len(world.targets))
        order = Random(f"{seed} {case.pair or case.id}").sample(everybody, len(everybody))
        fitting = (user for user in order if _fits(world, case, user, percentile))
        chosen = list(islice(fitting, users)) or order[:users]
        said += [case.with_user(user) for user in chosen]
    return tuple(said)


def _fits(world: World, case: Case, user: int, percentile: float) -> bool:
    """Whether the sentence is true of the user's target, where it says anything of it."""
    if case.type in ("C6", "C7", "C9"):
        return True
    if not comparable(world, case.expected.relative, user):
        return False
    return bool(truth(world, case.expected, user, percentile)[world.targets[user]])


async def _answers(bench: Bench, cases: Sequence[Case], system: str) -> list[Answer]:
    if system in SERVED:
        return await bench.service.answers([body(bench, case, system) for case in cases])
    histories = [bench.world.histories[case.user] for case in cases]
    ask = bench.direct.prompted if system == DIRECT[0] else bench.direct.by_sentence
    return ask(histories, [case.sentence for case in cases], K)
