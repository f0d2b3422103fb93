"""From a search to the k items of one page: those that earlier pages showed are passed over, diversity chooses.

    plain      search for k and as many more as were shown, drop the shown ones, keep k
    diversity  search for a pool of candidates, drop the shown ones, choose; while fewer than k are chosen and more are
               allowed, search for four times as many of those not looked at yet and not ruled out by a full cap

Neither shown items nor candidates are excluded from the search as a request excludes items: relative words of a
sentence ("cheap") are read among all that is allowed, and must mean the same on every page.

Letters: n rows, D width of z.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.columns import ColumnKind
from service.diversity import Chooser, Value, capped_values
from service.paging import Shown, unseen
from service.searching import Found, SearchJob
from service.selection_schemas import AppliedDiversity, Diversity
from service.snapshot import Snapshot

POOL_PER_ITEM, SMALLEST_POOL = 10, 100  # candidates of the first search
GROWTH = 4

Search = Callable[[SearchJob], Awaitable[Found]]


class Page(NamedTuple):
    """What one answer shows, best first."""

    found: Found  # rows and scores of the page; the rest as the search said
    short: Literal["allowed", "diversity"] | None  # why there are fewer than k
    more: bool  # a further page would show something
    candidates: int  # looked at


async def select(search: Search, job: SearchJob, shown: Shown, diversity: Diversity | None) -> Page:
    """The page of `job.k` items that comes after what was shown."""
    if diversity is None:
        return await _best(search, job, shown)
    return await _diverse(search, job, shown, diversity)


def applied(diversity: Diversity | None, page: Page) -> AppliedDiversity | None:
    """What the answer says of it."""
    if diversity is None:
        return None
    return AppliedDiversity(mmr=diversity.mmr, max_per=diversity.max_per, candidates=page.candidates)


async def _best(search: Search, job: SearchJob, shown: Shown) -> Page:
    found = await search(job._replace(k=job.k + len(shown)))
    fresh = _fresh(job.snapshot, found, shown)
    page = fresh[: job.k]
    return Page(
        _only(found, page),
        "allowed" if len(page) < job.k else None,
        len(fresh) > job.k or found.allowed > len(found.rows),
        len(fresh),
    )


async def _diverse(search: Search, job: SearchJob, shown: Shown, diversity: Diversity) -> Page:
    snapshot = job.snapshot
    chooser = Chooser(job.k, diversity, snapshot.text_width)
    passed = np.zeros(len(snapshot.catalogue), bool)  # [n]
    size = max(SMALLEST_POOL, POOL_PER_ITEM * job.k)
    rows: list[int] = []
    scores: list[float] = []
    found = first = await search(job._replace(k=size + len(shown)))
    while True:
        fresh = _only(found, _fresh(snapshot, found, shown))
        rows += fresh.rows
        scores += fresh.scores
        await asyncio.to_thread(_offer, chooser, snapshot, fresh, diversity)
        if not chooser.is_short or found.allowed <= len(found.rows):
            break
        passed[found.rows] = True
        _pass_full(passed, snapshot, chooser.full)
        size *= GROWTH
        found = await search(job._replace(k=size + len(shown), passed=passed.copy()))
    page = first._replace(
        rows=[rows[place] for place in chooser.places], scores=[scores[place] for place in chooser.places]
    )
    more = first.allowed > len(first.rows) or chooser.offered > len(page.rows)
    short: Literal["allowed", "diversity"] = "diversity" if more else "allowed"
    return Page(page, short if chooser.is_short else None, more, chooser.offered)


def _fresh(snapshot: Snapshot, found: Found, shown: Shown) -> list[int]:
    """Places among the rows found of those that no page has shown."""
    return unseen([snapshot.catalogue.item_ids[row] for row in found.rows], shown)


def _only(found: Found, places: list[int]) -> Found:
    return found._replace(
        rows=[found.rows[place] for place in places], scores=[found.scores[place] for place in places]
    )


def _offer(chooser: Chooser, snapshot: Snapshot, found: Found, diversity: Diversity) -> None:
    """Hand the candidates to the chooser, with what it looks at; off the event loop, for it may take milliseconds."""
    z = snapshot.z(found.rows)  # [P, D]
    catalogue, caps = snapshot.catalogue, diversity.max_per
    values: list[tuple[Value, ...]] = [()] * len(found.rows)
    if caps:
        values = [capped_values(catalogue.attributes(row), caps, catalogue.columns) for row in found.rows]
    chooser.offer(found.scores, z, values)


def _pass_full(passed: NDArray[np.bool_], snapshot: Snapshot, full: set[Value]) -> None:
    """Pass over the rows that carry a full value. Of a path only the last level counts, which `terms` do not know."""
    catalogue = snapshot.catalogue
    for name, value in full:
        kind = catalogue.columns[name].kind
        if kind is ColumnKind.NUMERIC:
            passed |= catalogue.numbers(name) == value
        elif kind is not ColumnKind.PATH:
            passed[catalogue.terms(name).rows_of(str(value))] = True
