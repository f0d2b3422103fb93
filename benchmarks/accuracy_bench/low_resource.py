"""Low resource: trained on 1, 5, 20 and 100 % of the users, tested on all of them.

Everything is fitted on the share: the baselines, the ID recommenders, Laser, the fusion's weights and the sum's. Test
users of the rest come with their histories and nothing else, as new users do.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks.accuracy_bench.derived import with_users
from benchmarks.accuracy_bench.headline import rows_and_comparisons
from benchmarks.accuracy_bench.study import Job, Study, digest
from training.data import leave_one_out, load_dataset
from training.evaluation_rows import ALONE, BEST, EASE_ROW, SASREC, SUM, ZERO_SHOT, TableRows
from training.ranking import RankedUsers
from training.run_ranks import FOLDER, RunRanks
from training.task_bars import TaskBars

SHARES = (1, 5, 20, 100)  # percent
SHOWN = (SASREC, EASE_ROW, SUM, ZERO_SHOT, ALONE, BEST)
RANKS_FILE = "all-users.npz"


def jobs(study: Study, data: str) -> Iterator[Job]:
    """One row a share, on the first seed."""
    seed = study.seeds[0]
    users = len(leave_one_out(load_dataset(study.folder(data)).histories).test.users)
    for share in SHARES:
        name = data if share == 100 else f"{data}-{share}-percent"
        if share < 100:
            with_users(study.folder(data), study.work / "data" / name, max(1, round(users * share / 100)))
        recipe = digest([study.recipe(name, seed), study.recipe(data, seed)])
        yield Job(f"low-resource/{data}/{share} %", recipe, partial(measured, study, data, name, seed, share))


def measured(study: Study, data: str, name: str, seed: int, share: int) -> Mapping[str, Any]:
    """The rows that matter, and what is served against the simple sum of the same share."""
    ranks = study.ranks(data, seed).ranks if name == data else all_users(study, data, name, seed)
    shown = {row: ranks[row] for row in SHOWN if row in ranks}
    pairs = [(BEST if BEST in ranks else ALONE, SUM), (ALONE, ZERO_SHOT)]
    users = len(load_dataset(study.folder(name)).user_ids)
    return {"share": share, "users": users, **rows_and_comparisons(shown, ranks, pairs)}


def all_users(study: Study, data: str, name: str, seed: int) -> Mapping[str, RankedUsers]:
    """Ranks of all test users by what was trained on the share, kept in the run's folder."""
    run = study.run(name, seed)
    path = run / FOLDER / RANKS_FILE
    if not path.is_file():
        part, whole = load_dataset(study.folder(name)), load_dataset(study.folder(data))
        split = leave_one_out(part.histories)._replace(test=leave_one_out(whole.histories).test)
        bars = TaskBars(study.console)
        rows = TableRows(part, split, study.subject(part, run), None, bars)
        with bars.shown():
            rows.ranked().save(path)
    return RunRanks.load(path).ranks
