"""One bundle, ready to answer: the catalogue, the encoder and the index of one version behind one object.

    resolve (history, filter, sentence) -> encode (encoder thread) -> search (search thread) -> respond

A request holds one Recommender from start to end and reads its snapshot once, so no answer mixes versions. Exactly k
items come back if k are allowed, never a seen, excluded or filtered one.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from index.bundle import Bundle
from index.catalog import Catalogue
from index.filter_cache import FilterCache
from index.filters import Filter, FilterError, parse_filter
from index.item_index import ItemIndex
from service import VERSION, schemas
from service.catalogue_changes import CatalogueChanges
from service.constraint_parts import overrides_of
from service.constraints import Vocabulary, parse
from service.constraints.describe import describe
from service.constraints.meaning import Meanings
from service.described import described, row_of
from service.diversity import check_caps
from service.encoding import EncodedUser, EncodeJob, Encoder
from service.errors import ApiError, Code
from service.explain import Explainer
from service.frozen_texts import TextReader
from service.history import NOTHING_STORED, Record, ResolvedHistory, StoredHistory, resolve
from service.joining import Joining
from service.metrics import Metrics
from service.outcomes import count_answer
from service.paging import Shown, read_cursor, write_cursor
from service.popularity import MODE, answers_popular
from service.searching import Searcher, SearchJob
from service.selecting import Page, applied, select
from service.settings import Settings
from service.snapshot import Snapshot
from service.stages import Stages
from service.store.changes import LoggedChange
from service.trace import Trace

RANKED = 1000  # places looked through for an item's rank without the sentence


class Recommender:
    """Answers requests from one bundle. `warm_up` it before the first request, `close` it after the last."""

    def __init__(
        self,
        bundle: Bundle,
        encoder: Encoder,
        index: ItemIndex,
        settings: Settings,
        metrics: Metrics,
        texts: TextReader | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        """`texts` reads phrases by their meaning; without it they enter the prompt as they are.

        `release` gives up what the encoder computes in, once it is asked nothing any more.
        """
        self.metrics = metrics
        self.encoder = encoder
        self.texts = texts
        self._release = release
        self._manifest = bundle.manifest
        self._settings = settings
        vocabulary = Vocabulary(bundle.catalogue, texts.words() if texts else ())
        meanings = Meanings(vocabulary, texts) if texts else None
        self.snapshot = Snapshot.of(bundle, index, vocabulary, meanings)
        filters = FilterCache(bundle.catalogue, int(settings.filter_cache_mb * 2**20), metrics.filter_seen)
        self._stages = Stages(encoder, Searcher(settings.steering, filters), settings, metrics)
        changes = CatalogueChanges(self.snapshot, bundle.neighbours, encoder.attacher(), encoder.text_fields)
        self._joining = Joining(changes, self._stages)
        self.started = False  # it has every change since its bundle that the log had when it started

    async def recommend(
        self, request: schemas.RecommendRequest, trace: Trace, stored: StoredHistory = NOTHING_STORED
    ) -> schemas.RecommendResponse:
        """Answer POST /recommend; `stored` is what the request's user_id stands for. Raises ApiError."""
        snapshot = self.snapshot
        with trace.stage("resolve"):
            schemas.check_limits(request, self._settings)
            constraint = parse(request.constraint, snapshot.vocabulary)
            constraint = replace(
                constraint, overrides=overrides_of(request.constraint_parts, constraint.sentence)
            )
            shown = read_cursor(request, self._settings.max_paged)
            check_caps(request.diversity, snapshot.catalogue.columns)
            popular = answers_popular(request, constraint, stored, snapshot, self._settings)
            history = resolve(request.history, snapshot.catalogue, self._settings, stored.item_ids)
            conditions = _conditions(request.filter, snapshot)
            excluded = {item_id: snapshot.catalogue.row(item_id) for item_id in request.exclude.item_ids}
            strict = request.constraint_mode == "strict"
        user = EncodedUser.nobody(snapshot)
        if not popular:
            encode = EncodeJob(snapshot, history.entries, constraint, strict, request.explain)
            user = await self._stages.encode(encode, trace)
        seen = set(history.rows) if request.exclude.seen else set()
        forbidden = seen | {row for row in excluded.values() if row is not None}
        plain = SearchJob(snapshot, user.vector, request.k, conditions, sorted(forbidden), user.rows)
        job = plain._replace(constraint=user.constraint, strict=strict, popular=popular)
        search = partial(self._stages.search, trace=trace, admitted=not popular)
        page = await select(search, job, shown, request.diversity)
        without: list[int] = []
        if request.explain and constraint.sentence:
            vector = user.vector if user.plain is None else user.plain
            without = (await search(plain._replace(vector=vector, k=RANKED))).rows
        with trace.stage("respond"):
            explain = user if request.explain and page.found.mode != MODE else None
            answer = self._answer(snapshot, request.k, page, trace, explain, len(shown))
            if without:
                _add_effects(answer["items"], page.found.rows, without)
            response = schemas.RecommendResponse(
                **answer,
                applied=schemas.Applied(
                    filter=request.filter or {},
                    constraint=describe(user.constraint, page.found.obeyed),
                    excluded_seen=len(seen),
                    stored_history=history.stored,
                    diversity=applied(request.diversity, page),
                ),
                unknown_items=_unknown(history, excluded),
                degraded=self._degraded(request, history, stored, user, page.found.mode == MODE),
                cursor=self._cursor(request, shown, page, answer["items"]),
            )
            count_answer(self.metrics, request, response, snapshot.z(page.found.rows))
        return response

    async def similar(self, item_id: str, k: int, trace: Trace) -> schemas.SimilarResponse:
        """Answer GET /items/{item_id}/similar: nearest by z alone, seen from the mean item; itself left out."""
        schemas.check_k(k, self._settings)
        snapshot = self.snapshot
        row = row_of(snapshot, item_id)
        # A vector is [z ; a*c], and c is weighted for users: with zeros in its place z alone counts.
        query = snapshot.vectors[row].copy()  # [V]
        query[: snapshot.text_width] -= snapshot.centre
        query[snapshot.text_width :] = 0
        search = partial(self._stages.search, trace=trace, admitted=False)
        page = await select(search, SearchJob(snapshot, query, k, None, [row]), (), None)
        return schemas.SimilarResponse(**self._answer(snapshot, k, page, trace, None))

    def item(self, item_id: str) -> schemas.ItemResponse:
        """Answer GET /items/{item_id}."""
        snapshot = self.snapshot
        row = row_of(snapshot, item_id)
        return schemas.ItemResponse(**described(snapshot, row), versions=self._versions(snapshot))

    async def prepare(self, records: Sequence[Record]) -> None:
        """Encode items that will be put. Raises ApiError (429, 503), and whatever went wrong in the encoder."""
        await self._joining.prepare(self.snapshot, records)

    async def apply(self, changes: Sequence[LoggedChange], last: int) -> None:
        """Answer with these changes from now on; `last` is the number of the last one. One call at a time."""
        self.snapshot = await self._joining.apply(self.snapshot, changes, last)

    @property
    def bundle_change(self) -> int:
        """The last change that the bundle itself contains."""
        return self._manifest.last_change

    def coming(self, trace: Trace) -> AbstractContextManager[None]:
        """While a request is answered that may need the encoder; ApiError (429) where it shall be refused unread."""
        return self._stages.coming(trace)

    async def probe(self) -> None:
        """One real forward pass and one real search. Raises whatever goes wrong in them."""
        await self._stages.probe(self.snapshot)

    def warm_up(self, timeout: float = 300.0) -> None:
        """What `probe` does, before there is an event loop."""
        self._stages.warm_up(self.snapshot, timeout)

    @property
    def catalogue(self) -> Catalogue:
        """The items as they are now."""
        return self.snapshot.catalogue

    @property
    def versions(self) -> schemas.Versions:
        """What answers now."""
        return self._versions(self.snapshot)

    @property
    def encoder_fingerprint(self) -> str:
        """Of the checkpoint that made the bundle's vectors."""
        return self._manifest.encoder_fingerprint

    @property
    def waiting(self) -> dict[str, int]:
        """Jobs in the queue of each stage."""
        return self._stages.waiting

    @property
    def last_success(self) -> float:
        """time.monotonic() of the last forward pass that worked."""
        return self._stages.last_success

    @property
    def cache_bytes(self) -> int:
        """Size of the embeddings kept of requests."""
        return self._stages.cache.nbytes

    def forget_users(self) -> None:
        """Drop the embeddings kept of requests; what is being encoded now is not kept either."""
        self._stages.cache.clear()

    def close(self, timeout: float = 10.0) -> None:
        """Finish what is queued and stop the stages' threads."""
        self._stages.close(timeout)
        if self._release is not None:
            self._release()

    def _answer(
        self,
        snapshot: Snapshot,
        k: int,
        page: Page,
        trace: Trace,
        explain: EncodedUser | None,
        before: int = 0,
    ) -> dict[str, Any]:
        """The fields that every ranked answer has; `before` items were on earlier pages."""
        rows, scores = page.found.rows, page.found.scores
        items = [
            schemas.RankedItem(**described(snapshot, row), rank=rank, score=score)
            for rank, (row, score) in enumerate(zip(rows, scores, strict=True), before + 1)
        ]
        if explain:
            for item, why in zip(items, Explainer(snapshot).explain(rows, scores, explain), strict=True):
                item.reasons, item.parts = why
        shortfall = None
        if page.short:
            self.metrics.shortfalls.labels(page.short).inc()
            shortfall = schemas.Shortfall(requested=k, returned=len(items), reason=page.short)
        return {
            "request_id": trace.request_id,
            "items": items,
            "shortfall": shortfall,
            "search": schemas.Search(mode=page.found.mode, allowed=page.found.allowed),
            "versions": self._versions(snapshot),
        }

    def _cursor(
        self, request: schemas.RecommendRequest, shown: Shown, page: Page, items: Sequence[schemas.RankedItem]
    ) -> str | None:
        """To the next page, where it would show something and may."""
        if not page.more or len(shown) + len(items) > self._settings.max_paged:
            return None
        return write_cursor(request, shown, [item.item_id for item in items])

    def _versions(self, snapshot: Snapshot) -> schemas.Versions:
        return schemas.Versions(bundle=self._manifest.bundle_id, catalogue=snapshot.change, service=VERSION)

    def _degraded(
        self,
        request: schemas.RecommendRequest,
        history: ResolvedHistory,
        stored: StoredHistory,
        user: EncodedUser,
        popular: bool,
    ) -> list[schemas.Degradation]:
        """What the answer had to do without."""
        found: list[schemas.Degradation] = []
        if stored.away:
            found.append("store")
        elif request.user_id is not None and not stored.item_ids:
            found.append("user_history")
        if (request.history or stored.item_ids) and not history.entries:
            found.append("history")
        if user.fast:
            found.append("encoder")
        if popular:
            found.append("popularity")
        return found


def _conditions(conditions: dict[str, Any] | None, snapshot: Snapshot) -> Filter | None:
    if not conditions:
        return None
    try:
        return parse_filter(conditions, snapshot.catalogue.columns)
    except FilterError as error:
        raise ApiError(Code.INVALID_FILTER, f"{error}.", error.path) from error


def _unknown(history: ResolvedHistory, excluded: dict[str, int | None]) -> list[str]:
    away = (item_id for item_id, row in excluded.items() if row is None)
    return list(dict.fromkeys([*history.unknown, *away]))


def _add_effects(items: Sequence[schemas.RankedItem], rows: Sequence[int], without: Sequence[int]) -> None:
    """Give every item its place in the answer without the sentence."""
    places = {row: place for place, row in enumerate(without, 1)}
    for item, row in zip(items, rows, strict=True):
        item.sentence = schemas.SentenceEffect(rank=item.rank, rank_without=places.get(row))
