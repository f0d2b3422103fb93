"""The figures of a run's evaluation: each a chart, a legend where it needs one, and a caption that says what it is."""

from collections.abc import Sequence

import numpy as np

from training.data import EvalRows
from training.evaluation_rows import ALONE, BEST, FAITHFUL, SASREC, SUM
from training.metrics import recall_at
from training.report.charts import Curve, Dot, Shares, curves, intervals, shares
from training.report.insight import ExpertUse, Group, Stage, by_group, groups
from training.report.markup import Html, el, join
from training.report_table import EvaluationTable, user_metric
from training.run_ranks import RunRanks

__all__ = ["expert_figures", "figure", "group_figures", "legend", "ranking_figure", "training_figures"]

OURS = frozenset({ALONE, BEST, FAITHFUL})
FOLLOWED = {BEST: 1, SUM: 2, ALONE: 3, SASREC: 6}  # the rows of the group figures, and their colours
GROUPS = 5


def figure(chart: Html, caption: str, above: Html | None = None) -> Html:
    """A chart in its frame."""
    return el("figure", {}, above or Html(""), chart, el("figcaption", {}, caption))


def legend(names: Sequence[tuple[str, int]]) -> Html:
    """Names with the colours of their series."""
    return el("ul", {"class": "legend"}, [el("li", {"class": f"s{series}"}, name) for name, series in names])


def ranking_figure(table: EvaluationTable) -> Html:
    """Every scorer's NDCG@10 as served, with its interval."""
    dots = [Dot(row.name, *row.ndcg, kind="ours" if row.name in OURS else "plain") for row in table.rows]
    reference = next(((SUM, row.served.ndcg) for row in table.rows if row.name == SUM), None)
    chart = intervals(dots, "NDCG@10 as served of every scorer, with 95 % intervals", reference)
    caption = "NDCG@10 as served, with 95 % intervals over users."
    if reference is not None:
        caption += (
            " The dashed line is the simple sum: six scorers and popularity, weighted on validation, none of which "
            "trains a text parameter."
        )
    return figure(chart, caption)


def group_figures(runs: Sequence[RunRanks], test: EvalRows, train: Sequence[np.ndarray]) -> Html:
    """Recall against the length of the history, and against the popularity of the item that was looked for."""
    lengths = np.array([len(history) for history in test.histories])
    n_items = 1 + max((int(rows.max()) for rows in (*train, test.targets) if len(rows)), default=0)
    counts = np.bincount(np.concatenate([np.empty(0, np.int64), *train]), minlength=n_items)
    names = [(name, series) for name, series in FOLLOWED.items() if all(name in run.ranks for run in runs)]
    drawn = [
        _by(runs, names, groups(lengths, GROUPS), "items in the history", "Recall@10 by length of history"),
        _by(
            runs,
            names,
            groups(counts[test.targets], GROUPS),
            "training interactions of the item looked for",
            "Recall@10 by popularity of the item",
        ),
    ]
    captions = (
        "Recall@10 as served against the length of the history. Bands: 95 % intervals; groups of similar size.",
        "Recall@10 as served against how often the right item occurs in training: on the left the rare ones.",
    )
    charts = [figure(chart, caption) for chart, caption in zip(drawn, captions, strict=True)]
    return join([legend(names), el("div", {"class": "pair"}, charts)])


def _by(
    runs: Sequence[RunRanks], names: Sequence[tuple[str, int]], parts: list[Group], below: str, described: str
) -> Html:
    lines = []
    for name, series in names:
        found = by_group(user_metric([run.ranks[name] for run in runs], recall_at), parts)
        means, lows, highs = zip(*found, strict=True)
        lines.append(Curve(name, means, series, lows, highs))
    return curves(lines, [part.name for part in parts], described, below, width=420, height=300)


def expert_figures(use: ExpertUse) -> Html:
    """Which experts the router prefers for short, middling and long histories."""
    parts = [f"expert {number + 1}" for number in range(use.probability.shape[1])]
    names = [(part, number % 8 + 1) for number, part in enumerate(parts)]
    drawn = []
    for values, caption in (
        (use.chosen, "Share of users whose prefix comes from each expert, by length of history."),
        (
            use.probability,
            "The router's mean probability of each expert (equation 7), before the best is taken.",
        ),
    ):
        bars = [Shares(name, row.tolist()) for name, row in zip(use.groups, values, strict=True)]
        drawn.append(figure(shares(bars, parts, caption), caption))
    return join([legend(names), *drawn])


def training_figures(stages: Sequence[Stage]) -> Html:
    """Validation NDCG@10 and loss of Laser's phases, and validation of the ID recommenders' final rounds."""
    phases = [stage for stage in stages if stage.name.startswith("phase")]
    recommenders = [stage for stage in stages if stage.name.endswith("-2")]
    drawn = []
    if phases:
        places = [f"{epoch + 1}" for stage in phases for epoch in stage.epochs]
        first = len(phases[0].epochs)
        divider = first - 0.5 if len(phases) > 1 else None
        ndcg = _after_each_other([stage.validation for stage in phases])
        chart = curves(ndcg, places, "Validation NDCG@10 by epoch", "epoch", 420, 270, divider)
        drawn.append(
            figure(chart, "Laser alone on validation, NDCG@10 as served; 0 is the start of a phase.")
        )
        losses = [[value for value in stage.loss if value is not None] for stage in phases]
        if all(losses):
            counted = [f"{number + 1}" for values in losses for number in range(len(values))]
            divider = len(losses[0]) - 0.5 if len(losses) > 1 else None
            lines = _after_each_other(losses)
            chart = curves(lines, counted, "Training loss by epoch", "epoch", 420, 270, divider)
            drawn.append(
                figure(
                    chart, "Training loss of both phases; the first has a term more, so their levels differ."
                )
            )
    if recommenders:
        longest = max(len(stage.epochs) for stage in recommenders)
        places = [f"{epoch + 1}" if epoch % 5 == 4 or epoch == 0 else "" for epoch in range(longest)]
        lines = [Curve(stage.name[:-2], stage.validation, 4 + n) for n, stage in enumerate(recommenders)]
        chart = curves(lines, places, "Validation NDCG@10 of the ID recommenders", "epoch", 420, 270)
        names = [(line.name, line.series) for line in lines]
        drawn.append(figure(chart, "The ID recommenders on validation, second round.", legend(names)))
    return el("div", {"class": "pair"}, drawn)


def _after_each_other(parts: Sequence[Sequence[float]]) -> list[Curve]:
    """Both phases on one axis: each is a line of its own, padded to where it begins."""
    lines, begun = [], 0
    for number, values in enumerate(parts):
        lines.append(Curve(f"phase {number + 1}", values, number + 1, begins=begun))
        begun += len(values)
    return lines
