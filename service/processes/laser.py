"""A Laser whose passes run in other processes; what it tokenises and looks up it does here."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from model.encoder import EncodedItems, History, Progress, Record, TextEncoder, Vectors
from model.laser import Laser
from service.processes.pool import Pool

TOGETHER = 128  # texts in one call, which takes about as long as a batch of requests: others come in between


@dataclass
class RemoteLaser(Laser):
    """The Laser of the checkpoint that `pool` has loaded. Its calls raise EncodingError and PoolError."""

    pool: Pool = field(kw_only=True)

    @classmethod
    def of(cls, laser: Laser, pool: Pool) -> "RemoteLaser":
        """The same Laser, computed there."""
        return cls(**{part.name: getattr(laser, part.name) for part in fields(Laser)}, pool=pool)

    @property
    def on_calling_thread(self) -> bool:
        """Never: a thread that asks waits for a process."""
        return False

    def encode_items(self, records: Sequence[Record], progress: Progress | None = None) -> EncodedItems:
        """As Laser's; progress is told once, at the end."""
        items: EncodedItems = self.pool.call("encode_items", [dict(record) for record in records])
        if progress:
            progress(len(records))
        return items

    def encode_users(self, histories: Sequence[History]) -> Vectors:
        """As Laser's."""
        users: Vectors = self.pool.call("encode_users", histories)
        return users


class RemoteTexts(TextEncoder):
    """A TextEncoder that does not whiten, computed by the pool of a Laser."""

    def __init__(self, laser: RemoteLaser) -> None:
        super().__init__(laser.config, laser.backbone)
        self._pool = laser.pool

    def text_vectors(
        self,
        token_ids: Sequence[Sequence[int]],
        progress: Progress | None = None,
        longest: int | None = None,
    ) -> Vectors:
        """As TextEncoder's."""
        vectors = np.empty((len(token_ids), self.backbone.width), np.float32)
        for start in range(0, len(token_ids), TOGETHER):
            some = token_ids[start : start + TOGETHER]
            vectors[start : start + len(some)] = self._pool.call("text_vectors", some, None, longest)
            if progress:
                progress(len(some))
        return vectors
