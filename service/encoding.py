"""What runs on the encoder's threads: a batch of requests in, user vectors out. Nothing else ever calls Laser.

A thread computes itself, or has a process of its own compute (processes/); here the two look alike.

    phrases that no word matched -> their meanings (one call; none for those seen before)
    titles of all requests -> encode_items (one call)
    stored token ids and text vectors + those -> History -> encode_users (one call)

Letters: N history, D text width, V vector width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from model.attacher import Attacher
from model.vectors import EncodedItems, History
from service.constraints import Constraint
from service.constraints.meaning import Meanings
from service.constraints.overrides import override
from service.constraints.phrases import prompt_text, read_phrases, texts_of
from service.history import Entry, Record
from service.snapshot import Snapshot
from service.workers import Cores

CHARACTERS_PER_TOKEN = 4  # of text that is not yet tokenised

Vectors = NDArray[np.float32]
Row = tuple[Sequence[int], Vectors, Vectors]  # one item's token ids, text vector [D], item vector [V]


class Encoder(Cores, Protocol):
    """The part of model.laser.Laser that answers requests, on several threads at once."""

    @property
    def max_history(self) -> int: ...
    @property
    def text_fields(self) -> tuple[str, ...]: ...
    def attacher(self) -> Attacher | None: ...
    def prompt_tokens(self, items: Sequence[int], sentence: int = 0) -> int: ...
    def tokenize_constraint(self, sentence: str) -> tuple[int, ...]: ...
    def encode_items(self, records: Sequence[Record]) -> EncodedItems: ...
    def encode_users(self, histories: Sequence[History]) -> Vectors: ...


class EncodeJob(NamedTuple):
    """One request: its history, newest last, and its sentence, understood as far as words go."""

    snapshot: Snapshot  # whose rows the entries name
    entries: tuple[Entry, ...]
    constraint: Constraint = Constraint()
    strict: bool = True
    explain: bool = False  # also encode it without the sentence


class EncodedUser(NamedTuple):
    """What the encoder made of a request, aligned with the part of the history it looked at."""

    vector: Vectors  # [V]
    entries: tuple[Entry, ...]  # the newest max_history
    history: Vectors  # item vectors of those entries [N, V]
    constraint: Constraint = Constraint()  # its phrases settled
    plain: Vectors | None = None  # [V], without the sentence, where that was asked for and differs
    fast: bool = False  # made without the encoder (fast_path.py)

    @classmethod
    def nobody(cls, snapshot: Snapshot) -> "EncodedUser":
        """Somebody nothing is known of, not encoded."""
        width = snapshot.vectors.shape[1]
        return cls(np.zeros(width, np.float32), (), np.empty((0, width), np.float32))

    @property
    def rows(self) -> list[int]:
        """Rows of the entries that the catalogue has, oldest first: those with neighbours."""
        return [entry.row for entry in self.entries if entry.row is not None]


class UserEncoder:
    """Runs batches of EncodeJobs on one encoder, each job with the rows of its own snapshot."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._reading = Lock()  # phrases are remembered

    def tokens(self, job: EncodeJob) -> int:
        """How many tokens the job's prompt will have, text that is not yet tokenised by estimate."""
        items = [
            len(job.snapshot.token_ids[entry.row]) if entry.row is not None else _estimate(entry.record)
            for entry in job.entries[-self._encoder.max_history :]
        ]
        return self._encoder.prompt_tokens(items, len(job.constraint.sentence) // CHARACTERS_PER_TOKEN)

    def run(self, jobs: Sequence[EncodeJob]) -> list[EncodedUser]:
        """User vectors of a batch. Raises FloatingPointError if a vector is not finite."""
        kept = [job.entries[-self._encoder.max_history :] for job in jobs]
        records = [entry.record for entries in kept for entry in entries if entry.record is not None]
        titled = _rows(self._encoder.encode_items(records)) if records else iter(())
        with self._reading:
            constraints = _constraints(jobs)
        histories, vectors = [], []
        for job, entries, constraint in zip(jobs, kept, constraints, strict=True):
            sentence = self._encoder.tokenize_constraint(constraint.as_text) if constraint.as_text else ()
            history, items = _history(job.snapshot, entries, sentence, titled)
            histories.append(history)
            vectors.append(items)
        twice = [n for n, job in enumerate(jobs) if job.explain and histories[n].constraint]
        without = [histories[n]._replace(constraint=()) for n in twice]
        encoded = self._encoder.encode_users([*histories, *without])  # [B + twice, V]
        if not np.isfinite(encoded).all():
            raise FloatingPointError("the encoder returned a vector that is not finite")
        plain: list[Vectors | None] = [None] * len(jobs)
        # Copied: what is kept of one (user_cache.py) must not keep its whole batch. Here no event loop waits for it.
        for n, vector in zip(twice, encoded[len(jobs) :], strict=True):
            plain[n] = vector.copy()
        users = [vector.copy() for vector in encoded[: len(jobs)]]  # [V] each
        return [EncodedUser(*each) for each in zip(users, kept, vectors, constraints, plain, strict=True)]


def _estimate(record: Record | None) -> int:
    return 1 + sum(len(str(value)) for value in (record or {}).values()) // CHARACTERS_PER_TOKEN


def _constraints(jobs: Sequence[EncodeJob]) -> list[Constraint]:
    """The jobs' constraints with their phrases settled and the text that enters the prompt."""
    texts: dict[Meanings, list[str]] = {}
    for job in jobs:
        if job.snapshot.meanings is not None:
            texts.setdefault(job.snapshot.meanings, []).extend(texts_of(job.constraint))
    for meanings, phrases in texts.items():
        meanings.prepare(phrases)
    settled = [override(read_phrases(job.constraint, job.snapshot.meanings)) for job in jobs]
    return [
        replace(constraint, as_text=prompt_text(constraint, job.strict, not job.entries))
        for constraint, job in zip(settled, jobs, strict=True)
    ]


def _history(
    snapshot: Snapshot, entries: Sequence[Entry], sentence: tuple[int, ...], titled: Iterator[Row]
) -> tuple[History, Vectors]:
    """The History of one request, and its item vectors [N, V].

    Takes its titles from `titled`, in order.
    """
    text_vectors = np.empty((len(entries), snapshot.text_width), np.float32)
    vectors = np.empty((len(entries), snapshot.vectors.shape[1]), np.float32)
    item_ids: list[str | None] = []
    token_ids: list[Sequence[int]] = []
    for n, entry in enumerate(entries):
        if entry.row is None:
            tokens, text_vectors[n], vectors[n] = next(titled)
            item_ids.append(None)
        else:
            tokens = snapshot.token_ids[entry.row].tolist()
            text_vectors[n], vectors[n] = snapshot.text_vectors[entry.row], snapshot.vectors[entry.row]
            item_ids.append(snapshot.catalogue.item_ids[entry.row])
        token_ids.append(tokens)
    return History(tuple(item_ids), tuple(token_ids), text_vectors, sentence), vectors


def _rows(items: EncodedItems) -> Iterator[Row]:
    return zip(items.token_ids, items.text_vectors, items.vectors, strict=True)
