"""Training Laser on the checkerboard world with a tiny backbone: a trainer, an untrained side, and what was said."""

import torch

from model.bi_tuning import BiTuning
from model.encoder import TextEncoder
from model.whitening import fit_whitening
from tests.tiny import tiny_backbone, tiny_collaborative, tiny_config
from tests.training_world import ITEM_IDS, ITEMS, checkerboard, no_progress, record
from training.data import leave_one_out
from training.scorers import Encoding, TrainingItems
from training.sentences import Attributes, Sentences
from training.train_id_recommenders import hold_out_last
from training.train_laser import LaserTrainer, LaserTrainingConfig

BASE = LaserTrainingConfig(
    phase1_epochs=5,
    phase2_epochs=3,
    batch_size=16,
    learning_rate=5e-3,
    state_dropout=0.1,
    validation_users=200,
)

Line = tuple[str, dict[str, float]]


class Scene:
    """A trainer, an untrained side, and what the trainer said."""

    def __init__(self, config: LaserTrainingConfig = BASE, users: int = 160, **shape: object) -> None:
        self.split = leave_one_out(checkerboard(users))
        laser = tiny_config(**shape)
        text = TextEncoder(laser, tiny_backbone())
        records = [record(row) for row in range(ITEMS)]
        tokens = text.item_tokens(records)
        text.whitening = fit_whitening(text.text_vectors(tokens))
        collaborative = tiny_collaborative(ITEM_IDS)
        items = TrainingItems(ITEM_IDS, tokens, text.text_vectors(tokens))
        self.encoding = Encoding(text, items, collaborative)
        self.lines: list[Line] = []
        self.steps: list[tuple[str, int, dict[str, float]]] = []
        _, rows = hold_out_last(self.split.train)
        self.trainer = LaserTrainer(
            self.encoding,
            rows,
            self.split.valid,
            config,
            0,
            lambda stage, metrics: self.lines.append((stage, dict(metrics))),
            no_progress,
            Sentences(Attributes.read(records)),
            lambda stage, step, values: self.steps.append((stage, step, dict(values))),
        )
        torch.manual_seed(0)
        widths = [collaborative.state_widths[name] for name in laser.sources]
        self.side = BiTuning(laser, widths, text.backbone.width)

    def values(self, stage: str, name: str) -> list[float]:
        return [line[name] for said, line in self.lines if said == stage and name in line]
