"""The phase of the sentences: what Laser answers is taught to be what a filter by the sentence would leave.

    teacher  softmax over the items of which the sentence is true, of the scores with the sentence's weight at 0
    student  softmax over all items, of the scores with the sentence head
    loss     cross-entropy of the two

The teacher needs nobody's next item. A loss on those was tried first: that a person speaks of Makita tells what they
are about, so "no Makita" became a reason to recommend more of it.

Everything but the head is finished by then and stays as it is, so the backbone reads each row once, and an epoch over
what it read takes seconds. No embedding of a user who says nothing changes, to the bit (model/sentence_head.py).

Letters: R rows, B batch, I items, D backbone width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from model.bi_tuning import BiTuning
from training.data import EvalRows
from training.fit import FitConfig, FitResult, Log, fit
from training.fulfilment import Fulfilment
from training.losses import filter_loss
from training.scorers import Encoding
from training.sentences import Sentences, Spoken
from training.train_laser import StepProgress

STAGE = "sentences"
HELD_OUT = 10  # one pair of opposites in so many validates

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class SentenceConfig:
    """How the residual read-out's head is trained; 0 epochs leave it out. `rows` bounds the rows with a sentence."""

    epochs: int = 8
    rows: int = 12_000
    learning_rate: float = 3e-3
    batch_size: int = 128

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be above 0, not {self.learning_rate}")
        if self.epochs < 0:
            raise ValueError(f"epochs must be at least 0, not {self.epochs}")
        for name in ("rows", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


class Heard(NamedTuple):
    """What the frozen weights make of rows with a sentence, float32 [R, D] each."""

    history: Tensor  # the mean of the history's item vectors
    sentence: Tensor  # the sentence's vector
    added: Tensor  # what the read-out adds to the two

    def at(self, places: Rows) -> "Heard":
        """Some of the rows."""
        return Heard(*(part[places] for part in self))


class SentencePhase:
    """Trains the sentence head of one side against a fixed item matrix [I, D]."""

    def __init__(
        self,
        encoding: Encoding,
        side: BiTuning,
        matrix: Tensor,
        sentences: Sentences,
        config: SentenceConfig,
        temperature: float,
        seed: int,
        progress: StepProgress,
    ) -> None:
        """`temperature` is tau of equation 8."""
        assert side.sentence_head is not None, "only a side with a sentence head hears"
        self.encoding, self.side, self.head, self.matrix = encoding, side, side.sentence_head, matrix
        self.sentences, self.config, self.temperature = sentences, config, temperature
        self.seed, self.progress = seed, progress
        self._fulfilment = Fulfilment(sentences.attributes)

    def run(self, rows: EvalRows, state_file: Path, log: Log) -> FitResult | None:
        """Train on sentences about the given rows; the best head stays in the side. None if nothing can be said."""
        spoken = self.spoken(rows)
        held = len(spoken) // 2 // HELD_OUT * 2
        if not held:
            return None
        heard = self.read(spoken)
        learned = np.arange(held, len(spoken))

        def run_epoch(optimizer: torch.optim.Optimizer, rng: np.random.Generator, epoch: int) -> float:
            batches = np.array_split(rng.permutation(learned), -(-len(learned) // self.config.batch_size))
            losses = []
            for done, batch in enumerate(batches, 1):
                loss = self.loss([spoken[place] for place in batch], heard.at(batch))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                losses.append(loss.item())
                self.progress(f"{STAGE}, epoch {epoch + 1}", done, len(batches))
            return float(np.mean(losses))

        def validate() -> float:
            return self.told_apart(spoken[:held], heard.at(np.arange(held)))

        epochs, rate = self.config.epochs, self.config.learning_rate
        self.head.requires_grad_(True)
        config = FitConfig(epochs, epochs, rate, self.seed, weight_decay=0.01)
        result = fit(
            STAGE, self.head, config, run_epoch, validate, state_file, log, start_is_a_candidate=True
        )
        self.head.requires_grad_(False)
        return result

    def spoken(self, rows: EvalRows) -> list[Spoken]:
        """Pairs of opposites, one a user at most, in a random order, until there are enough."""
        rng = np.random.default_rng(self.seed)
        found: list[Spoken] = []
        for place in rng.permutation(len(rows.targets)):
            if len(found) + 2 > self.config.rows:
                break
            found += self.sentences.pair(rows.histories[place], int(rows.targets[place]), rng)
        return found

    @torch.no_grad()
    def read(self, spoken: Sequence[Spoken]) -> Heard:
        """Each row through the backbone, once."""
        text, items, collaborative = self.encoding
        histories = [
            items.history(row.history)._replace(constraint=text.prompts.sentence(row.sentence))
            for row in spoken
        ]
        self.side.eval()
        heard = Heard(*torch.zeros(3, len(spoken), text.backbone.width, device=self.matrix.device))
        done = 0
        newest = text.config.max_history
        prompt = text.prompts.lengths(newest)
        lengths = [prompt.of([len(t) for t in h.token_ids[-newest:]], len(h.constraint)) for h in histories]
        for rows in text.batches([length + text.config.m_former.prefix_tokens + 1 for length in lengths]):
            batch = text.collate([histories[row] for row in rows], collaborative)
            added = self.side(text.backbone, batch).added
            for kept, part in zip(
                heard, (self.side.history(batch), batch.sentence_vector, added), strict=True
            ):
                kept[rows] = part
            done += len(rows)
            self.progress(f"{STAGE}, read", done, len(spoken))
        return heard

    def embed(self, heard: Heard) -> Tensor:
        """z of rows that were read, with the head as it is now. [B, D]."""
        return functional.normalize(self.side.joined(heard.history, heard.sentence) + heard.added, dim=-1)

    def loss(self, spoken: Sequence[Spoken], heard: Heard) -> Tensor:
        """Of a batch."""
        true = torch.from_numpy(np.stack([self._fulfilment.of(row.said) for row in spoken]))  # [B, I]
        with torch.no_grad():
            unheard = functional.normalize(heard.history + heard.added, dim=-1) @ self.matrix.T  # [B, I]
        scores = self.embed(heard) @ self.matrix.T  # [B, I]
        return filter_loss(scores, unheard, true.to(scores.device), self.temperature)

    @torch.no_grad()
    def told_apart(self, spoken: Sequence[Spoken], heard: Heard) -> float:
        """Share of rows, in pairs of opposites, whose target stands above that of the opposite sentence."""
        targets = torch.tensor([row.target for row in spoken]).view(-1, 2)
        scores = self.embed(heard) @ self.matrix.T
        own = scores.gather(1, targets.reshape(-1, 1).to(scores.device))
        other = scores.gather(1, targets.flip(1).reshape(-1, 1).to(scores.device))
        return float((own > other).float().mean())
