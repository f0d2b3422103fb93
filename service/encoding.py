"""What runs on the encoder's thread: a batch of requests in, user vectors out. Nothing else ever calls Laser.

    titles of all requests -> encode_items (one call)
    stored token ids and text vectors + those -> History -> encode_users (one call)

Letters: N history, D text width, V vector width.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from index.bundle import Bundle
from model.encoder import EncodedItems, History
from service.history import Entry, Record

FRAME_TOKENS = 32  # about what instruction and marks add to a request's own tokens
CHARACTERS_PER_TOKEN = 4  # of text that is not yet tokenised

Vectors = NDArray[np.float32]
Row = tuple[Sequence[int], Vectors, Vectors]  # one item's token ids, text vector [D], item vector [V]


class Encoder(Protocol):
    """The part of model.laser.Laser that answers requests; all of it is called from one thread."""

    @property
    def max_history(self) -> int: ...
    def tokenize_constraint(self, sentence: str) -> tuple[int, ...]: ...
    def encode_items(self, records: Sequence[Record]) -> EncodedItems: ...
    def encode_users(self, histories: Sequence[History]) -> Vectors: ...


class EncodeJob(NamedTuple):
    """One request: its history, newest last, and its sentence ("" for none)."""

    entries: tuple[Entry, ...]
    sentence: str


class EncodedUser(NamedTuple):
    """What the encoder made of a request, aligned with the part of the history it looked at."""

    vector: Vectors  # [V]
    entries: tuple[Entry, ...]  # the newest max_history
    history: Vectors  # item vectors of those entries [N, V]

    @property
    def rows(self) -> list[int]:
        """Rows of the entries that the catalogue has, oldest first: those with neighbours."""
        return [entry.row for entry in self.entries if entry.row is not None]


class UserEncoder:
    """Runs batches of EncodeJobs on one encoder and one bundle."""

    def __init__(self, encoder: Encoder, bundle: Bundle) -> None:
        self._encoder = encoder
        self._bundle = bundle

    def tokens(self, job: EncodeJob) -> int:
        """About how long the job's prompt will be; what the batcher pads to."""
        kept = job.entries[-self._encoder.max_history :]
        known = sum(len(self._bundle.token_ids[entry.row]) for entry in kept if entry.row is not None)
        characters = len(job.sentence) + sum(
            len(str(entry.record["title"])) for entry in kept if entry.record is not None
        )
        return FRAME_TOKENS + known + characters // CHARACTERS_PER_TOKEN

    def run(self, jobs: Sequence[EncodeJob]) -> list[EncodedUser]:
        """User vectors of a batch. Raises FloatingPointError if a vector is not finite."""
        kept = [job.entries[-self._encoder.max_history :] for job in jobs]
        records = [entry.record for entries in kept for entry in entries if entry.record is not None]
        titled = _rows(self._encoder.encode_items(records)) if records else iter(())
        histories, vectors = [], []
        for job, entries in zip(jobs, kept, strict=True):
            sentence = self._encoder.tokenize_constraint(job.sentence) if job.sentence else ()
            history, items = self._history(entries, sentence, titled)
            histories.append(history)
            vectors.append(items)
        users = self._encoder.encode_users(histories)  # [B, V]
        if not np.isfinite(users).all():
            raise FloatingPointError("the encoder returned a vector that is not finite")
        return [EncodedUser(*each) for each in zip(users, kept, vectors, strict=True)]

    def _history(
        self, entries: Sequence[Entry], sentence: tuple[int, ...], titled: Iterator[Row]
    ) -> tuple[History, Vectors]:
        """The History of one request, and its item vectors [N, V].

        Takes its titles from `titled`, in order.
        """
        bundle = self._bundle
        text_vectors = np.empty((len(entries), bundle.text_vectors.shape[1]), np.float32)
        vectors = np.empty((len(entries), bundle.vectors.shape[1]), np.float32)
        item_ids: list[str | None] = []
        token_ids: list[Sequence[int]] = []
        for n, entry in enumerate(entries):
            if entry.row is None:
                tokens, text_vectors[n], vectors[n] = next(titled)
                item_ids.append(None)
            else:
                tokens = bundle.token_ids[entry.row].tolist()
                text_vectors[n], vectors[n] = bundle.text_vectors[entry.row], bundle.vectors[entry.row]
                item_ids.append(bundle.catalogue.item_ids[entry.row])
            token_ids.append(tokens)
        return History(tuple(item_ids), tuple(token_ids), text_vectors, sentence), vectors


def _rows(items: EncodedItems) -> Iterator[Row]:
    return zip(items.token_ids, items.text_vectors, items.vectors, strict=True)
