"""One bundle, ready to answer: the catalogue, the encoder and the index of one version behind one object.

    resolve (history, filter, sentence) -> encode (encoder thread) -> search (search thread) -> respond

A request holds one Recommender from start to end, so no answer mixes versions. Exactly k items come back if k
are allowed, never a seen, excluded or filtered one.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from index.bundle import Bundle
from index.filters import Filter, FilterError, parse_filter
from index.item_index import ItemIndex
from service import VERSION, logs, schemas
from service.batcher import ClosedError, Done, MicroBatcher, QueueFullError
from service.constraints import Constraint, Phrase, Vocabulary, parse
from service.constraints.describe import describe
from service.constraints.meaning import Meanings
from service.encoding import EncodedUser, EncodeJob, Encoder, FrozenTexts, UserEncoder
from service.errors import ApiError, Code
from service.explain import Explainer
from service.history import NOTHING_STORED, Entry, ResolvedHistory, StoredHistory, resolve
from service.metrics import BatchMetrics, Metrics
from service.searching import Found, Searcher, SearchJob
from service.settings import Settings
from service.trace import Trace

SEARCH_BATCH = 32  # queries in one pass over the vectors
RANKED = 1000  # places looked through for an item's rank without the sentence

Job = TypeVar("Job")
Result = TypeVar("Result")


class Recommender:
    """Answers requests from one bundle. `warm_up` it before the first request, `close` it after the last."""

    def __init__(
        self,
        bundle: Bundle,
        encoder: Encoder,
        index: ItemIndex,
        settings: Settings,
        metrics: Metrics,
        texts: FrozenTexts | None = None,
    ) -> None:
        """`texts` reads phrases by their meaning; without it they enter the prompt as they are."""
        self.catalogue = bundle.catalogue
        self.metrics = metrics
        self.versions = schemas.Versions(
            bundle=bundle.manifest.bundle_id, catalogue=bundle.manifest.last_change, service=VERSION
        )
        self._bundle = bundle
        self._settings = settings
        self._mode = index.mode
        self._vocabulary = Vocabulary(bundle.catalogue, texts.words() if texts else ())
        meanings = Meanings(self._vocabulary, texts) if texts else None
        self._users = UserEncoder(encoder, bundle, meanings)
        self._explainer = Explainer(bundle)
        self._encoder: MicroBatcher[EncodeJob, EncodedUser] = MicroBatcher(
            "laser-encode",
            self._users.run,
            BatchMetrics("encode", metrics),
            budget=settings.batch_tokens,
            wait_seconds=settings.batch_wait_ms / 1000,
            max_queue=settings.max_queue,
        )
        self._searcher: MicroBatcher[SearchJob, Found] = MicroBatcher(
            "laser-search",
            Searcher(index, bundle, meanings, settings.steering).run,
            BatchMetrics("search", metrics),
            budget=SEARCH_BATCH,
            wait_seconds=0.0,
            max_queue=settings.max_queue,
        )

    async def recommend(
        self, request: schemas.RecommendRequest, trace: Trace, stored: StoredHistory = NOTHING_STORED
    ) -> schemas.RecommendResponse:
        """Answer POST /recommend; `stored` is what the request's user_id stands for. Raises ApiError."""
        with trace.stage("resolve"):
            schemas.check_limits(request, self._settings)
            constraint = parse(request.constraint, self._vocabulary)
            _check_not_empty(request, constraint, stored)
            history = resolve(request.history, self.catalogue, self._settings, stored.item_ids)
            conditions = self._conditions(request.filter)
            excluded = {item_id: self.catalogue.row(item_id) for item_id in request.exclude.item_ids}
            strict = request.constraint_mode == "strict"
        user = await self._encode(EncodeJob(history.entries, constraint, strict, request.explain), trace)
        seen = set(history.rows) if request.exclude.seen else set()
        forbidden = seen | {row for row in excluded.values() if row is not None}
        plain = SearchJob(user.vector, request.k, conditions, sorted(forbidden), user.rows)
        job = plain._replace(constraint=user.constraint, strict=strict)
        found = await self._search(job, trace, admitted=True)
        without: list[int] = []
        if request.explain and constraint.sentence:
            vector = user.vector if user.plain is None else user.plain
            without = (await self._search(plain._replace(vector=vector, k=RANKED), trace, admitted=True)).rows
        with trace.stage("respond"):
            answer = self._answer(request.k, found, trace, user if request.explain else None)
            if without:
                _add_effects(answer["items"], found.rows, without)
            return schemas.RecommendResponse(
                **answer,
                applied=schemas.Applied(
                    filter=request.filter or {},
                    constraint=describe(user.constraint, found.obeyed),
                    excluded_seen=len(seen),
                    stored_history=history.stored,
                ),
                unknown_items=self._unknown(history, excluded),
                degraded=self._degraded(request, history, stored),
            )

    async def similar(self, item_id: str, k: int, trace: Trace) -> schemas.SimilarResponse:
        """Answer GET /items/{item_id}/similar: nearest by the Laser embedding z alone, the item itself left out."""
        schemas.check_k(k, self._settings)
        row = self._row(item_id)
        # A vector is [z ; a*c], and c is weighted for users: with zeros in its place the score is cos(z, z).
        query = self._bundle.vectors[row].copy()  # [V]
        query[self._bundle.text_vectors.shape[1] :] = 0
        found = await self._search(SearchJob(query, k, None, [row]), trace, admitted=False)
        return schemas.SimilarResponse(**self._answer(k, found, trace, None))

    def item(self, item_id: str) -> schemas.ItemResponse:
        """Answer GET /items/{item_id}."""
        return schemas.ItemResponse(**self._described(self._row(item_id)), versions=self.versions)

    async def probe(self) -> None:
        """One real forward pass and one real search. Raises whatever goes wrong in them."""
        done = await asyncio.wrap_future(self._encoder.submit(self._probe_job()))
        await asyncio.wrap_future(
            self._searcher.submit(SearchJob(done.value.vector, 1, None, ()), admitted=True)
        )

    def warm_up(self, timeout: float = 300.0) -> None:
        """What `probe` does, before there is an event loop."""
        done = self._encoder.submit(self._probe_job()).result(timeout)
        self._searcher.submit(SearchJob(done.value.vector, 1, None, ())).result(timeout)

    @property
    def encoder_fingerprint(self) -> str:
        """Of the checkpoint that made the bundle's vectors."""
        return self._bundle.manifest.encoder_fingerprint

    @property
    def waiting(self) -> dict[str, int]:
        """Jobs in the queue of each stage."""
        return {"encode": self._encoder.waiting, "search": self._searcher.waiting}

    @property
    def last_success(self) -> float:
        """time.monotonic() of the last forward pass that worked."""
        return self._encoder.last_success

    def close(self, timeout: float = 10.0) -> None:
        """Finish what is queued and stop both threads."""
        self._encoder.close(timeout)
        self._searcher.close(timeout)

    async def _encode(self, job: EncodeJob, trace: Trace) -> EncodedUser:
        future = _submit(self._encoder, job, self._users.tokens(job), False)
        try:
            done = await asyncio.wrap_future(future)
        except ClosedError as error:
            raise _closing() from error
        except Exception as error:
            logs.event(logging.ERROR, "encoding failed", request_id=trace.request_id, **logs.describe(error))
            raise ApiError(
                Code.ENCODING_FAILED, "The encoder could not turn this request into a vector."
            ) from error
        trace.stages["wait"], trace.stages["encode"] = done.waited, done.ran
        return done.value

    async def _search(self, job: SearchJob, trace: Trace, *, admitted: bool) -> Found:
        with trace.stage("search"):
            try:
                return (await asyncio.wrap_future(_submit(self._searcher, job, 1, admitted))).value
            except ClosedError as error:
                raise _closing() from error

    def _conditions(self, conditions: dict[str, Any] | None) -> Filter | None:
        if not conditions:
            return None
        try:
            return parse_filter(conditions, self.catalogue.columns)
        except FilterError as error:
            raise ApiError(Code.INVALID_FILTER, f"{error}.", error.path) from error

    def _row(self, item_id: str) -> int:
        row = self.catalogue.row(item_id)
        if row is None:
            raise ApiError(Code.ITEM_NOT_FOUND, "The catalogue has no item with this id.", "item_id")
        return row

    def _described(self, row: int) -> dict[str, Any]:
        item_id, title = self.catalogue.item_ids[row], self.catalogue.title(row)
        return {"item_id": item_id, "title": title, "attributes": self.catalogue.attributes(row)}

    def _answer(self, k: int, found: Found, trace: Trace, explain: EncodedUser | None) -> dict[str, Any]:
        """The fields that every ranked answer has."""
        reasons = self._explainer.reasons(found.rows, explain) if explain else [[] for _ in found.rows]
        items = [
            schemas.RankedItem(**self._described(row), rank=rank, score=score, reasons=why)
            for rank, (row, score, why) in enumerate(zip(found.rows, found.scores, reasons, strict=True), 1)
        ]
        short = len(items) < k
        if short:
            self.metrics.shortfalls.inc()
        return {
            "request_id": trace.request_id,
            "items": items,
            "shortfall": schemas.Shortfall(requested=k, returned=len(items)) if short else None,
            "search": schemas.Search(mode=self._mode, allowed=found.allowed),
            "versions": self.versions,
        }

    def _unknown(self, history: ResolvedHistory, excluded: dict[str, int | None]) -> list[str]:
        unknown = dict.fromkeys(
            [*history.unknown, *(item_id for item_id, row in excluded.items() if row is None)]
        )
        self.metrics.unknown_items.inc(len(unknown))
        return list(unknown)

    def _degraded(
        self, request: schemas.RecommendRequest, history: ResolvedHistory, stored: StoredHistory
    ) -> list[schemas.Degradation]:
        """What the answer had to do without."""
        found: list[schemas.Degradation] = []
        if stored.away:
            found.append("store")
        elif request.user_id is not None and not stored.item_ids:
            found.append("user_history")
        if (request.history or stored.item_ids) and not history.entries:
            found.append("history")
        for what in found:
            self.metrics.degraded.labels(what).inc()
        return found

    def _probe_job(self) -> EncodeJob:
        return EncodeJob((Entry(0, 0, None),), Constraint(phrases=(Phrase("probe"),)))


