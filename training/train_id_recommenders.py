"""Train the frozen ID recommenders: item tables that start from text, full-softmax cross-entropy, cross-fitted.

A recommender that was trained on a user's history already knows that user's training targets, and a Laser trained
on its states learns to trust them far too much. So each recommender is trained twice:

- `cross_fitted` never saw any user's last training item; Laser's training rows predict exactly those items.
- `final` trains on all training items; it answers for validation, test and service, in the fusion.

The final round starts from text, which makes a better recommender. The cross-fitted round starts at random, which makes
better states: the prefix is there to tell the text model what text does not know (docs/experiments.md).

Continuing the first on the rest instead of starting again was worse (docs/experiments.md): what it has overfitted
it does not forget.

Full softmax instead of sampled binary cross-entropy: Klenitskiy & Vasilev 2023, Petrov & Macdonald 2023. Above
`SOFTMAX_LIMIT` items the softmax runs over sampled items with log-q correction (Yang et al. 2020).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model.id_recommenders import (
    PADDING,
    BERT4Rec,
    IdRecommender,
    IdRecommenderConfig,
    Kind,
    build_id_recommender,
    pad_histories,
)
from training.data import EvalRows
from training.fit import FitConfig, Log, fit
from training.ranking import rank_users, summarise
from training.scorers import IdScorer

SOFTMAX_LIMIT = 10_000
SAMPLED_NEGATIVES = 4_096
VALIDATION_USERS = 4_000
NO_SPREAD = 1e-3  # of the widest direction: what is narrower is rounding

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]


class Recipe(NamedTuple):
    """What one kind of recommender needs to converge in tens of epochs: rates from a random table and from text."""

    dropout: float
    learning_rate: float
    rate_from_text: float = 1e-3


# BERT4Rec sees a target in a third of the places SASRec does, so it takes larger steps and less dropout.
RECIPES: dict[Kind, Recipe] = {
    "sasrec": Recipe(dropout=0.5, learning_rate=1e-3),
    "bert4rec": Recipe(dropout=0.2, learning_rate=3e-3),
    "gru4rec": Recipe(dropout=0.3, learning_rate=1e-3),
}


@dataclass(frozen=True)
class IdTrainingConfig:
    """Optimisation of the ID recommenders, and the one width of all of them; dropout and rate differ by kind.

    `text_start` is the spread of the final round's item table, which starts from the items' texts; 0 starts it at
    random. Without `cross_fit` Laser reads the final round's states, which know its training targets: to show what
    that costs.
    """

    kinds: tuple[Kind, ...] = ("sasrec", "bert4rec", "gru4rec")
    width: int = 64
    epochs: int = 60
    patience: int = 6
    batch_size: int = 128
    masked_share: float = 0.3
    text_start: float = 0.1
    cross_fit: bool = True

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in RECIPES:
                raise ValueError(f"id_recommenders.kinds names {kind!r}; there are {', '.join(RECIPES)}")
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError("id_recommenders.kinds names a kind twice")
        for name in ("epochs", "patience", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"id_recommenders.{name} must be at least 1, not {getattr(self, name)}")
        heads = IdRecommenderConfig.heads
        if self.width < 1 or self.width % heads:
            raise ValueError(
                f"id_recommenders.width must be a positive multiple of {heads} (heads), not {self.width}"
            )
        if self.text_start < 0:
            raise ValueError(f"id_recommenders.text_start must be at least 0, not {self.text_start}")
        if not 0 <= self.masked_share <= 1:
            raise ValueError(f"id_recommenders.masked_share must lie in [0, 1], not {self.masked_share}")

    def shape(self, kind: Kind, items: int) -> IdRecommenderConfig:
        """One recommender's shape over so many items."""
        return IdRecommenderConfig(kind, items, width=self.width, dropout=RECIPES[kind].dropout)

    def fit_config(self, kind: Kind, seed: int, from_text: bool) -> FitConfig:
        """The generic loop's settings for one round."""
        recipe = RECIPES[kind]
        rate = recipe.rate_from_text if from_text else recipe.learning_rate
        return FitConfig(self.epochs, self.patience, rate, seed)


