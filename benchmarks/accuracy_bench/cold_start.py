"""Cold start: a tenth of the items is left out of all training interactions, and then looked for.

Users whose test item is cold: what is served against zero-shot text. Users whose test item is warm: what is served
against the same configuration trained on everything, which is what the missing items cost the others.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from benchmarks.accuracy_bench.derived import cold_items, without_items
from benchmarks.accuracy_bench.study import Job, Study, digest
from training.data import leave_one_out, load_dataset
from training.evaluation_rows import ALONE, BEST, NEIGHBOURS_ROW, SASREC, SUM, ZERO_SHOT
from training.ranking import RankedUsers
from training.report_table import compare, make_row

SHARE = 0.1
SHOWN = (ZERO_SHOT, ALONE, BEST, SUM, SASREC, NEIGHBOURS_ROW)


def jobs(study: Study, data: str) -> Iterator[Job]:
    """One row, on the first seed."""
    name = f"{data}-cold"
    without_items(study.folder(data), study.work / "data" / name, SHARE)
    seed = study.seeds[0]
    recipe = digest([study.recipe(name, seed), study.recipe(data, seed)])
    yield Job(f"cold-start/{data}", recipe, partial(measured, study, data, name, seed))


def measured(study: Study, data: str, name: str, seed: int) -> Mapping[str, Any]:
    """Both groups of users. Intervals are paired by user."""
    dataset, whole = load_dataset(study.folder(name)), load_dataset(study.folder(data))
    test = leave_one_out(dataset.histories).test
    ids = cold_items(dataset.folder)
    cold = np.array([dataset.item_ids[target] in ids for target in test.targets])
    ranks = study.ranks(name, seed).ranks
    best = BEST if BEST in ranks else ALONE
    rows = {
        group: [make_row(row, [_select(ranks[row], of_it)]).to_dict() for row in SHOWN if row in ranks]
        for group, of_it in (("cold", cold), ("warm", ~cold))
    }
    before = study.ranks(data, seed)
    place = {whole.user_ids[user]: index for index, user in enumerate(before.users)}
    same = np.array([place[dataset.user_ids[user]] for user in test.users])
    full = _select(before.ranks[best], same)
    return {
        "cold_items": len(ids),
        "cold_users": int(cold.sum()),
        "warm_users": int((~cold).sum()),
        "rows": rows,
        "comparisons": {
            "cold": _compare(best, ranks[best], ZERO_SHOT, ranks[ZERO_SHOT], cold),
            "warm": _compare(best, ranks[best], f"{best}, trained on all items", full, ~cold),
        },
    }


def _compare(
    name: str,
    ranked: RankedUsers,
    against: str,
    base: RankedUsers,
    users: np.ndarray[Any, np.dtype[np.bool_]],
) -> dict[str, Any]:
    return compare(name, [_select(ranked, users)], against, [_select(base, users)], 0).to_dict()


def _select(ranked: RankedUsers, users: np.ndarray[Any, Any]) -> RankedUsers:
    return RankedUsers(*(way[users] for way in ranked))
