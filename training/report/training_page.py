"""How a run was trained, as one page: what it reached, its curves, where the time went, what it was made with."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.report.axes import short
from training.report.document import document, opening, section, tile, write_page
from training.report.figures import training_figures
from training.report.insight import Stage, stage_seconds, training_stages
from training.report.markup import Html, el
from training.run_reports import FOLDER, TRAINING

__all__ = ["write_training_report"]


def write_training_report(run: Path, data: str) -> Path:
    """Write the page into the folder of a run on the data set of this name. Returns the page's path."""
    described = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return write_page(run / FOLDER / TRAINING, _render(run / "metrics.jsonl", described, data))


def _render(metrics: Path, described: Mapping[str, Any], data: str) -> str:
    stages, seconds = training_stages(metrics), stage_seconds(metrics)
    epochs = sum(epoch >= 0 for stage in stages for epoch in stage.epochs)
    minutes = sum(seconds.values()) / 60
    lead = (
        f"Preset {described['preset']}, seed {described['seed']}: {epochs} epochs in {minutes:.1f} minutes."
    )
    sections = [
        section("How it learned", training_figures(stages)),
        section("Where the time went", _stage_table(stages, seconds)),
        section("What it was made with", _settings_table(described)),
    ]
    title = f"Laser trained on {data}"
    tiles = [tile(stage.name, short(max(stage.validation), 4), _when(stage)) for stage in _shown(stages)]
    return document(
        title, opening("Training report", title, lead, tiles), *(sections if stages else sections[2:])
    )


def _shown(stages: list[Stage]) -> list[Stage]:
    """Laser's phases, and the ID recommenders as they are used."""
    return [stage for stage in stages if stage.name.startswith("phase") or stage.name.endswith("-2")]


def _when(stage: Stage) -> str:
    best = stage.epochs[stage.validation.index(max(stage.validation))]
    return "NDCG@10 on validation, " + ("before its first epoch" if best < 0 else f"after epoch {best + 1}")


def _stage_table(stages: list[Stage], seconds: Mapping[str, float]) -> Html:
    head = ("Stage", "Epochs", "Best validation NDCG@10", "Seconds")
    rows = [
        (
            stage.name,
            str(sum(epoch >= 0 for epoch in stage.epochs)),
            short(max(stage.validation), 4),
            f"{seconds.get(stage.name, 0.0):,.1f}",
        )
        for stage in stages
    ]
    return _table("Stages", head, rows)


def _settings_table(described: Mapping[str, Any]) -> Html:
    rows = sorted(_flat(described))
    return _table("Settings", ("Setting", "Value"), rows)


def _table(label: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    scroll = {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": label}
    names = el("tr", {}, *(el("th", {"scope": "col"}, name) for name in head))
    body = [
        el("tr", {}, el("th", {"scope": "row"}, first), *(el("td", {}, cell) for cell in rest))
        for first, *rest in rows
    ]
    return el("div", scroll, el("table", {}, el("thead", {}, names), el("tbody", {}, body)))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """{"laser": {"decay": 0.7}} is `laser.decay  0.7`, as --set has it."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield (
                f"{prefix}{name}",
                value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
            )