class CrossFitted:
    """The two rounds of one recommender: `cross_fitted` for Laser's training rows, `final` for everything else."""

    def __init__(self, cross_fitted: IdRecommender, final: IdRecommender) -> None:
        self.cross_fitted = cross_fitted.eval().requires_grad_(False)
        self.final = final.eval().requires_grad_(False)


def train_id_recommender(
    shape: IdRecommenderConfig,
    training: IdTrainingConfig,
    train: Sequence[Rows],
    valid: EvalRows,
    folder: Path,
    seed: int,
    log: Log,
    text_vectors: Vectors,
    device: str = "cpu",
) -> CrossFitted:
    """Train one recommender in its two rounds.

    `train` holds each user's training rows, oldest first; the final item table starts from `text_vectors` [I, D].
    """
    shortened, held_out = hold_out_last(train)
    first, second = (folder / f"{shape.kind}-{number}.state" for number in (1, 2))
    start = text_vectors if training.text_start else None
    return CrossFitted(
        train_round(shape, training, shortened, held_out, first, seed, log, None, device),
        train_round(shape, training, list(train), valid, second, seed, log, start, device),
    )


def train_round(
    shape: IdRecommenderConfig,
    training: IdTrainingConfig,
    sequences: list[Rows],
    held_out: EvalRows,
    state_file: Path,
    seed: int,
    log: Log,
    text_vectors: Vectors | None,
    device: str = "cpu",
) -> IdRecommender:
    """Train one recommender on the sequences, stopped by the rows held out. None: its item table starts at random."""
    torch.manual_seed(seed)
    model = build_id_recommender(shape)
    if text_vectors is not None:
        start_from_text(model, text_vectors, training.text_start)
    config = training.fit_config(shape.kind, seed, from_text=text_vectors is not None)
    return _round(model.to(device), training, config, sequences, held_out, state_file, log)


@torch.no_grad()
def start_from_text(model: IdRecommender, text_vectors: Vectors, spread: float) -> None:
    """Put the leading principal components of the text vectors [I, D], each of the given spread, into the item table.

    Items of similar text then start as neighbours, and a rare item learns from its first interaction on. Directions
    that the texts do not fill keep their random start. With random tables SASRec reaches a tenth less NDCG
    (docs/experiments.md).
    """
    centred = text_vectors - text_vectors.mean(axis=0)
    _, spreads, axes = np.linalg.svd(centred, full_matrices=False)
    used = min(model.config.width, int((spreads > NO_SPREAD * max(float(spreads[0]), 1e-12)).sum()))
    components = centred @ axes[:used].T  # [I, used]
    components *= spread / components.std(axis=0)
    model.table.weight[1 : model.config.items + 1, :used] = torch.from_numpy(components)


def hold_out_last(train: Sequence[Rows]) -> tuple[list[Rows], EvalRows]:
    """Split off every user's last training item, of users with two or more: (the rest, rows to predict it)."""
    users = np.array([user for user, rows in enumerate(train) if len(rows) >= 2], dtype=np.int64)
    shortened = [rows[:-1] if len(rows) >= 2 else rows for rows in train]
    histories = tuple(shortened[user] for user in users)
    return shortened, EvalRows(
        users, histories, np.array([train[user][-1] for user in users], dtype=np.int64)
    )


def _round(
    model: IdRecommender,
    training: IdTrainingConfig,
    config: FitConfig,
    sequences: list[Rows],
    held_out: EvalRows,
    state_file: Path,
    log: Log,
) -> IdRecommender:
    rows = sample_rows(held_out, VALIDATION_USERS, config.seed)
    step = cloze_loss if isinstance(model, BERT4Rec) else next_item_loss
    usable = [sequence for sequence in sequences if len(sequence) >= 2]

    def run_epoch(optimizer: torch.optim.Optimizer, rng: np.random.Generator, epoch: int) -> float:
        return _epoch(model, training, usable, step, optimizer, rng)

    def validate() -> float:
        return validation_ndcg(model, rows)

    fit(state_file.stem, model, config, run_epoch, validate, state_file, log)
    return model


