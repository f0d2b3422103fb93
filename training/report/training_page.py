"""How a run was trained, as one page: what it reached, its curves, where the time went, what it was made with."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.report.axes import short
from training.report.document import document, opening, section, tile, write_page
from training.report.figures import training_figures
from training.report.insight import Stage, fused_validation, stage_seconds, training_stages
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
    asked = f"Preset {described['preset']}, seed {described['seed']}, {epochs} epochs."
    lead = f"{asked} The figures are NDCG@10 on validation."
    sections = [
        section("How it learned", training_figures(stages)),
        section("Where the time went", _stage_table(stages, seconds)),
        section("What it was made with", _settings_table(described)),
    ]
    title = f"Laser trained on {data}"
    tiles = [
        *_reached(stages, fused_validation(metrics)),
        tile("Epochs took", f"{minutes:.1f} min", "in all"),
    ]
    return document(
        title, opening("Training report", title, lead, tiles), *(sections if stages else sections[2:])
    )


def _reached(stages: list[Stage], fused: float | None) -> Iterator[Html]:
    """What is served, Laser without the fusion, and the best of the ID recommenders as they are used."""
    if fused is not None:
        yield tile("As served", short(fused, 4), "Laser, fused with the ID recommenders")
    phases = [stage for stage in stages if stage.name.startswith("phase")]
    recommenders = [stage for stage in stages if stage.name.endswith("-2")]
    for name, found in (("Laser alone", phases), ("Best ID recommender", recommenders)):
        if found:
            best = max(found, key=lambda stage: max(stage.validation))
            yield tile(name, short(max(best.validation), 4), _when(best))


def _when(stage: Stage) -> str:
    epoch = stage.epochs[stage.validation.index(max(stage.validation))]
    return f"{stage.name}, " + ("before its first epoch" if epoch < 0 else f"after epoch {epoch + 1}")


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
    others = {name: value for name, value in described.items() if name != "config"}
    rows = [*sorted(_flat(others)), *sorted(_flat(described["config"]))]
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
