"""The promise, by property: exactly k allowed items, never a forbidden one, the best first; checked by brute force."""

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.bundle import Bundle
from tests.service.world import BRANDS, GENRES, Running

IDS = st.sampled_from([f"i{n}" for n in range(40)] + ["shelf/7 b", "gone"])
PRICES = st.floats(-1, 70, allow_nan=False).map(lambda x: round(x, 1))
CONDITIONS = st.one_of(
    st.builds(lambda v: {"key": "brand", "eq": v}, st.sampled_from([*BRANDS, "nobody"])),
    st.builds(lambda v: {"key": "brand", "in": v}, st.lists(st.sampled_from(BRANDS), min_size=1, max_size=3)),
    st.builds(
        lambda v: {"key": "genres", "in": v}, st.lists(st.sampled_from(GENRES), min_size=1, max_size=2)
    ),
    st.builds(lambda a, b: {"key": "price", "gte": min(a, b), "lte": max(a, b)}, PRICES, PRICES),
    st.builds(lambda v: {"key": "price", "lt": v}, PRICES),
    st.builds(lambda v: {"key": "price", "exists": v}, st.booleans()),
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={name: st.lists(CONDITIONS, min_size=1, max_size=3) for name in ("must", "must_not", "should")},
)


def holds(condition: dict[str, Any], item: dict[str, Any]) -> bool:
    """One condition on one item, written as plainly as possible."""
    value = item.get(condition["key"])
    if "exists" in condition:
        return (value is not None) is condition["exists"]
    if value is None:
        return False
    values = value if isinstance(value, list) else [value]
    if "eq" in condition:
        return condition["eq"] in values
    if "in" in condition:
        return any(each in condition["in"] for each in values)
    number = float(value)
    return (
        condition.get("gte", -np.inf) <= number <= condition.get("lte", np.inf)
        and number < condition.get("lt", np.inf)
    )  # fmt: skip


def allowed(conditions: dict[str, Any], item: dict[str, Any]) -> bool:
    return (
        all(holds(each, item) for each in conditions.get("must", []))
        and not any(holds(each, item) for each in conditions.get("must_not", []))
        and (not conditions.get("should") or any(holds(each, item) for each in conditions["should"]))
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=st.lists(IDS, min_size=1, max_size=6),
    conditions=FILTERS,
    excluded=st.lists(IDS, max_size=5),
    seen=st.booleans(),
    k=st.integers(1, 50),
)
def test_exactly_k_allowed_items(
    live: Running,
    bundle: Bundle,
    history: list[str],
    conditions: dict[str, Any],
    excluded: list[str],
    seen: bool,
    k: int,
) -> None:
    request = {"history": [{"item_id": i} for i in history], "exclude": {"seen": seen, "item_ids": excluded}}
    everything = live.post(**request | {"exclude": {"seen": False}}, k=50).json()["items"]
    score = {item["item_id"]: item["score"] for item in everything}
    assert len(score) == 41
    out = set(excluded) | (set(history) if seen else set())
    records = (bundle.catalogue.record(row) for row in range(41))
    right = {str(r["item_id"]) for r in records if allowed(conditions, r) and r["item_id"] not in out}

    answer = live.post(**request, filter=conditions, k=k).json()
    got = [item["item_id"] for item in answer["items"]]
    assert len(got) == len(set(got)) == min(k, len(right))
    assert set(got) <= right
    assert answer["search"]["allowed"] == len(right)
    assert answer["shortfall"] == (
        {"requested": k, "returned": len(got), "reason": "allowed"} if len(got) < k else None
    )
    rest = [score[i] for i in right - set(got)]
    assert all(score[a] >= score[b] - 1e-5 for a, b in pairwise(got))
    assert not rest or score[got[-1]] >= max(rest) - 1e-5
    assert set(answer["unknown_items"]) == {"gone"} & {*history, *excluded}
