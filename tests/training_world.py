"""A checkerboard world for training: two groups of users alternate among their own items, in one ring each.

Every step has one right answer, and the titles do not tell it: they name the group and the half of the ring. Row
r + 20 follows row r < 20; the next of the group follows row r >= 20. So text alone is a weak guide, a recommender
that reads the order is near perfect.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console

from model.checkpoint import fingerprint
from model.config import BackboneConfig

ITEMS = 40
ITEM_IDS = tuple(f"i{row:02d}" for row in range(ITEMS))
Rows = np.ndarray


def checkerboard(users: int = 160, length: int = 9, seed: int = 0) -> list[Rows]:
    """Histories of rows; users begin anywhere in their ring of twenty."""
    rng = np.random.default_rng(seed)
    histories = []
    for user in range(users):
        group, start = user % 2, int(rng.integers(20))
        steps = range(start, start + length)
        histories.append(np.array([2 * (t // 2 % 10) + group + 20 * (t % 2) for t in steps], dtype=np.int64))
    return histories


def record(row: int) -> dict[str, object]:
    """The item of a row: its group and half in the title, a letter of its own, a year that is a number."""
    group, half = ("red", "blue")[row % 2], ("x", "y")[row // 20]
    own = "abcdefghij"[row % 20 // 2]
    return {"item_id": ITEM_IDS[row], "title": f"{group} {half}{own}", "brand": group, "year": 1980 + row}


def write_world(
    folder: Path,
    histories: Sequence[Rows] | None = None,
    records: Sequence[dict[str, object]] | None = None,
    text: Sequence[str] = ("title", "year"),
) -> Path:
    """The world as a canonical data folder."""
    folder.mkdir(parents=True, exist_ok=True)
    records = [record(row) for row in range(ITEMS)] if records is None else records
    info = {"name": "checkerboard", "timestamp": "position", "text": list(text)}
    (folder / "dataset.json").write_text(json.dumps(info))
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in records))
    with (folder / "interactions.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["user_id", "item_id", "timestamp"])
        for user, history in enumerate(checkerboard(60) if histories is None else histories):
            table.writerows([f"u{user:03d}", ITEM_IDS[row], step] for step, row in enumerate(history))
    return folder


def tiny_overrides(backbone: BackboneConfig, **more: str) -> dict[str, str]:
    """Overrides that make any preset a matter of seconds. Keyword names write dots as two underscores."""
    shortened = {
        "laser.backbone.name": backbone.name,
        "laser.prompt.instruction": "sum up:",
        "laser.m_former.experts": "2",
        "laser.m_former.prefix_tokens": "3",
        "laser.m_former.blocks": "1",
        "laser.m_former.width": "16",
        "laser.m_former.heads": "2",
        "training.phase1_epochs": "2",
        "training.phase2_epochs": "2",
        "training.batch_size": "16",
        "training.learning_rate": "0.01",
        "id_recommenders.width": "16",
        "id_recommenders.epochs": "3",
        "id_recommenders.batch_size": "16",
    }
    return shortened | {name.replace("__", "."): value for name, value in more.items()}


def quiet() -> Console:
    """A console that nobody sees."""
    return Console(quiet=True)


def no_log(stage: str, metrics: object) -> None:
    """A log that nobody reads."""


def no_progress(stage: str, done: int, total: int) -> None:
    """A progress bar that nobody sees."""


def with_other_tests(histories: Sequence[Rows], seed: int = 0) -> list[Rows]:
    """The same histories with the last item, the test target, replaced at random."""
    rng = np.random.default_rng(seed)
    return [np.concatenate([history[:-1], rng.integers(0, ITEMS, 1)]) for history in histories]


class Made(NamedTuple):
    """A finished run of preset `cpu`, shortened, with seed 0."""

    data: Path
    run: Path
    backbone: BackboneConfig
    overrides: dict[str, str]
    said: str

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.run / "checkpoint")
