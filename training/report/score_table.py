"""The table of the report: means as served and unmasked, intervals in small print, differences to the simple sum."""

from collections.abc import Mapping, Sequence

from training.evaluation_rows import ALONE, BEST, FAITHFUL, SUM
from training.metrics import Interval
from training.report.axes import short
from training.report.markup import Html, el, join
from training.report_table import Comparison, EvaluationTable, TableRow, compare
from training.run_ranks import RunRanks

__all__ = ["interval_text", "score_table", "signed_text"]

METRICS = ("recall", "ndcg", "mrr")


def score_table(table: EvaluationTable, runs: Sequence[RunRanks]) -> Html:
    """Every row, the best of each column in bold, and what to know to read it."""
    rows, summed = table.rows, SUM in runs[0].ranks
    best = {
        (way, metric): max(getattr(getattr(row, way), metric) for row in rows)
        for way in ("served", "unmasked")
        for metric in METRICS
    }
    names = ("Recall@10", "NDCG@10", "MRR")
    served = (*names, "NDCG, to the sum") if summed else names
    head = el(
        "thead",
        {},
        el(
            "tr",
            {},
            el("td", {}),
            *(el("th", {"colspan": n}, t) for n, t in ((len(served), "as served"), (3, "unmasked"))),
        ),
        el(
            "tr",
            {},
            el("td", {}),
            *(el("th", {"scope": "col"}, name) for name in (*served, *names)),
        ),
    )
    body = [_score_row(row, best, [_to_sum(runs, row.name)] if summed else []) for row in rows]
    caption = (
        "As served leaves out what the person already has, as the service does. Unmasked ranks everything, as most "
        "papers do; where a penalty on the seen was chosen on validation, the notes below say so. Small print: "
        "95 % intervals."
    )
    scroll = {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": "All figures"}
    return join([el("div", scroll, el("table", {}, head, el("tbody", {}, body))), el("p", {}, caption)])


def _score_row(
    row: TableRow, best: Mapping[tuple[str, str], float], to_sum: Sequence[Comparison | None]
) -> Html:
    def cell(way: str, metric: str, interval: Interval | None = None) -> Html:
        value = getattr(getattr(row, way), metric)
        small = el("small", {}, interval_text(interval)) if interval else Html("")
        return el("td", {"class": "best" if value == best[way, metric] else None}, short(value, 4), small)

    served = [cell("served", "recall", row.recall), cell("served", "ndcg", row.ndcg), cell("served", "mrr")]
    unmasked = [cell("unmasked", metric) for metric in METRICS]
    ours = "ours" if row.name in (ALONE, BEST, FAITHFUL) else None
    return el(
        "tr",
        {"class": ours},
        el("th", {"scope": "row"}, row.name),
        *served,
        *map(_difference, to_sum),
        *unmasked,
    )


def _difference(to_sum: Comparison | None) -> Html:
    if to_sum is None:
        return el("td", {}, "")
    ndcg = to_sum.ndcg
    kind = "level" if not ndcg.excludes_zero else ("up" if ndcg.mean > 0 else "down")
    return el(
        "td", {"class": kind}, sign(ndcg.mean), el("small", {}, f"{sign(ndcg.low)} to {sign(ndcg.high)}")
    )


def _to_sum(runs: Sequence[RunRanks], name: str) -> Comparison | None:
    if name == SUM:
        return None
    ours, base = ([run.ranks[row] for run in runs] for row in (name, SUM))
    return compare(name, ours, SUM, base, seed=0)


def interval_text(interval: Interval) -> str:
    """From where to where."""
    return f"{short(interval.low, 4)} to {short(interval.high, 4)}"


def sign(value: float) -> str:
    """A difference, with its sign."""
    return ("+" if value >= 0 else "") + short(value, 4)


def signed_text(interval: Interval) -> str:
    """A difference and its interval."""
    return f"{sign(interval.mean)}, 95 % from {sign(interval.low)} to {sign(interval.high)}"
