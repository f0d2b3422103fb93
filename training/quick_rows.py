"""A quick look at a run: a sample of its users, and only baselines that cost no training of their own.

What a full evaluation holds besides (SASRec trained from scratch, the frozen text, the simple sum that rests on both)
takes longer than the demo has. A quick look says of itself what it is, in its table and on its page.
"""

from collections.abc import Mapping

from training.baselines import Scorer
from training.data import Split
from training.evaluation_rows import TableRows
from training.train_id_recommenders import sample_rows

__all__ = ["QuickRows", "sampled"]


class QuickRows(TableRows):
    """The table's rows without those that must be trained or encoded for the comparison alone."""

    def baselines(self) -> dict[str, Scorer]:
        """What counting gives."""
        return self.counted()

    def rank_sum(self, scorers: Mapping[str, Scorer]) -> dict[str, float]:
        """There is no sum of what is not there; the place to say what this table is."""
        self.notes.append(
            "a quick look at some of the users, without SASRec trained from scratch, the frozen text and the simple "
            "sum of all; an evaluation without --users has them"
        )
        return {}


def sampled(split: Split, users: int, seed: int) -> Split:
    """The split with at most `users` test and validation rows each, drawn by seed; training stays whole."""
    valid, test = (sample_rows(rows, users, seed) for rows in (split.valid, split.test))
    return Split(split.train, valid, test)
