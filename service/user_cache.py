"""User embeddings that were made before: the same history and sentence need no second pass of the encoder.

A key is a hash of all that an embedding depends on within one bundle: the rows of the history that the encoder looks
at, what things outside of the catalogue say of themselves, and the sentence as it was understood, with the catalogue
change it was understood by. A row is an item and a version of its text at once, because a changed item gets a new row
(snapshot.py). The k, filter and exclusions of a request come later and are no part of it. One bundle has one cache, so
nothing outlives a swap.

Keys hold no text and no user id. An entry made from a sentence holds what was understood of it, so `clear` is called
when a user is deleted. Least recently used goes first when the bytes are spent.
"""

import hashlib
import threading
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from service.constraints import Constraint
from service.encoding import EncodedUser, EncodeJob

KEY_BYTES = 16
ENTRY_BYTES = 600  # about what an entry takes besides its arrays
CONSTRAINT_BYTES = 4096  # about what an understood sentence takes, more than once its length

Vectors = NDArray[np.float32]


class Kept(NamedTuple):
    """What is remembered of a user: all of EncodedUser but the entries, which each request brings."""

    vector: Vectors  # [V]
    constraint: Constraint
    plain: Vectors | None  # [V]
    history: Vectors | None  # [N, V], for requests that are explained

    @property
    def nbytes(self) -> int:
        """About how much memory the entry takes."""
        arrays = sum(array.nbytes for array in (self.vector, self.plain, self.history) if array is not None)
        return ENTRY_BYTES + arrays + (CONSTRAINT_BYTES if self.constraint.sentence else 0)


class UserCache:
    """At most so many bytes of embeddings. All methods from any thread; 0 bytes keep nothing."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._entries: OrderedDict[bytes, Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._nbytes = 0
        self._age = 0

    @property
    def nbytes(self) -> int:
        """Bytes of all entries."""
        return self._nbytes

    @property
    def age(self) -> int:
        """How often it was cleared; `put` takes it, so that what was begun before a `clear` stays out."""
        return self._age

    def get(self, key: bytes) -> Kept | None:
        """What is kept under a key, which is the most recent now."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: bytes, kept: Kept, age: int) -> None:
        """Keep an embedding that was asked for when the cache had this age; one larger than the cache is not kept."""
        if kept.nbytes > self._most_bytes:
            return
        with self._lock:
            if age != self._age:
                return
            old = self._entries.pop(key, None)
            self._nbytes += kept.nbytes - (old.nbytes if old else 0)
            self._entries[key] = kept
            while self._nbytes > self._most_bytes:
                _, gone = self._entries.popitem(last=False)
                self._nbytes -= gone.nbytes

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()
            self._nbytes = 0
            self._age += 1


def key_of(job: EncodeJob, max_history: int) -> bytes:
    """A hash of everything the job's user embedding depends on, the bundle aside."""
    kept = job.entries[-max_history:]
    content: list[object] = [[entry.record if entry.row is None else entry.row for entry in kept]]
    if job.constraint.sentence:
        content += [repr(job.constraint), job.strict, job.explain, job.snapshot.change]
    elif job.explain:
        content += [True]
    packed = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(packed, digest_size=KEY_BYTES).digest()


def kept_of(job: EncodeJob, user: EncodedUser) -> Kept:
    """What to keep of an encoded user."""
    return Kept(user.vector, user.constraint, user.plain, user.history if job.explain else None)


def user_of(job: EncodeJob, kept: Kept, max_history: int) -> EncodedUser:
    """The user of a request, from what was kept of an equal one."""
    width = len(kept.vector)
    history = np.empty((0, width), np.float32) if kept.history is None else kept.history  # only explained
    return EncodedUser(kept.vector, job.entries[-max_history:], history, kept.constraint, kept.plain)
