"""Evaluate a run: baselines, ID recommenders, the simple sum and Laser on the same users, in one table.

Leave-one-out test split, ranking over all items, as served and unmasked (training/ranking.py). What is fitted
here is fitted on training interactions; the weights of the simple sum are chosen on validation.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from model.encoder import EncodedItems, TextEncoder
from model.laser import Laser
from training.baselines import (
    EASE,
    ItemKNN,
    Markov,
    Popularity,
    Scorer,
    TextMax,
    TextMean,
    ease_items,
    joined_text,
    tfidf_vectors,
)
from training.baselines.scorer import Scores
from training.data import Dataset, EvalRows, Split, leave_one_out, load_dataset
from training.finished_run import FinishedRun, open_run
from training.fusion import WeightedSum, candidate_pool, choose_weights
from training.laser_scorers import LaserScorer, LaserUsers, without_training
from training.ranking import RankedUsers, rank_users
from training.report_table import Comparison, EvaluationTable, compare, make_row
from training.run_folder import RunError
from training.scorers import IdScorer

__all__ = ["evaluate"]

BASELINE_TEXT_TOKENS = 64  # of an item's text behind the frozen-text baseline, more than a prompt can afford
SECONDS_PER_SCORE = 1e-7  # over all rows that no text model is asked for, on one fast core
BASE_BYTES = 1200 << 20  # interpreter, libraries, the embedded backbone and one chunk of scores
PROBED_USERS = 64

SUM, ZERO_SHOT, ALONE = "simple sum", "Laser alone, zero-shot", "Laser alone"
FAITHFUL, BEST = "Laser (faithful)", "Laser (best configuration, fused)"
ID_NAMES = {"sasrec": "SASRec", "bert4rec": "BERT4Rec", "gru4rec": "GRU4Rec"}


@dataclass(frozen=True)
class Subject:
    """A run's Laser, and the catalogue and users as it encodes them."""

    run: FinishedRun
    users: LaserUsers

    @property
    def laser(self) -> Laser:
        return self.run.laser

    @property
    def items(self) -> EncodedItems:
        return self.users.items


def evaluate(
    run: Path,
    data: Path,
    device: str = "cpu",
    faithful: Path | None = None,
    seed: int = 0,
    console: Console | None = None,
) -> EvaluationTable:
    """Evaluate a run on the data it was trained on. `faithful` is the run of that preset, for its row.

    Raises DataError, CheckpointError, BackboneError, or RunError where run and data do not belong together.
    """
    console = console or Console(stderr=True)
    dataset = load_dataset(data)
    split = leave_one_out(dataset.histories)
    if not len(split.test.targets):
        raise RunError(f"{data}: no user has the three interactions that an evaluation needs")
    runs = [open_run(folder, dataset, device) for folder in (run, faithful) if folder is not None]
    with _bars(console) as bars:
        subjects = [_encode(opened, dataset, bars) for opened in runs]
        _say_estimate(subjects, split.test, len(dataset.items), console)
        return _Evaluation(dataset, split, subjects, seed, bars).table()


