"""Ranks on disk come back as they were, infinite ranks and penalties included."""

from pathlib import Path

import numpy as np

from training.ranking import RankedUsers
from training.run_ranks import RunRanks


def ranked(*values: float) -> RankedUsers:
    ranks = np.array(values)
    return RankedUsers(ranks, ranks + 1, ranks + 2)


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "evaluation" / "ranks.npz"
    before = RunRanks(
        seed=2,
        data_hash="ab",
        users=np.array([0, 3]),
        ranks={"second": ranked(1, np.inf), "first": ranked(2.5, 7)},
        penalties={"first": np.inf},
        sum_weights={"EASE": 0.5},
        notes=("a note",),
    )
    before.save(path)
    after = RunRanks.load(path)
    assert list(after.ranks) == ["second", "first"], "rows keep their order"
    for name, ranks in before.ranks.items():
        for saved, loaded in zip(ranks, after.ranks[name], strict=True):
            np.testing.assert_array_equal(saved, loaded)
    assert after.users.tolist() == [0, 3]
    assert (after.seed, after.data_hash, after.notes) == (2, "ab", ("a note",))
    assert (after.penalties, after.sum_weights) == ({"first": np.inf}, {"EASE": 0.5})
    assert [file.name for file in path.parent.iterdir()] == ["ranks.npz"], "nothing is left aside"
