"""The rows of the evaluation's table: every scorer a run is held against, and the run itself.

What is fitted here is fitted on training interactions; the weights of the simple sum and the penalties on the
seen are chosen on validation. Only ranks are kept of each scorer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from model.encoder import TextEncoder
from model.laser import Laser
from model.vectors import EncodedItems
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
from training.collective_ease import PlacedNeighbours
from training.data import Dataset, Split
from training.finished_run import FinishedRun
from training.fusion import WeightedSum, candidate_pool, choose_weights
from training.laser_scorers import LaserScorer, LaserUsers, ServedScorer, without_training
from training.plain_sasrec import EPOCHS, plain_sasrec
from training.ranking import RankedUsers, rank_users
from training.run_ranks import FOLDER, RunRanks
from training.scorers import IdScorer
from training.seen_penalty import PENALTY_USERS, choose_penalty
from training.task_bars import TaskBars

__all__ = [
    "ALONE",
    "BEST",
    "EASE_ROW",
    "FAITHFUL",
    "MARKOV",
    "NEIGHBOURS_ROW",
    "SASREC",
    "SUM",
    "ZERO_SHOT",
    "Subject",
    "TableRows",
]

BASELINE_TEXT_TOKENS = 64  # of an item's text behind the frozen-text baseline, more than a prompt can afford

SASREC, EASE_ROW, MARKOV, SUM = "SASRec", "EASE", "Markov (first order)", "simple sum"
ZERO_SHOT, ALONE, FAITHFUL = "Laser alone, zero-shot", "Laser alone", "Laser (faithful)"
BEST = "Laser (best configuration, fused)"
NEIGHBOURS_ROW = "EASE with text (Laser's neighbours)"
ID_NAMES = {"sasrec": SASREC, "bert4rec": "BERT4Rec", "gru4rec": "GRU4Rec"}


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

    @property
    def seed(self) -> int:
        """What the run's random draws follow from, and its baselines'."""
        return int(self.run.description.get("seed", 0))


class TableRows:
    """Ranks the test users of a split with one scorer after the other, for one run.

    `split.test` may hold users that the run was not trained on; training and validation rows must be its own.
    """

    def __init__(
        self, dataset: Dataset, split: Split, subject: Subject, faithful: Subject | None, bars: TaskBars
    ) -> None:
        self.dataset, self.split, self.subject, self.faithful = dataset, split, subject, faithful
        self.bars = bars
        self.n_items = len(dataset.items)
        self.ranks: dict[str, RankedUsers] = {}
        self.penalties: dict[str, float] = {}
        self.notes: list[str] = []

    def ranked(self) -> RunRanks:
        """All rows, in the order of the table."""
        parts = self.baselines()
        for scorer in (*parts.values(), *self.own_recommenders()):
            self.rank(scorer)
        weights = self.rank_sum(parts)
        self.rank_laser()
        seed, users = self.subject.seed, self.split.test.users
        data_hash = self.dataset.data_hash
        return RunRanks(seed, data_hash, users, self.ranks, self.penalties, weights, tuple(self.notes))

    def rank(self, scorer: Scorer, with_penalty: bool = False) -> None:
        """Rank the test users; `with_penalty` chooses what to take off the seen on validation first."""
        if with_penalty:
            count = min(PENALTY_USERS, len(self.split.valid.targets))
            with self.bars.task(f"{scorer.name}, penalty on the seen", count) as advance:
                found = choose_penalty(
                    scorer, self.split.valid, self.n_items, self.subject.seed, progress=advance
                )
            self.penalties[scorer.name] = found.value
        test = self.split.test
        with self.bars.task(scorer.name, len(test.targets)) as advance:
            penalty = self.penalties.get(scorer.name, 0.0)
            self.ranks[scorer.name] = rank_users(
                scorer, test, self.n_items, progress=advance, penalty=penalty
            )

    def baselines(self) -> dict[str, Scorer]:
        """The published and the simple, none of which is part of the run, by name."""
        counted = self.counted()
        frozen = self.frozen_vectors()
        with self.bars.task("SASRec", EPOCHS) as advance:
            folder, device = self.subject.run.folder / FOLDER, str(self.subject.laser.backbone.device)
            sasrec = plain_sasrec(self.split, self.n_items, folder, self.subject.seed, device, advance)
        scorers: list[Scorer] = [
            TextMean("frozen text, mean", frozen, decay=0.5),
            TextMax("frozen text, maximum", frozen, decay=0.9),
            IdScorer(SASREC, sasrec),
        ]
        return counted | {scorer.name: scorer for scorer in scorers}

    def counted(self) -> dict[str, Scorer]:
        """Those baselines that neither train nor ask a text model: a matter of counting, by name."""
        train, n_items = self.split.train, self.n_items
        tfidf = tfidf_vectors([joined_text(item, self.dataset.info.text) for item in self.dataset.items])
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
        ]
        return {scorer.name: scorer for scorer in scorers}

    def frozen_vectors(self) -> Scores:
        """The frozen backbone's plain vectors of all items: up to 64 tokens of text, not whitened."""
        laser = self.subject.laser
        prompt = replace(laser.config.prompt, vector_tokens=BASELINE_TEXT_TOKENS)
        encoder = TextEncoder(replace(laser.config, prompt=prompt), laser.backbone)
        with self.bars.task("item texts", self.n_items) as advance:
            return encoder.text_vectors(encoder.item_tokens(self.dataset.items), advance)

    def own_recommenders(self) -> list[Scorer]:
        """What the run trained besides Laser: its ID recommenders, and its neighbours where it has them."""
        run, items = self.subject.run, self.subject.items
        settings = run.description.get("config", {}).get("id_recommenders", {})
        start = "text-initialised" if settings.get("text_start") else "random start, of this run"
        own: list[Scorer] = [
            IdScorer(f"{ID_NAMES.get(kind, kind)} ({start})", model)
            for kind, model in run.id_recommenders(self.n_items).items()
        ]
        placed = self.subject.laser.neighbours(self.dataset.item_ids, items.text_vectors)
        return own if placed is None else [*own, PlacedNeighbours(placed, NEIGHBOURS_ROW)]

    def rank_sum(self, scorers: Mapping[str, Scorer]) -> dict[str, float]:
        """Rank the simple sum of the baselines; returns its weights."""
        total, weights = self.simple_sum(scorers)
        self.rank(total, with_penalty=True)
        return weights

    def simple_sum(self, scorers: Mapping[str, Scorer]) -> tuple[Scorer, dict[str, float]]:
        """SASRec, item-kNN, EASE, both TF-IDF rows, the frozen text's maximum and log popularity, summed."""
        wanted = (SASREC, "item-kNN", EASE_ROW, "TF-IDF, mean", "TF-IDF, maximum", "frozen text, maximum")
        parts = [scorers[name] for name in (*wanted, "popularity")]
        valid, seed = self.split.valid, self.subject.seed
        with self.bars.task("weights of the simple sum", len(valid.targets)) as advance:
            pool = candidate_pool(parts, valid, self.n_items, seed=seed, progress=advance)
            choice = choose_weights(pool, seed=seed)
        if choice.users < len(valid.targets):
            self.notes.append(
                f"weights of the simple sum: {choice.users:,} of {len(valid.targets):,} users, for memory"
            )
        weighted = tuple((part, choice.weights[part.name]) for part in parts)
        return WeightedSum(SUM, weighted), choice.weights

    def rank_laser(self, with_penalty: bool = True) -> None:
        """Laser before training, its embedding alone, the faithful run's, and what is served."""
        main = self.subject
        self.rank(without_training(ZERO_SHOT, main.laser, self.dataset.item_ids, main.items))
        self.rank(LaserScorer(ALONE, main.users, main.laser.backbone.width))
        if self.faithful is not None:
            self.rank(LaserScorer(FAITHFUL, self.faithful.users, self.faithful.laser.backbone.width))
        if main.laser.fusion.weights:
            self.rank(ServedScorer(BEST, main.users), with_penalty)
