"""Evaluate runs: baselines, ID recommenders, the simple sum and Laser on the same users, in one table.

Leave-one-out test split, ranking over all items, as served and unmasked (training/ranking.py). Several runs of the
same data, trained with different seeds, make one table: each user's metric is averaged over them. The ranks of every
run are kept in its folder (training/run_ranks.py); those of a quick look (training/quick_rows.py) are not.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from training import run_reports
from training.baselines import ease_items
from training.data import Dataset, EvalRows, leave_one_out, load_dataset
from training.evaluation_rows import (
    ALONE,
    BEST,
    EASE_ROW,
    FAITHFUL,
    MARKOV,
    NEIGHBOURS_ROW,
    SASREC,
    SUM,
    ZERO_SHOT,
    Subject,
    TableRows,
)
from training.finished_run import FinishedRun, open_run
from training.laser_scorers import LaserUsers
from training.quick_rows import QuickRows, sampled
from training.ranking import RankedUsers
from training.report import Evaluated, expert_use, write_report
from training.report_table import Comparison, EvaluationTable, compare, make_row
from training.run_folder import RunError
from training.run_ranks import FOLDER, RANKS_FILE, RunRanks
from training.task_bars import TaskBars

__all__ = ["encode", "evaluate", "make_table"]

SECONDS_PER_SCORE = 1e-7  # over all rows that no text model is asked for, on one fast core
BASE_BYTES = 1200 << 20  # interpreter, libraries, the embedded backbone and one chunk of scores
PROBED_USERS = 64
ROWS = 24  # of the table, the sum's parts once more on validation, and the penalties
PAIRS = [(ALONE, against) for against in (ZERO_SHOT, SASREC, EASE_ROW, SUM)]
PAIRS += [(FAITHFUL, SUM), *((BEST, against) for against in (MARKOV, EASE_ROW, NEIGHBOURS_ROW, SUM))]


def evaluate(
    runs: Sequence[Path],
    data: Path,
    device: str = "cpu",
    faithful: Sequence[Path] = (),
    seed: int = 0,
    console: Console | None = None,
    report: Path | None = None,
    users: int | None = None,
) -> EvaluationTable:
    """Evaluate runs on the data they were trained on; `seed` draws the users of the intervals.

    `faithful` are the runs of that preset, for its row: none, or one for each of `runs`. `report` is the folder for a
    page that shows everything, which each run's folder gets too, unless `users` asks for a quick look at so many of
    them and there is a full page already. Raises DataError, CheckpointError, BackboneError, or RunError where runs and
    data do not belong together.
    """
    console = console or Console(stderr=True)
    dataset = load_dataset(data)
    split = leave_one_out(dataset.histories)
    if not len(split.test.targets):
        raise RunError(f"{data}: no user has the three interactions that an evaluation needs")
    if faithful and len(faithful) != len(runs):
        raise RunError(f"there are {len(runs)} runs but {len(faithful)} faithful ones; name one for each")
    if users is not None:
        split = sampled(split, users, seed)
    opened = [open_run(folder, dataset, device) for folder in (*runs, *faithful)]
    _refuse_equal_seeds(opened[: len(runs)])
    bars, ranked, experts = TaskBars(console), [], []
    with bars.shown():
        for number, run in enumerate(opened[: len(runs)]):
            of_this = [run, *opened[len(runs) + number :][: 1 if faithful else 0]]
            subjects = [encode(one, dataset, bars) for one in of_this]
            if users is None:
                _say_estimate(subjects, split.test, len(dataset.items), console)
            kind = TableRows if users is None else QuickRows
            rows = kind(dataset, split, subjects[0], subjects[1] if faithful else None, bars)
            ranked.append(rows.ranked())
            if users is None:
                ranked[-1].save(run.folder / FOLDER / RANKS_FILE)
            if number == 0:
                experts.append(expert_use(subjects[0].users, split.test.histories))
    table = make_table(dataset, ranked, seed)
    found = Evaluated(dataset, split, table, ranked, runs[0], experts[0])
    for folder in runs:  # from where it goes into the bundles that are made of the run
        if users is None or not (folder / FOLDER / RANKS_FILE).exists():
            write_report(folder / run_reports.FOLDER, found, run_reports.EVALUATION)
    if report is not None:
        console.print(f"report: {write_report(report, found)}")
    return table


def encode(run: FinishedRun, dataset: Dataset, bars: TaskBars) -> Subject:
    """The run with the data set's items encoded; users are when they are first ranked."""
    with bars.task("item vectors", len(dataset.items)) as advance:
        items = run.laser.encode_items(dataset.items, advance)
    return Subject(run, LaserUsers(run.laser, dataset.item_ids, items))


def make_table(dataset: Dataset, runs: Sequence[RunRanks], seed: int = 0) -> EvaluationTable:
    """Average the runs' ranks into one table. A row that not every run has is left out."""
    names = [name for name in runs[0].ranks if all(name in run.ranks for run in runs)]
    by_row = {name: [run.ranks[name] for run in runs] for name in names}
    rows = tuple(
        make_row(name, seeds, [run.penalties[name] for run in runs if name in run.penalties], seed)
        for name, seeds in by_row.items()
    )
    return EvaluationTable(
        data=dataset.info.name,
        data_hash=dataset.data_hash,
        users=len(runs[0].users),
        items=len(dataset.items),
        seeds=tuple(run.seed for run in runs),
        rows=rows,
        comparisons=tuple(_comparisons(by_row, seed)),
        sum_weights=tuple(run.sum_weights for run in runs),
        notes=tuple(dict.fromkeys(note for run in runs for note in run.notes)),
    )


def _comparisons(by_row: Mapping[str, Sequence[RankedUsers]], seed: int) -> Iterator[Comparison]:
    for name, against in PAIRS:
        if name in by_row and against in by_row:
            yield compare(name, by_row[name], against, by_row[against], seed)


def _refuse_equal_seeds(runs: Sequence[FinishedRun]) -> None:
    seeds = [run.description.get("seed", 0) for run in runs]
    if len(set(seeds)) < len(seeds):
        raise RunError(f"runs to be averaged need different seeds, not {', '.join(map(str, seeds))}")


def _say_estimate(subjects: Sequence[Subject], test: EvalRows, n_items: int, console: Console) -> None:
    """Print how long and how large it will be: measured on a few users' encoding, counted for the rest."""
    users, seconds = len(test.targets), 0.0
    probed = test.histories[:: max(1, users // PROBED_USERS)][:PROBED_USERS]
    for subject in subjects:
        begun = time.perf_counter()
        subject.users.vectors(probed)
        seconds += (time.perf_counter() - begun) * users / len(probed)
    seconds += users * n_items * ROWS * SECONDS_PER_SCORE
    memory = BASE_BYTES + 8 * ease_items(n_items) ** 2 + 4 * users * sum(s.laser.width for s in subjects)
    console.print(
        f"{users:,} test users, {n_items:,} items: about {math.ceil(seconds / 60)} min and "
        f"{memory / 2**30:.1f} GiB on this machine, and a minute or more where SASRec is still to be trained"
    )
