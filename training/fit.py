"""One resumable loop for everything that is trained: ID recommenders and both phases of Laser.

An epoch is a function of (weights, seed, epoch) alone: every source of randomness is re-seeded when it begins.
So the state on disk is just weights, optimiser moments and a few numbers, one safetensors file written aside and
renamed; a run killed at any point goes on from the last finished epoch and ends where it would have ended.
"""

import json
import logging
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

logger = logging.getLogger("laser.training")


@dataclass(frozen=True)
class FitConfig:
    """How long and how fast to train: 0 epochs leave the model as it is. `patience` counts epochs without a better
    validation value."""

    epochs: int
    patience: int
    learning_rate: float
    seed: int
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.patience < 1:
            raise ValueError(
                f"epochs must be at least 0 and patience at least 1, not {self.epochs} and {self.patience}"
            )
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be above 0, not {self.learning_rate}")


class FitResult(NamedTuple):
    """What a finished fit reports; the model holds the weights of `best_epoch` (-1: those it started with)."""

    best_epoch: int
    best_value: float
    epochs: int


class Log(Protocol):
    """Where the metrics of an epoch go: the run's metrics.jsonl, and the terminal."""

    def __call__(self, stage: str, metrics: Mapping[str, float]) -> None: ...


def seed_everything(seed: int, epoch: int) -> np.random.Generator:
    """Seed torch, random and a fresh NumPy generator for one epoch, so that the epoch can be repeated alone."""
    mixed = int(np.random.SeedSequence([seed, epoch + 1]).generate_state(1)[0])
    random.seed(mixed)
    torch.manual_seed(mixed)
    return np.random.default_rng(mixed)


def fit(
    stage: str,
    model: nn.Module,
    config: FitConfig,
    run_epoch: Callable[[torch.optim.Optimizer, np.random.Generator, int], float],
    validate: Callable[[], float],
    state_file: Path,
    log: Log,
    start_is_a_candidate: bool = False,
) -> FitResult:
    """Train the model's trainable parameters and leave the best ones in it.

    `run_epoch` makes one pass and returns its mean loss; `validate` returns the value to maximise. With
    `start_is_a_candidate` the weights before the first epoch compete too. State left by an earlier, interrupted
    call in `state_file` is continued.
    """
    parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
    optimizer = torch.optim.AdamW(
        parameters.values(), lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay
    )
    progress = _load_state(state_file, parameters, optimizer)
    if progress is None:
        value = validate() if start_is_a_candidate else float("-inf")
        progress = _Progress(epoch=-1, best_epoch=-1, best_value=value, best=_copy(parameters))
        if start_is_a_candidate:
            log(stage, {"epoch": -1, "validation": value})
    while not _finished(progress, config):
        epoch = progress.epoch + 1
        started = time.monotonic()
        loss = run_epoch(optimizer, seed_everything(config.seed, epoch), epoch)
        value = validate()
        if value > progress.best_value:
            progress = _Progress(epoch, epoch, value, _copy(parameters))
        else:
            progress = progress._replace(epoch=epoch)
        log(stage, {"epoch": epoch, "loss": loss, "validation": value, "seconds": time.monotonic() - started})
        _save_state(state_file, parameters, optimizer, progress)
    with torch.no_grad():
        for name, tensor in progress.best.items():
            parameters[name].copy_(tensor)
    return FitResult(progress.best_epoch, progress.best_value, progress.epoch + 1)


class _Progress(NamedTuple):
    epoch: int
    best_epoch: int
    best_value: float
    best: dict[str, Tensor]


def _finished(progress: _Progress, config: FitConfig) -> bool:
    waited = progress.epoch - progress.best_epoch
    return progress.epoch + 1 >= config.epochs or waited >= config.patience


def _copy(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in parameters.items()}


def _save_state(
    path: Path, parameters: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, progress: _Progress
) -> None:
    tensors = {f"weights/{name}": value.detach().contiguous() for name, value in parameters.items()}
    tensors |= {f"best/{name}": value.contiguous() for name, value in progress.best.items()}
    for name, parameter in parameters.items():
        for key, value in optimizer.state[parameter].items():
            tensors[f"optimizer/{key}/{name}"] = value.contiguous()
    scalars = {key: value for key, value in progress._asdict().items() if key != "best"}
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".writing")
    save_file(tensors, aside, metadata={"progress": json.dumps(scalars)})
    with aside.open("rb") as written:
        os.fsync(written.fileno())
    aside.replace(path)


def _load_state(
    path: Path, parameters: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
) -> _Progress | None:
    if not path.is_file():
        return None
    best: dict[str, Tensor] = {}
    number_of = {name: number for number, name in enumerate(parameters)}
    moments: dict[int, dict[str, Tensor]] = {number: {} for number in number_of.values()}
    with safe_open(path, framework="pt") as stored, torch.no_grad():
        scalars = json.loads(stored.metadata()["progress"])
        for name, parameter in parameters.items():
            parameter.copy_(stored.get_tensor(f"weights/{name}"))
            best[name] = stored.get_tensor(f"best/{name}").to(parameter.device)
        for key in stored.keys():  # noqa: SIM118 (safe_open is no mapping)
            if key.startswith("optimizer/"):
                _, field, name = key.split("/", 2)
                moments[number_of[name]][field] = stored.get_tensor(key)
    # load_state_dict puts each moment on the device of its weight.
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    logger.info("resuming %s after epoch %d", path.stem, scalars["epoch"])
    return _Progress(best=best, **scalars)
