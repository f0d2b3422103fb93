"""A Laser whose passes run in other processes. Nothing of torch is loaded where it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from model.outline import Outline
from model.vectors import EncodedItems, History, Record, Vectors
from service.processes.pool import Pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOGETHER = 128  # texts in one call, which takes about as long as a batch of requests: others come in between


@dataclass(frozen=True)
class RemoteLaser(Outline):
    """The Laser of the checkpoint that `pool` has loaded. Its calls raise EncodingError and PoolError."""

    pool: Pool = field(kw_only=True)

    @classmethod
    def of(cls, pool: Pool) -> "RemoteLaser":
        """Waits until the checkpoint is loaded. Raises PoolError."""
        outline: Outline = pool.call("outline")
        return cls(**{part.name: getattr(outline, part.name) for part in fields(Outline)}, pool=pool)

    @property
    def on_cpu(self) -> bool:
        """Always: a GPU needs no more than one process."""
        return True

    @property
    def on_calling_thread(self) -> bool:
        """Never: a thread that asks waits for a process."""
        return False

    def use_cores(self, cores: int) -> None:
        """Nothing: the processes were told when they started."""

    def tokenize_constraint(self, sentence: str) -> tuple[int, ...]:
        """As Laser's."""
        tokens: tuple[int, ...] = self.pool.call("tokenize_constraint", sentence)
        return tokens

    def encode_items(self, records: Sequence[Record]) -> EncodedItems:
        """As Laser's."""
        items: EncodedItems = self.pool.call("encode_items", [dict(record) for record in records])
        return items

    def encode_users(self, histories: Sequence[History]) -> Vectors:
        """As Laser's."""
        users: Vectors = self.pool.call("encode_users", histories)
        return users

    def item_experts(self, item_ids: Sequence[str]) -> "NDArray[np.float32] | None":
        """As Laser's."""
        shares: NDArray[np.float32] | None = self.pool.call("item_experts", list(item_ids))
        return shares


class RemoteTexts:
    """A TextReader of the frozen text model that a pool has loaded."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors float32 [n, D]."""
        starts = range(0, max(1, len(texts)), TOGETHER)
        parts = [self._pool.call("text_vectors", texts[start : start + TOGETHER]) for start in starts]
        return np.concatenate(parts)

    def words(self) -> tuple[str, ...]:
        """The words that are single tokens, most frequent first."""
        words: tuple[str, ...] = self._pool.call("words")
        return words
