"""What the fast path costs: NDCG@10 of what users took next, with the encoder and without it, searched as served."""

from collections.abc import Iterator, Sequence
from itertools import islice
from math import log2
from typing import NamedTuple

from benchmarks.service_bench.requests import Asked
from index.bundle import Bundle
from index.item_index import open_index
from model.laser import Laser
from service.constraints import Vocabulary
from service.encoding import EncodedUser, EncodeJob, UserEncoder
from service.fast_path import fast_user
from service.history import Entry
from service.searching import Searcher, SearchJob
from service.snapshot import Snapshot

K = 10
TOGETHER = 32


class Ndcg(NamedTuple):
    """Means over the same users."""

    encoded: float
    fast: float

    @property
    def loss(self) -> float:
        """Share of the encoder's NDCG that the fast path loses."""
        return 1 - self.fast / self.encoded


def ndcg_of(bundle: Bundle, laser: Laser, asked: Asked) -> Ndcg:
    """NDCG@10 of both, over all users asked about; what a user has seen is not returned."""
    snapshot = Snapshot.of(bundle, open_index(bundle.vectors, "cpu"), Vocabulary(bundle.catalogue))
    encoder, searcher = UserEncoder(laser), Searcher(0.0)
    gains: tuple[list[float], list[float]] = ([], [])
    for histories, targets in zip(_parts(asked.histories), _parts(asked.targets), strict=True):
        jobs = [
            EncodeJob(snapshot, tuple(Entry(None, row, None) for row in history)) for history in histories
        ]
        fast = [fast_user(job, laser.max_history) for job in jobs]
        assert None not in fast, "every user of the test split has a history"
        for users, found in zip((encoder.run(jobs), [user for user in fast if user]), gains, strict=True):
            found += _gains(snapshot, searcher, users, histories, targets)
    return Ndcg(*(sum(found) / len(found) for found in gains))


def _gains(
    snapshot: Snapshot,
    searcher: Searcher,
    users: Sequence[EncodedUser],
    histories: Sequence[Sequence[int]],
    targets: Sequence[int],
) -> list[float]:
    searches = [
        SearchJob(snapshot, user.vector, K, None, sorted(set(history)), user.rows)
        for user, history in zip(users, histories, strict=True)
    ]
    ranked = (found.rows for found in searcher.run(searches))
    return [
        1 / log2(rows.index(target) + 2) if target in rows else 0.0
        for rows, target in zip(ranked, targets, strict=True)
    ]


def _parts(things: Sequence[object]) -> Iterator[list]:  # type: ignore[type-arg]
    rest = iter(things)
    while part := list(islice(rest, TOGETHER)):
        yield part
