"""What each input is worth to a finished Laser alone: the same weights, with one thing changed.

- states shuffled: every user keeps the own text and gets another user's collaborative states (the user side alone)
- no suffix term:  the residual map is zero on both sides, so what is left is the weighted mean of frozen vectors
- no prefix:       both sides are encoded without any prefix token

Users and items lose suffix and prefix together: a change on one side alone would lower NDCG by mismatch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.accuracy_bench.study import Job, Study, digest
from model.bi_tuning import BiTuning, Prompted
from model.fusion import Fusion
from model.laser import Laser
from model.m_former import Routing
from model.vectors import History
from training.baselines.scorer import Rows
from training.data import leave_one_out, load_dataset
from training.evaluation_rows import ALONE, Subject
from training.laser_scorers import LaserScorer, LaserUsers
from training.ranking import RankedUsers, rank_users
from training.report_table import compare, make_row
from training.run_ranks import FOLDER, RunRanks

RANKS_FILE = "interventions.npz"
SHUFFLED, NO_SUFFIX, NO_PREFIX = "states shuffled between users", "no suffix term", "no prefix"
MEAN = "interventions/{data}/mean"


def jobs(study: Study, data: str) -> Iterator[Job]:
    """One row a seed, then the differences to Laser alone over all seeds."""
    recipes = [study.recipe(data, seed) for seed in study.seeds]
    for seed, recipe in zip(study.seeds, recipes, strict=True):
        yield Job(f"interventions/{data}/seed {seed}", recipe, partial(measured, study, data, [seed]))
    yield Job(MEAN.format(data=data), digest(recipes), partial(measured, study, data, study.seeds))


def measured(study: Study, data: str, seeds: Sequence[int]) -> Mapping[str, Any]:
    """Each intervention's mean, and how far Laser alone stands above it, users averaged over the seeds."""
    whole = [study.ranks(data, seed).ranks[ALONE] for seed in seeds]
    changed = [ranks_of(study, data, seed).ranks for seed in seeds]
    by_row = {name: [ranks[name] for ranks in changed] for name in changed[0]}
    return {
        "rows": [make_row(name, ranked).to_dict() for name, ranked in by_row.items()],
        "comparisons": [compare(ALONE, whole, name, ranked, 0).to_dict() for name, ranked in by_row.items()],
    }


def ranks_of(study: Study, data: str, seed: int) -> RunRanks:
    """Ranks by Laser alone under each intervention, kept in the run's folder."""
    run = study.run(data, seed)
    path = run / FOLDER / RANKS_FILE
    if not path.is_file():
        dataset = load_dataset(study.folder(data))
        test = leave_one_out(dataset.histories).test
        subject = study.subject(dataset, run)
        ranks: dict[str, RankedUsers] = {}
        for name, users in changed_users(subject, dataset.items, test.histories, seed):
            scorer = LaserScorer(name, users, subject.laser.backbone.width)
            ranks[name] = rank_users(scorer, test, len(dataset.items))
        RunRanks(seed, dataset.data_hash, test.users, ranks).save(path)
    return RunRanks.load(path)


def changed_users(
    subject: Subject, records: Sequence[Mapping[str, object]], histories: Sequence[Rows], seed: int
) -> Iterator[tuple[str, LaserUsers]]:
    """The users and items of each intervention."""
    laser, users = subject.laser, subject.users
    if laser.config.sources:
        yield SHUFFLED, ShuffledStates(users, histories, seed)
    if laser.config.read_out == "residual":
        yield NO_SUFFIX, _changed(_without_suffix, users, records)
    yield NO_PREFIX, _changed(_without_prefix, users, records)


class ShuffledStates(LaserUsers):
    """Users with the text of their own history and the collaborative states of another user's."""

    def __init__(self, users: LaserUsers, histories: Sequence[Rows], seed: int) -> None:
        super().__init__(users.laser, users.item_ids, users.items)
        order = np.random.default_rng(seed).permutation(len(histories))
        donors = (
            histories[order[place - 1]] for place in range(len(order))
        )  # the one before in a random ring
        self._donor = {histories[order[place]].tobytes(): donor for place, donor in enumerate(donors)}

    def history(self, rows: Rows) -> History:
        donor = self._donor[rows.tobytes()]
        return super().history(rows)._replace(item_ids=tuple(self.item_ids[row] for row in donor))


class WithoutPrefix(BiTuning):
    """A side whose input has no prefix tokens."""

    def _prefix(self, batch: Prompted) -> tuple[Tensor, Routing | None]:
        return self.suffix.new_zeros(len(batch.tokens), 0, len(self.suffix)), None


Change = Callable[[Laser, BiTuning], BiTuning]


def _without_suffix(laser: Laser, side: BiTuning) -> BiTuning:
    changed = _copy(BiTuning, laser, side)
    torch.nn.init.zeros_(changed.residual.weight)
    return changed


def _without_prefix(laser: Laser, side: BiTuning) -> BiTuning:
    return _copy(WithoutPrefix, laser, side)


def _copy(kind: type[BiTuning], laser: Laser, side: BiTuning) -> BiTuning:
    widths = [laser.collaborative.state_widths[source] for source in laser.config.sources]
    changed = kind(laser.config, widths, laser.backbone.width).to(laser.backbone.device)
    changed.load_state_dict(side.state_dict())
    return changed


def _changed(change: Change, users: LaserUsers, records: Sequence[Mapping[str, object]]) -> LaserUsers:
    """Laser alone with both sides changed, and the items as it then encodes them."""
    laser = users.laser
    items, users_side = change(laser, laser.item_side), change(laser, laser.user_side)
    laser = replace(laser, fusion=Fusion(laser.collaborative), item_side=items, user_side=users_side)
    return LaserUsers(laser, users.item_ids, laser.encode_items(records))