class _Evaluation:
    """Ranks the test users with one scorer after the other; only the ranks are kept."""

    def __init__(
        self, dataset: Dataset, split: Split, subjects: Sequence[Subject], seed: int, bars: Progress
    ) -> None:
        self.dataset, self.split, self.subjects, self.seed, self.bars = dataset, split, subjects, seed, bars
        self.n_items = len(dataset.items)
        self.ranked: dict[str, RankedUsers] = {}
        self.notes: list[str] = []

    def table(self) -> EvaluationTable:
        parts = self.baselines()
        for scorer in parts.values():
            self.rank(scorer)
        total, weights = self.simple_sum(parts)
        self.rank(total)
        for scorer in self.laser_rows():
            self.rank(scorer)
        test, info = self.split.test, self.dataset.info
        return EvaluationTable(
            data=info.name,
            data_hash=self.dataset.data_hash,
            users=len(test.targets),
            items=self.n_items,
            seed=self.seed,
            rows=tuple(make_row(name, ranked) for name, ranked in self.ranked.items()),
            comparisons=tuple(self.comparisons()),
            sum_weights=weights,
            notes=tuple(self.notes),
        )

    def rank(self, scorer: Scorer) -> None:
        test = self.split.test
        with _task(self.bars, scorer.name, len(test.targets)) as advance:
            self.ranked[scorer.name] = rank_users(scorer, test, self.n_items, progress=advance)

    def baselines(self) -> dict[str, Scorer]:
        """Every row that needs no text model at ranking time, in the order of the table."""
        train, n_items = self.split.train, self.n_items
        texts = [joined_text(item, self.dataset.info.text) for item in self.dataset.items]
        tfidf = tfidf_vectors(texts)
        frozen = self.frozen_vectors()
        fit = ease_items(n_items)
        if fit < n_items:
            self.notes.append(f"EASE knows the {fit:,} most frequent of {n_items:,} items")
        scorers: list[Scorer] = [
            Popularity.fit(train, n_items),
            Markov.fit(train, n_items),
            ItemKNN.fit(train, n_items),
            EASE.fit(train, n_items, max_items=fit),
            TextMean("TF-IDF, mean", tfidf, decay=0.5),
            TextMax("TF-IDF, maximum", tfidf, decay=0.7),
            TextMean("frozen text, mean", frozen, decay=0.5),
            TextMax("frozen text, maximum", frozen, decay=0.9),
        ]
        recommenders = self.subjects[0].run.id_recommenders(n_items)
        scorers += [IdScorer(ID_NAMES.get(kind, kind), model) for kind, model in recommenders.items()]
        return {scorer.name: scorer for scorer in scorers}

    def frozen_vectors(self) -> Scores:
        """The frozen backbone's plain vectors of all items.

        More text than a prompt holds, and not whitened.
        """
        laser = self.subjects[0].laser
        prompt = replace(laser.config.prompt, vector_tokens=BASELINE_TEXT_TOKENS)
        encoder = TextEncoder(replace(laser.config, prompt=prompt), laser.backbone)
        with _task(self.bars, "item texts", self.n_items) as advance:
            return encoder.text_vectors(encoder.item_tokens(self.dataset.items), advance)

    def simple_sum(self, scorers: Mapping[str, Scorer]) -> tuple[Scorer, dict[str, float]]:
        """SASRec, item-kNN, EASE, both TF-IDF rows, the frozen text's maximum and log popularity, summed."""
        wanted = ("SASRec", "item-kNN", "EASE", "TF-IDF, mean", "TF-IDF, maximum", "frozen text, maximum")
        parts = [scorers[name] for name in (*wanted, "popularity") if name in scorers]
        if "SASRec" not in scorers:
            self.notes.append("the run trained no SASRec; the simple sum does without it")
        valid = self.split.valid
        with _task(self.bars, "weights of the simple sum", len(valid.targets)) as advance:
            pool = candidate_pool(parts, valid, self.n_items, seed=self.seed, progress=advance)
            choice = choose_weights(pool, seed=self.seed)
        if choice.users < len(valid.targets):
            self.notes.append(
                f"weights of the simple sum: {choice.users:,} of {len(valid.targets):,} users, for memory"
            )
        weighted = tuple((part, choice.weights[part.name]) for part in parts)
        return WeightedSum(SUM, weighted), choice.weights

    def laser_rows(self) -> Iterator[Scorer]:
        main = self.subjects[0]
        width = main.laser.backbone.width
        yield without_training(ZERO_SHOT, main.laser, self.dataset.item_ids, main.items)
        yield LaserScorer(ALONE, main.users, width)
        if len(self.subjects) > 1:
            other = self.subjects[1]
            yield LaserScorer(FAITHFUL, other.users, other.laser.backbone.width)
        if main.laser.fusion.width:
            yield LaserScorer(BEST, main.users, main.laser.width)

    def comparisons(self) -> Iterator[Comparison]:
        pairs = [(ALONE, ZERO_SHOT), *((name, SUM) for name in (ALONE, FAITHFUL, BEST))]
        for name, against in pairs:
            if name in self.ranked:
                yield compare(name, self.ranked[name], against, self.ranked[against], self.seed)


def _encode(run: FinishedRun, dataset: Dataset, bars: Progress) -> Subject:
    with _task(bars, "item vectors", len(dataset.items)) as advance:
        items = run.laser.encode_items(dataset.items, advance)
    return Subject(run, LaserUsers(run.laser, dataset.item_ids, items))


def _say_estimate(subjects: Sequence[Subject], test: EvalRows, n_items: int, console: Console) -> None:
    """Print how long and how large it will be: measured on a few users' encoding, counted for the rest."""
    users, seconds = len(test.targets), 0.0
    probed = test.histories[:: max(1, users // PROBED_USERS)][:PROBED_USERS]
    for subject in subjects:
        begun = time.perf_counter()
        subject.users.vectors(probed)
        seconds += (time.perf_counter() - begun) * users / len(probed)
    rows = 20  # of the table, and the sum's parts once more on validation
    seconds += users * n_items * rows * SECONDS_PER_SCORE
    memory = BASE_BYTES + 8 * ease_items(n_items) ** 2 + 4 * users * sum(s.laser.width for s in subjects)
    console.print(
        f"{users:,} test users, {n_items:,} items: about {math.ceil(seconds / 60)} min and "
        f"{memory / 2**30:.1f} GiB on this machine"
    )


def _bars(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


@contextmanager
def _task(bars: Progress, name: str, total: int) -> Iterator[Callable[[int], None]]:
    task = bars.add_task(name, total=total)
    yield lambda done: bars.advance(task, done)
    bars.remove_task(task)