def _epoch(
    model: IdRecommender,
    training: IdTrainingConfig,
    sequences: list[Rows],
    step: Callable[[IdRecommender, Tensor, float, np.random.Generator], Tensor],
    optimizer: torch.optim.Optimizer,
    rng: np.random.Generator,
) -> float:
    model.train()
    device = model.item_vectors.device
    losses = []
    for batch in length_batches(np.array([len(s) for s in sequences]), training.batch_size, rng):
        tokens = pad_histories([sequences[i] for i in batch], model.config.max_length + 1).to(device)
        loss = step(model, tokens, training.masked_share, rng)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def next_item_loss(model: IdRecommender, tokens: Tensor, _: float, rng: np.random.Generator) -> Tensor:
    """Cross-entropy of every next item of the sequences [B, N + 1]; padding counts nowhere."""
    targets = tokens[:, 1:]
    counted = (targets != PADDING) & (tokens[:, :-1] != PADDING)
    states = model.states(tokens[:, :-1])[counted]  # [M, H]
    return catalogue_cross_entropy(states, model.item_vectors, targets[counted] - 1, rng)


def cloze_loss(model: IdRecommender, tokens: Tensor, masked_share: float, rng: np.random.Generator) -> Tensor:
    """Cross-entropy of masked items. Half of the rows mask at random, half only their newest item, as in service."""
    assert isinstance(model, BERT4Rec)
    present = tokens != PADDING
    drawn = torch.from_numpy(rng.random(tokens.shape)).to(tokens.device) < masked_share
    last = torch.zeros_like(drawn)
    last[:, -1] = True
    only_last = torch.from_numpy(rng.random((len(tokens), 1)) < 0.5).to(tokens.device)
    masked = torch.where(only_last | ~(drawn & present).any(dim=1, keepdim=True), last, drawn & present)
    states = model.states(tokens.masked_fill(masked, model.mask_token))[masked]  # [M, H]
    return catalogue_cross_entropy(states, model.item_vectors, tokens[masked] - 1, rng)


def catalogue_cross_entropy(
    states: Tensor, items: Tensor, targets: Tensor, rng: np.random.Generator
) -> Tensor:
    """Softmax cross-entropy of targets [M] given states [M, H] over the items [I, H], sampled above SOFTMAX_LIMIT.

    Sampled: the target against S uniform negatives, each standing for I / S items (the log-q correction), so that
    the normaliser estimates the full one; the target among the negatives does not count.
    """
    if len(items) <= SOFTMAX_LIMIT:
        return functional.cross_entropy(states @ items.T, targets)
    drawn = torch.from_numpy(rng.choice(len(items), SAMPLED_NEGATIVES, replace=False)).to(targets.device)
    stands_for = float(np.log(len(items) / SAMPLED_NEGATIVES))
    negatives = states @ items[drawn].T + stands_for  # [M, S]
    negatives = negatives.masked_fill(drawn[None, :] == targets[:, None], float("-inf"))
    positives = (states * items[targets]).sum(dim=1, keepdim=True)  # [M, 1]
    first = torch.zeros_like(targets)
    return functional.cross_entropy(torch.cat([positives, negatives], dim=1), first)


def length_batches(lengths: Rows, size: int, rng: np.random.Generator) -> list[Rows]:
    """Batches of row numbers of similar length (so little is padding), in random order, ties drawn at random."""
    order = np.lexsort((rng.random(len(lengths)), lengths))
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    rng.shuffle(batches)
    return batches


def sample_rows(rows: EvalRows, count: int, seed: int) -> EvalRows:
    """At most `count` evaluation rows, drawn once by seed."""
    if len(rows.users) <= count:
        return rows
    kept = np.sort(np.random.default_rng(seed).choice(len(rows.users), count, replace=False))
    return EvalRows(rows.users[kept], tuple(rows.histories[i] for i in kept), rows.targets[kept])


def validation_ndcg(model: IdRecommender, rows: EvalRows) -> float:
    """NDCG@10 as served: items of the history excluded."""
    ranks = rank_users(IdScorer(model.config.kind, model), rows, model.config.items)
    return summarise(ranks.served).ndcg
