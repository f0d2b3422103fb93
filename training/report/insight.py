"""What the report looks into besides means: how training went, which experts serve whom, where a scorer is right."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from training.baselines.scorer import Rows
from training.laser_scorers import LaserUsers
from training.metrics import Interval, Ranks, paired_bootstrap

__all__ = [
    "ExpertUse",
    "Group",
    "Stage",
    "by_group",
    "expert_use",
    "fused_validation",
    "groups",
    "stage_seconds",
    "training_stages",
]

SAMPLED_USERS = 3_000
BATCH = 256
DASH = "\N{EN DASH}"


class Stage(NamedTuple):
    """One training stage: validation NDCG@10 by epoch from its first; -1 is the start, whose loss is None."""

    name: str
    epochs: tuple[int, ...]
    validation: tuple[float, ...]
    loss: tuple[float | None, ...]


def training_stages(metrics_file: Path) -> list[Stage]:
    """All stages that have epochs, in their order. Of an epoch that a resumed run repeated the last line counts."""
    stages: dict[str, dict[int, tuple[float, float | None]]] = {}
    if metrics_file.is_file():
        for written in metrics_file.read_text(encoding="utf-8").splitlines():
            found = json.loads(written)
            if found.get("epoch") is not None and found.get("validation") is not None:
                epochs = stages.setdefault(found["stage"], {})
                epochs[found["epoch"]] = (found["validation"], found.get("loss"))
    return [
        Stage(name, tuple(sorted(epochs)), *zip(*(epochs[epoch] for epoch in sorted(epochs)), strict=True))
        for name, epochs in stages.items()
    ]


def stage_seconds(metrics_file: Path) -> dict[str, float]:
    """Seconds of each stage's epochs; of an epoch that a resumed run repeated the last line counts."""
    taken: dict[tuple[str, int], float] = {}
    if metrics_file.is_file():
        for written in metrics_file.read_text(encoding="utf-8").splitlines():
            found = json.loads(written)
            if found.get("epoch") is not None and found.get("seconds") is not None:
                taken[found["stage"], found["epoch"]] = found["seconds"]
    stages = dict.fromkeys((stage for stage, _ in taken), 0.0)
    for (stage, _), seconds in taken.items():
        stages[stage] += seconds
    return stages


def fused_validation(metrics_file: Path) -> float | None:
    """NDCG@10 on validation of the scores as they are served; None where the run has not come to it."""
    lines = metrics_file.read_text(encoding="utf-8").splitlines() if metrics_file.is_file() else []
    found = [line.get("validation") for line in map(json.loads, lines) if line["stage"] == "fusion"]
    return found[-1] if found else None


class Group(NamedTuple):
    """Users with similar values; `name` says from which to which."""

    name: str
    users: NDArray[np.int64]


def groups(values: Rows, most: int) -> list[Group]:
    """At most `most` groups of similar size; users of one value stay together."""
    cuts = np.quantile(values, np.arange(1, most) / most, method="lower")
    places = np.searchsorted(np.unique(cuts), values)  # a value equal to a cut belongs below it
    found = []
    for place in np.unique(places):
        users = np.flatnonzero(places == place)
        low, high = int(values[users].min()), int(values[users].max())
        found.append(Group(f"{low:,}" if low == high else f"{low:,}{DASH}{high:,}", users))
    return found


def by_group(metric: Ranks, parts: Sequence[Group], seed: int = 0) -> list[Interval]:
    """Mean of a user metric [U] in each group, with its 95 % interval."""
    return [
        paired_bootstrap(metric[part.users], np.zeros(len(part.users)), seed, samples=1000) for part in parts
    ]


class ExpertUse(NamedTuple):
    """The router of the user side: for each group of users each expert's mean probability, and how often it is best."""

    groups: tuple[str, ...]
    probability: NDArray[np.float64]  # [G, K]
    chosen: NDArray[np.float64]  # [G, K]


@torch.inference_mode()
def expert_use(users: LaserUsers, histories: Sequence[Rows], seed: int = 0) -> ExpertUse | None:
    """How the experts serve short, middling and long histories; None where there is nothing to choose."""
    former = users.laser.user_side.m_former
    if former is None or former.config.experts < 2:
        return None
    drawn = np.random.default_rng(seed).permutation(len(histories))[:SAMPLED_USERS]
    found = []
    for start in range(0, len(drawn), BATCH):
        asked = [users.history(histories[user]) for user in drawn[start : start + BATCH]]
        batch = users.laser.text.collate(asked, users.laser.collaborative)
        _, routing = former(batch.states, batch.states_present)
        weight = routing.present[..., None].float()  # [B, C, 1]
        found.append(((routing.probabilities * weight).sum(1) / weight.sum(1)).double().cpu().numpy())
    shares = np.concatenate(found)  # [U, K]
    best = np.eye(shares.shape[1])[shares.argmax(axis=1)]  # [U, K]
    parts = groups(np.array([len(histories[user]) for user in drawn]), 3)
    return ExpertUse(
        tuple(f"{part.name} {'item' if part.name == '1' else 'items'}" for part in parts),
        np.stack([shares[part.users].mean(axis=0) for part in parts]),
        np.stack([best[part.users].mean(axis=0) for part in parts]),
    )
