"""The evaluation's result.

One row a scorer, both ways of counting, and paired intervals; as text and as JSON.
"""

import io
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from training.metrics import Interval, ndcg_at, paired_bootstrap, recall_at
from training.ranking import Metrics, RankedUsers, summarise

__all__ = ["Comparison", "EvaluationTable", "TableRow", "compare", "make_row"]

CUTOFF = 10
TEXT_WIDTH = 140


class TableRow(NamedTuple):
    """One scorer's means over the test users."""

    name: str
    served: Metrics
    unmasked: Metrics


class Comparison(NamedTuple):
    """How far one row stands above another as served, paired by user, with 95 % bootstrap intervals."""

    name: str
    against: str
    ndcg: Interval
    recall: Interval


@dataclass(frozen=True)
class EvaluationTable:
    """Everything an evaluation found. `sum_weights` are those of the simple sum, chosen on validation."""

    data: str
    data_hash: str
    users: int
    items: int
    seed: int
    rows: tuple[TableRow, ...]
    comparisons: tuple[Comparison, ...]
    sum_weights: dict[str, float]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, ready for JSON."""
        return {
            **asdict(self),
            "cutoff": CUTOFF,
            "rows": [
                {"name": row.name, "served": row.served._asdict(), "unmasked": row.unmasked._asdict()}
                for row in self.rows
            ],
            "comparisons": [
                {
                    "name": found.name,
                    "against": found.against,
                    "ndcg": found.ndcg._asdict(),
                    "recall": found.recall._asdict(),
                }
                for found in self.comparisons
            ],
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
        console.print(f"{self.data}: {self.users:,} test users, {self.items:,} items, seed {self.seed}")
        console.print(table)
        for found in self.comparisons:
            console.print(
                f"{found.name} against {found.against}, as served: {_signed('NDCG@10', found.ndcg)}, "
                f"{_signed('Recall@10', found.recall)}",
                soft_wrap=True,
            )
        if self.sum_weights:
            weights = "; ".join(f"{name} {weight:.3g}" for name, weight in self.sum_weights.items())
            console.print(f"simple sum: {weights}", soft_wrap=True)
        for note in self.notes:
            console.print(f"note: {note}", soft_wrap=True)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip()


def make_row(name: str, ranked: RankedUsers) -> TableRow:
    """Average one scorer's ranks."""
    return TableRow(name, summarise(ranked.served, CUTOFF), summarise(ranked.unmasked, CUTOFF))


def compare(name: str, ranked: RankedUsers, against: str, base: RankedUsers, seed: int) -> Comparison:
    """Bootstrap the paired difference of two scorers as served."""
    ndcg, recall = (
        paired_bootstrap(metric(ranked.served, CUTOFF), metric(base.served, CUTOFF), seed)
        for metric in (ndcg_at, recall_at)
    )
    return Comparison(name, against, ndcg, recall)


def _signed(name: str, interval: Interval) -> str:
    verdict = "" if interval.excludes_zero else " (not above or below)"
    return f"{name} {interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]{verdict}"
