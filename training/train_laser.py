"""Two-phase training of Laser (3.3): phase 1 moves users and items together, phase 2 the users alone.

Phase 1: at the start of every epoch the item matrix is encoded again with the current weights; the epoch trains
against it; validation uses items encoded after it. The best epoch's weights and matrix are kept: they are the item
side. Phase 2 starts from them with the matrix fixed and trains on; its best weights are the user side.

Differs from the paper:
- Training rows predict each user's last training item from states of recommenders that never saw it (cross-fitted,
  see train_id_recommenders.py), because states that know their target teach Laser to trust them too much.
- Phase 1 adds a loss over positives and in-batch negatives that are both encoded live, so the items move with the
  users within the epoch instead of away from them between epochs.
- Collaborative states are dropped at random, so that an item without any is a state the M-Former knows.
- Rows with a sentence, in pairs of opposites (sentences.py), join every batch; they come without states, because a
  recommender has trained on one of their two targets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.bi_tuning import BiTuning, Prompted
from model.vectors import History
from training.data import EvalRows
from training.event_files import Scalars, no_scalars
from training.fit import FitConfig, FitResult, Log, fit
from training.loss_terms import LossTerms, expert_shares
from training.losses import balance_loss, contrastive_loss, in_batch_loss
from training.metrics import history_mask, ndcg_at, target_ranks
from training.scorers import Encoding
from training.sentences import Sentences, Spoken
from training.train_id_recommenders import length_batches, sample_rows

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]
StepProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class LaserTrainingConfig:
    """Optimisation of both phases; 0 epochs leave a phase out. `temperature` is tau, `balance` lambda, of equations 8
    and 12. `in_batch` weighs the live term of phase 1, `warmup` is a share of a phase. `sentence_share`: rows with a
    sentence that join for each one without. `users` are those the rows come from, drawn by seed; 0: all of them."""

    phase1_epochs: int = 6
    phase2_epochs: int = 3
    patience: int = 8
    learning_rate: float = 1e-3
    batch_size: int = 64
    rows_per_epoch: int = 5_000
    temperature: float = 0.05
    balance: float = 0.01
    in_batch: float = 1.0
    state_dropout: float = 0.1
    warmup: float = 0.05
    validation_users: int = 2_000
    sentence_share: float = 0.0
    users: int = 0

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature must be above 0, not {self.temperature}")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be above 0, not {self.learning_rate}")
        for name in ("patience", "batch_size", "rows_per_epoch", "validation_users"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("phase1_epochs", "phase2_epochs", "balance", "in_batch", "sentence_share", "users"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        for name in ("state_dropout", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1), not {getattr(self, name)}")


class LaserTrainer:
    """Holds what both phases share; `phase1` and `phase2` are the two calls of the story."""

    def __init__(
        self,
        encoding: Encoding,
        rows: EvalRows,
        valid: EvalRows,
        config: LaserTrainingConfig,
        seed: int,
        log: Log,
        progress: StepProgress,
        sentences: Sentences | None = None,
        scalars: Scalars = no_scalars,
    ) -> None:
        """`sentences` are needed where `config.sentence_share` is above 0. `scalars` gets the numbers of each step."""
        self.encoding = encoding
        self.text, self.items, self.collaborative = encoding
        self.rows = sample_rows(rows, config.users, seed) if config.users else rows
        self.config, self.seed = config, seed
        self.valid = sample_rows(valid, config.validation_users, seed)
        self.log, self.progress, self.scalars = log, progress, scalars
        self.sentences = sentences if config.sentence_share else None
        shares = np.bincount(rows.targets, minlength=len(self.items.item_ids)) / max(len(rows.targets), 1)
        self._log_share = torch.from_numpy(np.log(np.maximum(shares, 1e-12))).float()

    def phase1(self, side: BiTuning, state_file: Path) -> tuple[FitResult, Tensor]:
        """Train users and items together; leaves the best weights in `side` and returns their item matrix [I, D]."""
        fresh: list[Tensor] = []  # the matrix of the current weights, made by the validation before the epoch

        def run_epoch(optimizer: torch.optim.Optimizer, rng: np.random.Generator, epoch: int) -> float:
            matrix = fresh.pop() if fresh else self.item_matrix(side)
            rate = self._step(epoch, self.config.phase1_epochs)
            return self._epoch("phase 1", side, matrix, optimizer, rng, rate, True, epoch)

        def validate() -> float:
            fresh[:] = [self.item_matrix(side)]
            return self.validation_ndcg(side, fresh[0])

        config = self._fit_config(self.config.phase1_epochs, self.seed)
        result = fit(
            "phase 1", side, config, run_epoch, validate, state_file, self.log, start_is_a_candidate=True
        )
        return result, self.item_matrix(side)

    def phase2(self, side: BiTuning, matrix: Tensor, state_file: Path) -> FitResult:
        """Train the users on against the fixed item matrix [I, D]; leaves the best weights in `side`."""

        def run_epoch(optimizer: torch.optim.Optimizer, rng: np.random.Generator, epoch: int) -> float:
            rate = self._step(epoch, self.config.phase2_epochs)
            return self._epoch("phase 2", side, matrix, optimizer, rng, rate, False, epoch)

        def validate() -> float:
            return self.validation_ndcg(side, matrix)

        config = self._fit_config(self.config.phase2_epochs, self.seed + 1)
        return fit(
            "phase 2", side, config, run_epoch, validate, state_file, self.log, start_is_a_candidate=True
        )

    def item_matrix(self, side: BiTuning) -> Tensor:
        """Every item encoded as a user whose history it is. float32 [I, D]."""
        histories = [self.items.history([row]) for row in range(len(self.items.item_ids))]
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            self.progress("items", done, len(histories))

        return torch.from_numpy(self.text.embed(side, histories, self.collaborative, advance)).to(
            self.text.backbone.device
        )

    def validation_ndcg(self, side: BiTuning, matrix: Tensor) -> float:
        """NDCG@10 of the sampled validation users, as served: items of the history excluded."""
        histories = [self.items.history(rows) for rows in self.valid.histories]
        users = torch.from_numpy(self.text.embed(side, histories, self.collaborative))
        scores = (users @ matrix.cpu().T).numpy()
        mask = history_mask(self.valid.histories, len(matrix))
        return float(ndcg_at(target_ranks(scores, self.valid.targets, mask), 10).mean())

    def _epoch(
        self,
        phase: str,
        side: BiTuning,
        matrix: Tensor,
        optimizer: torch.optim.Optimizer,
        rng: np.random.Generator,
        rate: Callable[[float], float],
        moving_items: bool,
        epoch: int = 0,
    ) -> float:
        side.train()
        chosen = rng.permutation(len(self.rows.users))[: self.config.rows_per_epoch]
        lengths = np.array(
            [min(len(self.rows.histories[row]), self.text.config.max_history) for row in chosen]
        )
        batches = length_batches(lengths, self.config.batch_size, rng)
        losses = []
        for index, batch in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = rate(index / len(batches)) * self.config.learning_rate
            loss = self._loss(side, matrix, chosen[batch], rng, moving_items)
            optimizer.zero_grad(set_to_none=True)
            loss.total.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_([p for p in side.parameters() if p.requires_grad], 1.0)
            optimizer.step()
            numbers = loss.numbers() | {"learning rate": optimizer.param_groups[0]["lr"]}
            losses.append(numbers["loss"])
            self.scalars(phase, epoch * len(batches) + index, numbers)
            self.progress(f"{phase}, epoch {epoch + 1}", index + 1, len(batches))
        return float(np.mean(losses))

    def _loss(
        self, side: BiTuning, matrix: Tensor, chosen: Rows, rng: np.random.Generator, moving_items: bool
    ) -> LossTerms:
        """Equation 12 for one batch, with the live in-batch term while the items move."""
        histories = [self.items.history(self.rows.histories[row]) for row in chosen]
        spoken = self._spoken(chosen, rng)
        heard = [
            self.items.history(row.history)._replace(constraint=self.text.prompts.sentence(row.sentence))
            for row in spoken
        ]
        told = np.array([row.target for row in spoken], dtype=np.int64)
        targets = torch.from_numpy(np.concatenate([self.rows.targets[chosen], told])).to(matrix.device)
        users = side(self.text.backbone, self._dropped([*histories, *heard], rng, stateless=len(heard)))
        loss = contrastive_loss(users.z, matrix, targets, self.config.temperature)
        terms = LossTerms(loss, loss)
        if users.routing is not None:
            balance = balance_loss(users.routing)
            loss = loss + self.config.balance * balance
            terms = terms._replace(balance=balance, experts=expert_shares(users.routing))
        if moving_items and self.config.in_batch:
            # Of the rows without a sentence: how often an item is another row's target, log-q could not say.
            plain = targets[: len(chosen)]
            items = [self.items.history([row]) for row in plain.tolist()]
            positives = side(self.text.backbone, self._dropped(items, rng))
            log_share = self._log_share.to(matrix.device)[plain]
            live = in_batch_loss(
                users.z[: len(chosen)], positives.z, plain, log_share, self.config.temperature
            )
            loss = loss + self.config.in_batch * live
            terms = terms._replace(in_batch=live)
        return terms._replace(total=loss)

    def _spoken(self, chosen: Rows, rng: np.random.Generator) -> list[Spoken]:
        """Rows with a sentence, in pairs, made of random ones of the batch."""
        if self.sentences is None:
            return []
        pairs = round(self.config.sentence_share * len(chosen) / 2)
        picked = rng.permutation(chosen)[:pairs]
        return [
            row
            for each in picked
            for row in self.sentences.pair(self.rows.histories[each], int(self.rows.targets[each]), rng)
        ]

    def _dropped(
        self, histories: Sequence[History], rng: np.random.Generator, stateless: int = 0
    ) -> Prompted:
        """A batch in which a random part has lost its collaborative states, and the last `stateless` rows theirs."""
        batch = self.text.collate(histories, self.collaborative)
        kept = rng.random((len(histories), 1)) >= self.config.state_dropout
        kept[len(histories) - stateless :] = False
        present = batch.states_present & torch.from_numpy(kept).to(batch.states_present.device)
        return batch._replace(states_present=present)

    def _step(self, epoch: int, epochs: int) -> Callable[[float], float]:
        """Learning rate as a share of the highest: linear warm-up, then a cosine to a tenth, over the whole phase."""

        def rate(within: float) -> float:
            done = (epoch + within) / epochs
            if done < self.config.warmup:
                return (done + 1e-3) / (self.config.warmup + 1e-3)
            return 0.1 + 0.45 * (1 + float(np.cos(np.pi * done)))

        return rate

    def _fit_config(self, epochs: int, seed: int) -> FitConfig:
        return FitConfig(epochs, self.config.patience, self.config.learning_rate, seed, weight_decay=0.01)
