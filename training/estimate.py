"""How much memory and time a run will take, said before it starts.

Time rests on one measured batch of the frozen backbone, forward and backward; memory on the sizes of the arrays that
dominate. Both are estimates to plan by, not promises.
"""

import time
from typing import NamedTuple

import torch
from rich.console import Console

from model.encoder import TextEncoder
from model.fusion import NEIGHBOURS
from training.baselines.item_item import EASE_BYTES_PER_CELL, ease_items
from training.config import RunConfig
from training.data import Dataset
from training.train_id_recommenders import SAMPLED_NEGATIVES, SOFTMAX_LIMIT

BASE_BYTES = 900 << 20  # interpreter, libraries and the embedded backbone
PROBE = (32, 64)  # sequences and tokens of the measured batch
BYTES_PER_LOGIT = 12  # float32: the logits, their softmax, their gradient
ID_SECONDS_PER_LOGIT = 2.5e-9  # a full softmax over one item, forward and backward, on one fast core


class Estimate(NamedTuple):
    """Seconds and bytes of a whole run."""

    seconds: float
    memory: int


def estimate(config: RunConfig, dataset: Dataset, text: TextEncoder) -> Estimate:
    """Estimate a training run on this machine."""
    items, rows = len(dataset.items), sum(len(history) >= 4 for history in dataset.histories)
    interactions = sum(map(len, dataset.histories))
    trained = min(rows, config.training.rows_per_epoch, config.training.users or rows)
    validated = min(rows, config.training.validation_users)
    mean = min(interactions / max(len(dataset.histories), 1), config.laser.max_history)
    virtual = config.laser.m_former.prefix_tokens + 1
    frame = len(text.prompts.prompt([[0]])) - 1
    user = virtual + min(frame + mean * (config.laser.prompt.item_tokens + 1), text.prompts.max_tokens)
    item = virtual + frame + config.laser.prompt.item_tokens
    step, forward = _probe(text)
    first, second = config.training.phase1_epochs, config.training.phase2_epochs
    learned = (first + second) * trained * user + first * trained * item
    told = min(2 * rows, config.sentences.rows) if config.sentences.epochs else 0
    encoded = (first + second) * validated * user + 2 * first * items * item + (rows + told) * user
    id_rounds = 2 * len(config.id_recommenders.kinds) * config.id_recommenders.epochs
    logits = items if items <= SOFTMAX_LIMIT else SAMPLED_NEGATIVES
    seconds = learned * step + encoded * forward + id_rounds * interactions * logits * ID_SECONDS_PER_LOGIT
    ease = ease_items(items) if NEIGHBOURS in config.fusion.sources else 0
    batch = config.id_recommenders.batch_size * mean * logits * BYTES_PER_LOGIT
    arrays = items * text.backbone.width * 16 + interactions * 64
    memory = int(BASE_BYTES + arrays + max(ease**2 * EASE_BYTES_PER_CELL, batch))
    return Estimate(seconds, memory)


def print_estimate(config: RunConfig, dataset: Dataset, text: TextEncoder, console: Console) -> None:
    """Say what is about to happen and how long it may take."""
    guess = estimate(config, dataset, text)
    console.print(
        f"{dataset.info.name}: {len(dataset.user_ids):,} users, {len(dataset.items):,} items. "
        f"At most about {guess.seconds / 60:.0f} minutes and {guess.memory / 2**30:.1f} GiB on this machine; "
        "early stopping usually ends sooner."
    )


def _probe(text: TextEncoder) -> tuple[float, float]:
    """Seconds a token: (forward and backward, forward alone)."""
    backbone = text.backbone
    embeddings = torch.randn(*PROBE, backbone.width, device=backbone.device, dtype=backbone.dtype) * 0.05
    present = torch.ones(PROBE, dtype=torch.bool, device=backbone.device)
    positions = torch.arange(PROBE[1], device=backbone.device).expand(PROBE)
    forward = step = 0.0
    embeddings.requires_grad_(True)
    for _ in range(2):  # the first call warms up
        begun = _now(backbone.device)
        hidden = backbone(embeddings, present, positions)
        forward = _now(backbone.device) - begun
        hidden.float().sum().backward()
        step = _now(backbone.device) - begun
    return step / (PROBE[0] * PROBE[1]), forward / (PROBE[0] * PROBE[1])


def _now(device: torch.device) -> float:
    """The time at which everything queued on the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
