"""Rows and comparisons over seeds, worked out by hand."""

import json

import numpy as np
import pytest

from training.metrics import recall_at
from training.ranking import RankedUsers
from training.report_table import EvaluationTable, compare, make_row, user_metric


def ranked(served: list[float], penalised: list[float] | None = None) -> RankedUsers:
    """Unmasked, everything stands one place lower."""
    lower = [rank + 1 for rank in served]
    return RankedUsers(np.array(served), np.array(lower), np.array(penalised or lower))


SEEDS = [ranked([1, 20], [1, 10]), ranked([3, 5], [3, 5])]


def test_a_user_counts_with_the_mean_over_the_seeds() -> None:
    assert user_metric(SEEDS, recall_at).tolist() == [1.0, 0.5]


def test_a_row_averages_seeds_and_keeps_each() -> None:
    row = make_row("both", SEEDS, [0.5, np.inf])
    assert row.served.recall == 0.75
    assert row.served.mrr == pytest.approx((1 + 1 / 20 + 1 / 3 + 1 / 5) / 4)
    assert row.unmasked.recall == 1.0, "with the penalty"
    assert row.plain.recall == 0.75, "without it"
    assert [metrics.recall for metrics in row.served_by_seed] == [0.5, 1.0]
    assert row.recall == (0.75, 0.5, 1.0), (
        "the means of two users: both the one, both the other, or each once"
    )
    assert row.to_dict()["penalties"] == [0.5, "infinity"]


def test_a_comparison_pairs_users_over_the_mean_of_the_seeds() -> None:
    base = [ranked([1, 20]), ranked([3, 20])]
    found = compare("a", SEEDS, "b", base, seed=0)
    assert found.recall == (0.25, 0.0, 0.5)
    assert not found.recall.excludes_zero
    same = compare("a", SEEDS, "a", SEEDS, seed=0)
    assert same.ndcg == (0.0, 0.0, 0.0)


def test_the_text_states_seeds_weights_and_penalties() -> None:
    row = make_row("the sum", SEEDS, [0.5, np.inf])
    table = EvaluationTable(
        "toys", "ab", 2, 30, (4, 7), (row,), (), ({"EASE": 1.0}, {"EASE": 0.25}), ("beware",)
    )
    lines = table.text().splitlines()
    assert lines[0] == "toys: 2 test users, 30 items, mean of seeds 4, 7"
    assert lines[4].startswith("| the sum              |     .7500 |")
    assert lines[6:] == [
        "weights of the simple sum, chosen on validation, seed 4: EASE 1",
        "weights of the simple sum, chosen on validation, seed 7: EASE 0.25",
        (
            "the sum, unmasked: 0.5, infinity off the scores of seen items, chosen on validation; without it "
            "NDCG@10 0.3545, Recall@10 0.7500"
        ),
        "note: beware",
    ]
    assert json.loads(json.dumps(table.to_dict(), allow_nan=False))["seeds"] == [4, 7]
