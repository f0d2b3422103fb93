"""The evaluation's result: one row a scorer, both ways of counting, and paired intervals; as text and as JSON.

With several runs (seeds) of the same data a user's metric is its mean over the seeds, and users are what the
bootstrap draws.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from training.metrics import Interval, Ranks, ndcg_at, paired_bootstrap, recall_at
from training.ranking import Metrics, RankedUsers, summarise

__all__ = ["CUTOFF", "Comparison", "EvaluationTable", "TableRow", "compare", "make_row", "user_metric"]

CUTOFF = 10
TEXT_WIDTH = 140

Metric = Callable[[Ranks, int], Ranks]


class TableRow(NamedTuple):
    """One scorer's means over the test users and the seeds, with 95 % intervals of the two as served.

    `unmasked` is with the penalty on the seen where `penalties` has one a seed, `plain` always without.
    """

    name: str
    served: Metrics
    unmasked: Metrics
    plain: Metrics
    penalties: tuple[float, ...]
    recall: Interval
    ndcg: Interval
    served_by_seed: tuple[Metrics, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, where an infinite penalty is "infinity"."""
        return {
            "name": self.name,
            "served": self.served._asdict(),
            "unmasked": self.unmasked._asdict(),
            "unmasked_without_penalty": self.plain._asdict(),
            "penalties": ["infinity" if math.isinf(value) else value for value in self.penalties],
            "intervals": {"recall": self.recall._asdict(), "ndcg": self.ndcg._asdict()},
            "served_by_seed": [metrics._asdict() for metrics in self.served_by_seed],
        }


class Comparison(NamedTuple):
    """How far one row stands above another as served, paired by user, with 95 % bootstrap intervals."""

    name: str
    against: str
    ndcg: Interval
    recall: Interval

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **self._asdict(),
            "ndcg": self.ndcg._asdict(),
            "recall": self.recall._asdict(),
        }


@dataclass(frozen=True)
class EvaluationTable:
    """Everything an evaluation found. `sum_weights` are the simple sum's, chosen on validation, one dict a seed."""

    data: str
    data_hash: str
    users: int
    items: int
    seeds: tuple[int, ...]
    rows: tuple[TableRow, ...]
    comparisons: tuple[Comparison, ...]
    sum_weights: tuple[Mapping[str, float], ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, ready for JSON."""
        return {
            **asdict(self),
            "cutoff": CUTOFF,
            "rows": [row.to_dict() for row in self.rows],
            "comparisons": [found.to_dict() for found in self.comparisons],
        }

    def text(self) -> str:
        """The table in Markdown, then the comparisons and notes."""
        table = Table(box=MARKDOWN)
        table.add_column("as served / unmasked")
        for heading in ("Recall@10", "NDCG@10", "MRR", "Recall@10 u.", "NDCG@10 u.", "MRR u."):
            table.add_column(heading, justify="right")
        for row in self.rows:
            table.add_row(row.name, *(f"{value:.4f}".lstrip("0") for value in (*row.served, *row.unmasked)))
        out = io.StringIO()
        console = Console(file=out, width=TEXT_WIDTH, color_system=None, markup=False, highlight=False)
        console.print(f"{self.data}: {self.users:,} test users, {self.items:,} items, {self.seeds_text()}")
        console.print(table)
        for line in self.remarks():
            console.print(line, soft_wrap=True)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip()

    def seeds_text(self) -> str:
        """Which seeds the figures are means of."""
        several = len(self.seeds) > 1
        return f"mean of seeds {', '.join(map(str, self.seeds))}" if several else f"seed {self.seeds[0]}"

    def remarks(self) -> list[str]:
        """One line for each comparison, each choice made on validation, and each note."""
        lines = [
            f"{found.name} against {found.against}, as served: {_signed('NDCG@10', found.ndcg)}, "
            f"{_signed('Recall@10', found.recall)}"
            for found in self.comparisons
        ]
        chosen = zip(self.seeds, self.sum_weights, strict=True)
        for seed, weights in ((seed, weights) for seed, weights in chosen if weights):
            said = "; ".join(f"{name} {weight:.3g}" for name, weight in weights.items())
            lines.append(f"weights of the simple sum, chosen on validation, seed {seed}: {said}")
        lines += [
            f"{row.name}, unmasked: {_penalties(row.penalties)} off the scores of seen items, chosen on "
            f"validation; without it NDCG@10 {row.plain.ndcg:.4f}, Recall@10 {row.plain.recall:.4f}"
            for row in self.rows
            if row.penalties
        ]
        return [*lines, *(f"note: {note}" for note in self.notes)]


def make_row(
    name: str, seeds: Sequence[RankedUsers], penalties: Sequence[float] = (), seed: int = 0
) -> TableRow:
    """Average one scorer's ranks over users and seeds; `seed` draws the users of the intervals."""
    by_seed = [
        [summarise(ranks, CUTOFF) for ranks in (one.served, one.penalised, one.unmasked)] for one in seeds
    ]
    served, unmasked, plain = (_mean([ways[place] for ways in by_seed]) for place in range(3))
    recall, ndcg = (
        paired_bootstrap(found, np.zeros_like(found), seed)
        for found in (user_metric(seeds, metric) for metric in (recall_at, ndcg_at))
    )
    by_seed_served = tuple(ways[0] for ways in by_seed)
    return TableRow(name, served, unmasked, plain, tuple(penalties), recall, ndcg, by_seed_served)


def compare(
    name: str, ranked: Sequence[RankedUsers], against: str, base: Sequence[RankedUsers], seed: int
) -> Comparison:
    """Bootstrap the paired difference of two scorers as served, each user's metric averaged over the seeds."""
    ndcg, recall = (
        paired_bootstrap(user_metric(ranked, metric), user_metric(base, metric), seed)
        for metric in (ndcg_at, recall_at)
    )
    return Comparison(name, against, ndcg, recall)


def user_metric(seeds: Sequence[RankedUsers], metric: Metric) -> Ranks:
    """Each user's metric as served, averaged over the seeds: [U]."""
    mean: Ranks = np.mean([metric(ranked.served, CUTOFF) for ranked in seeds], axis=0)
    return mean


def _mean(metrics: Sequence[Metrics]) -> Metrics:
    return Metrics(*(float(np.mean(values)) for values in zip(*metrics, strict=True)))


def _penalties(penalties: Sequence[float]) -> str:
    return ", ".join("infinity" if math.isinf(value) else f"{value:.3g}" for value in penalties)


def _signed(name: str, interval: Interval) -> str:
    verdict = "" if interval.excludes_zero else " (not above or below)"
    return f"{name} {interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]{verdict}"
