"""What a finished run offers to its evaluation: its Laser, and the ID recommenders it trained on the way.

The checkpoint keeps only the recommenders that serving needs; the run's own state has all of them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from model.checkpoint import load_checkpoint
from model.id_recommenders import IdRecommender, build_id_recommender
from model.laser import Laser
from training.data import Dataset
from training.run_folder import RunError
from training.train_id_recommenders import IdTrainingConfig

__all__ = ["FinishedRun", "open_run"]

FINAL = "{kind}-2.state"  # as training/train_id_recommenders.py names the second round's state
BEST = "best/"  # and training/fit.py the best weights in it


@dataclass(frozen=True)
class FinishedRun:
    """A run folder that agrees with the data set, and the Laser in its checkpoint."""

    folder: Path
    laser: Laser
    description: dict[str, Any]

    def id_recommenders(self, n_items: int) -> dict[str, IdRecommender]:
        """The ID recommenders in their final state, by kind; those in the checkpoint if the state is gone."""
        values = self.description.get("config", {}).get("id_recommenders")
        state = self.folder / "state"
        if values is None or not state.is_dir():
            return dict(self.laser.fusion.collaborative.recommenders)
        config = IdTrainingConfig(kinds=tuple(values["kinds"]), width=values["width"])  # what decides shapes
        recommenders = {}
        for kind in config.kinds:
            path = state / FINAL.format(kind=kind)
            if path.is_file():
                model = build_id_recommender(config.shape(kind, n_items))
                _load_best(model, path)
                recommenders[str(kind)] = model.eval().requires_grad_(False)
        return recommenders


def open_run(folder: Path, dataset: Dataset, device: str) -> FinishedRun:
    """Open a run.

    Raises RunError if it is unfinished or was trained on other data; CheckpointError, BackboneError.
    """
    described = folder / "run.json"
    if not described.is_file():
        raise RunError(f"{folder} holds no run: there is no {described.name}")
    description = json.loads(described.read_text(encoding="utf-8"))
    if description.get("data_hash") != dataset.data_hash:
        raise RunError(f"{folder} was trained on other data than {dataset.folder}: the data hashes differ")
    checkpoint = folder / "checkpoint"
    if not checkpoint.is_dir():
        raise RunError(f"{folder} has no checkpoint yet; finish it with laser train --resume")
    return FinishedRun(folder, load_checkpoint(checkpoint, device=device), description)


def _load_best(model: IdRecommender, path: Path) -> None:
    with safe_open(path, framework="pt") as stored, torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(stored.get_tensor(BEST + name))
