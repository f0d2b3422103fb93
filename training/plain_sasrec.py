"""SASRec as published elsewhere: the baseline of every table, whatever the run's own recommenders are.

A run may start its recommenders' item tables from text, or train them in other shapes. What Laser is held against
must not change with that, so the evaluation trains this one itself: two blocks of width 64, dropout .5, a random item
table, full softmax, on all training interactions, stopped early on validation.
"""

from collections.abc import Callable
from pathlib import Path

from model.id_recommenders import IdRecommender, IdRecommenderConfig
from training.data import Split
from training.train_id_recommenders import IdTrainingConfig, train_round

__all__ = ["EPOCHS", "STATE_FILE", "plain_sasrec"]

STATE_FILE = "baseline-sasrec.state"
EPOCHS = 60
_TRAINING = IdTrainingConfig(kinds=("sasrec",), width=64, epochs=EPOCHS, patience=6, batch_size=128)


def plain_sasrec(
    split: Split, n_items: int, folder: Path, seed: int, device: str, progress: Callable[[int], None]
) -> IdRecommender:
    """Train it, or go on from its state in `folder`, or load it at once from there. `progress` counts epochs."""
    shape = IdRecommenderConfig("sasrec", n_items, width=64, dropout=0.5)
    model = train_round(
        shape,
        _TRAINING,
        list(split.train),
        split.valid,
        folder / STATE_FILE,
        seed,
        lambda stage, metrics: progress(1),
        text_vectors=None,
        device=device,
    )
    return model.eval().requires_grad_(False)
