"""An encoder whose failures can be arranged. Everything that can be had for real is real in these tests."""

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.vectors import EncodedItems, History
from service.history import Record


class FakeEncoder:
    """Answers with the mean of the history's text vectors, unless it is held or told to fail."""

    max_history = 8
    text_fields = ("title", "brand")
    on_cpu = False  # so that one thread encodes, and tests know what is in a batch

    def __init__(self, text_width: int, width: int) -> None:
        self._text_width, self._width = text_width, width
        self.users = 0  # histories encoded
        self.batches: list[int] = []
        self.broken = False
        self.broken_items = False
        self.not_finite = False
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def use_cores(self, cores: int) -> None:
        raise AssertionError("cores are the processor's")

    def attacher(self) -> None:
        """New items have no neighbours."""

    def prompt_tokens(self, items: Sequence[int], sentence: int = 0) -> int:
        return 10 + sum(items) + sentence

    def tokenize_constraint(self, sentence: str) -> tuple[int, ...]:
        if "poison" in sentence:
            raise ValueError(f"cannot read {sentence}")
        return tuple(sentence.encode())

    def encode_items(self, records: Sequence[Record]) -> EncodedItems:
        if self.broken_items:
            raise RuntimeError("the encoder is broken")
        text = np.ones((len(records), self._text_width), np.float32) / np.sqrt(self._text_width)
        vectors = np.zeros((len(records), self._width), np.float32)
        vectors[:, : self._text_width] = text
        return EncodedItems([[1, 2]] * len(records), text.astype(np.float32), vectors)

    def encode_users(self, histories: Sequence[History]) -> NDArray[np.float32]:
        self.entered.set()
        assert self.gate.wait(10)
        if self.broken:
            raise RuntimeError("the encoder is broken")
        self.users += len(histories)
        self.batches.append(len(histories))
        users = np.zeros((len(histories), self._width), np.float32)
        for user, history in zip(users, histories, strict=True):
            if len(history.text_vectors):
                user[: self._text_width] = history.text_vectors.mean(axis=0)
        if self.not_finite:
            users[0, 0] = np.nan
        return users
