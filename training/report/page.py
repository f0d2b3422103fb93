"""The report of an evaluation, as one page that stands alone (document.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data import Dataset, Split, leave_one_out
from training.evaluation_rows import ALONE, BEST, SUM
from training.report.axes import short
from training.report.document import document, opening, section, tile, write_page
from training.report.figures import expert_figures, group_figures, ranking_figure, training_figures
from training.report.insight import ExpertUse, training_stages
from training.report.markup import Html, el
from training.report.score_table import interval_text, score_table, signed_text
from training.report.study_figures import read_study, study_sections
from training.report_table import EvaluationTable
from training.run_folder import git_hash
from training.run_ranks import RunRanks

__all__ = ["PAGE", "Evaluated", "write_report"]

PAGE = "index.html"
STUDY = Path(__file__).parents[2] / "benchmarks" / "results" / "accuracy.jsonl"


@dataclass(frozen=True)
class Evaluated:
    """Everything the page shows. `run` is the first run's folder, `experts` are its router's."""

    dataset: Dataset
    split: Split
    table: EvaluationTable
    ranks: Sequence[RunRanks]
    run: Path
    experts: ExpertUse | None = None
    study: Path = STUDY


def write_report(folder: Path, found: Evaluated, name: str = PAGE) -> Path:
    """Write the page into a folder, which is made where it is missing. Returns the page's path."""
    return write_page(folder / name, render(found))


def render(found: Evaluated) -> str:
    """The whole page."""
    title = f"Laser on {found.table.data}"
    return document(title, _opening(title, found), *_sections(found), _footer(found))


def _opening(title: str, found: Evaluated) -> Html:
    table = found.table
    rows = {row.name: row for row in table.rows}
    best = rows.get(BEST) or rows[ALONE]
    seeds = len(table.seeds)
    evaluated = len(leave_one_out(found.dataset.histories).test.targets)
    people = f"{table.users:,} people" if table.users == evaluated else _some_of(table.users, evaluated)
    lead = (
        f"{people}, {table.items:,} items, {'one run' if seeds == 1 else f'{seeds} runs'}. For "
        "every person the whole catalogue is ranked, and we look for the one item that was taken next."
    )
    gain = next((pair for pair in table.comparisons if (pair.name, pair.against) == (best.name, SUM)), None)
    tiles = [
        tile("NDCG@10 as served", short(best.served.ndcg, 4), interval_text(best.ndcg)),
        tile("Recall@10 as served", short(best.served.recall, 4), interval_text(best.recall)),
        tile("MRR as served", short(best.served.mrr, 4), "over the full ranking"),
    ]
    if gain is not None and rows[SUM].served.ndcg:
        share = gain.ndcg.mean / rows[SUM].served.ndcg
        tiles.append(tile("against the simple sum", f"{share:+.1%}", f"NDCG {signed_text(gain.ndcg)}"))
    return opening("Evaluation report", title, lead, tiles)


def _some_of(users: int, evaluated: int) -> str:
    return f"A quick look: {users:,} of {evaluated:,} people, drawn at random"


def _sections(found: Evaluated) -> list[Html]:
    table, split = found.table, found.split
    sections = [
        section("How it compares", ranking_figure(table), score_table(found.table, found.ranks)),
        section("Where it is right", group_figures(found.ranks, split.test, split.train)),
    ]
    if found.experts is not None:
        said = (
            f"Users by the length of their history, and the experts that serve them (seed {table.seeds[0]})."
        )
        sections.append(section("Who gets which expert", el("p", {}, said), expert_figures(found.experts)))
    if stages := training_stages(found.run / "metrics.jsonl"):
        sections.append(section("How it learned", training_figures(stages)))
    study = read_study(found.study, table.data, table.data_hash)
    sections += study_sections(study, table.data)
    notes = el("ul", {"class": "notes"}, [el("li", {}, line) for line in table.remarks()])
    return [*sections, section("Comparisons and choices", notes)]


def _footer(found: Evaluated) -> Html:
    table = found.table
    history = np.mean([len(rows) for rows in found.split.test.histories])
    said = (
        "Leave-one-out: the last item of each history is looked for, the one before it chose every setting. Ranked "
        f"over all {table.items:,} items, ties averaged, fp32; the mean history has {history:.1f} items. "
        f"{table.seeds_text().capitalize()}. Intervals: bootstrap over users. Data {table.data_hash[:12]}, code "
        f"{git_hash()[:12]}."
    )
    return el("footer", {}, el("p", {}, said))