def _add_effects(items: Sequence[schemas.RankedItem], rows: Sequence[int], without: Sequence[int]) -> None:
    """Give every item its place in the answer without the sentence."""
    places = {row: place for place, row in enumerate(without, 1)}
    for item, row in zip(items, rows, strict=True):
        item.sentence = schemas.SentenceEffect(rank=item.rank, rank_without=places.get(row))


def _check_not_empty(
    request: schemas.RecommendRequest, constraint: Constraint, stored: StoredHistory
) -> None:
    """A store that is away is no reason to refuse: the model has an answer for somebody it knows nothing of."""
    if request.history or constraint.sentence or stored.item_ids or stored.away:
        return
    if request.user_id is not None:
        detail = "Nothing is stored under this user_id, and the request brings no history."
        raise ApiError(Code.NO_STORED_HISTORY, detail, "user_id")
    detail = "At least one of history, user_id and constraint must say something."
    raise ApiError(Code.EMPTY_REQUEST, detail, "body")


def _submit(
    batcher: MicroBatcher[Job, Result], job: Job, tokens: int, admitted: bool
) -> "Future[Done[Result]]":
    """Queue a job, or say 429 or 503 at once."""
    try:
        return batcher.submit(job, tokens, admitted=admitted)
    except QueueFullError as full:
        raise ApiError(Code.OVERLOADED, "The queue is full.", retry_after=full.retry_after) from full
    except ClosedError as error:
        raise _closing() from error


def _closing() -> ApiError:
    return ApiError(Code.CLOSING, "This process takes no more requests.", retry_after=1)
