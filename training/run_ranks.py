"""What the evaluation of one run leaves on disk: the rank of every test user's item by every scorer.

Ranks of several runs (seeds) of the same data can be averaged per user later without scoring anything again.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from training.baselines.scorer import Rows
from training.ranking import RankedUsers

__all__ = ["FOLDER", "RANKS_FILE", "RunRanks"]

FOLDER, RANKS_FILE = "evaluation", "ranks.npz"  # inside the run folder


@dataclass(frozen=True)
class RunRanks:
    """Ranks by row of the table, in its order; what was chosen on validation on the way, and what to note."""

    seed: int
    data_hash: str
    users: Rows  # [U], into the data set's user_ids
    ranks: Mapping[str, RankedUsers]
    penalties: Mapping[str, float] = field(default_factory=dict)
    sum_weights: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Write aside and rename: a file that is there is whole."""
        about = {
            "seed": self.seed,
            "data_hash": self.data_hash,
            "rows": list(self.ranks),
            "penalties": dict(self.penalties),
            "sum_weights": dict(self.sum_weights),
            "notes": self.notes,
        }
        served, unmasked, penalised = (
            np.stack(way) for way in zip(*self.ranks.values(), strict=True)
        )  # [R, U]
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".writing")
        with aside.open("wb") as file:
            np.savez_compressed(
                file,
                about=np.array(json.dumps(about)),
                users=self.users,
                served=served,
                unmasked=unmasked,
                penalised=penalised,
            )
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            ways = [stored[way] for way in RankedUsers._fields]
            users = stored["users"]
        ranks = {name: RankedUsers(*(way[row] for way in ways)) for row, name in enumerate(about.pop("rows"))}
        return cls(users=users, ranks=ranks, **{**about, "notes": tuple(about["notes"])})
