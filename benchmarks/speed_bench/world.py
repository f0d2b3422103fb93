"""A Laser of the default shape over a real data folder, to be timed.

Its trainable weights and ID recommenders are random: how long an encoding takes does not depend on their values. The
backbone, the items' texts and token ids and the histories are the real ones. Item text vectors, which cost a pass of
the backbone an item and are only read here, are random too.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchmarks._outcome import FOLDER
from demo.simulator import write_demo
from model.backbone import load_backbone
from model.bi_tuning import BiTuning
from model.collaborative import Collaborative
from model.encoder import TextEncoder
from model.fusion import Fusion
from model.id_recommenders import build_id_recommender
from model.laser import Laser
from model.vectors import History
from model.whitening import Whitening
from training.config import RunConfig, preset
from training.data import Dataset, load_dataset
from training.scorers import TrainingItems

USUAL = Path("data") / "scientific"
FILMS = FOLDER / "work" / "films"


class World(NamedTuple):
    """What is timed, and on what."""

    config: RunConfig
    dataset: Dataset
    laser: Laser
    items: TrainingItems

    def histories(self, users: int, seed: int) -> list[History]:
        """Histories of different users, of all if there are fewer, with the newest `max_history` items."""
        chosen = np.random.default_rng(seed).permutation(len(self.dataset.histories))[:users]
        kept = self.laser.max_history
        return [self.items.history(self.dataset.histories[user][-kept:]) for user in chosen]


def data_folder(given: Path | None) -> Path:
    """The data folder to measure on: the given one, the usual one, or, without both, the bundled films."""
    if given is not None or USUAL.is_dir():
        return given or USUAL
    if not FILMS.is_dir():
        write_demo(FILMS)
    return FILMS


def build(data: Path, seed: int) -> World:
    """The default configuration over a data folder. Raises DataError, BackboneError."""
    config, dataset = preset("cpu"), load_dataset(data)
    torch.manual_seed(seed)
    backbone = load_backbone(config.laser.backbone)
    kinds = {kind: config.id_recommenders.shape(kind, len(dataset.items)) for kind in config.laser.sources}
    recommenders = {kind: build_id_recommender(shape) for kind, shape in kinds.items()}
    collaborative = Collaborative(recommenders, dataset.item_ids, np.ones(len(dataset.items), bool))
    widths = [collaborative.state_widths[kind] for kind in config.laser.sources]
    sides = [BiTuning(config.laser, widths, backbone.width) for _ in range(2)]
    vectors = np.random.default_rng(seed).standard_normal((len(dataset.items), backbone.width), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    white = Whitening(np.zeros(backbone.width, np.float32), np.eye(backbone.width, dtype=np.float32))
    laser = Laser(config.laser, backbone, *sides, collaborative, Fusion(collaborative), "untrained", white)
    laser.fuse()  # as the service and re-indexing do
    token_ids = TextEncoder(config.laser, backbone).item_tokens(dataset.items)
    return World(config, dataset, laser, TrainingItems(dataset.item_ids, token_ids, vectors))
