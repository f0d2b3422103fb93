"""The addresses: each a few lines that hand a checked request to the recommender.

Every route says who may ask (`needs`, `everybody`), and is asked about before the body is read. Bodies are read by
`strict_json`. While an answer is made its client's connection is watched: a request that
nobody waits for any more is cancelled, and so never reaches the encoder.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Path, Query, params
from fastapi.responses import PlainTextResponse, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request

from service import examples, strict_json
from service.access.callers import NOBODY
from service.access.guard import SECURITY, CallerOf, Needs, everybody, guards, needs
from service.access.scopes import Scope
from service.deadline import timed
from service.dependencies import DeskOf, ItemsOf, Loaded, ReadinessOf, UsersOf
from service.errors import KINDS, MEDIA_TYPE, ApiError, Code, too_late
from service.paths import reach_every_id
from service.schemas import (
    ItemResponse,
    Problem,
    ReadyResponse,
    RecommendRequest,
    RecommendResponse,
    SimilarQuery,
    SimilarResponse,
)
from service.trace import trace_of

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Result = TypeVar("Result")


class StrictRequest(Request):
    """A request whose JSON is read strictly."""

    async def json(self) -> Any:
        """The parsed body. Raises ApiError (422)."""
        return strict_json.loads(await self.body())


class StrictRoute(APIRoute):
    """Gives its endpoint a StrictRequest and insists on JSON, which a foreign page's form cannot send.

    Who may not ask is refused before a byte of the body is read, by the guards among the dependencies.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        dependencies: Sequence[params.Depends],
        **options: Any,
    ) -> None:
        self.guards = guards(dependencies)
        others = [each for each in dependencies if each.dependency not in self.guards]
        if any(isinstance(guard, Needs) for guard in self.guards):
            options["openapi_extra"] = {"security": SECURITY}
        super().__init__(path, endpoint, dependencies=others, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with another class of request."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            for guard in self.guards:
                guard.admit(request)
            strict = StrictRequest(request.scope, request.receive)
            if self.body_field is not None:
                await _check_body(strict)
            return await answer(strict)

        return handle


def problems(*codes: Code, guarded: bool = True) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's entries for errors: the given ones and those any request can get, `guarded` also without a right."""
    access = (Code.KEY_MISSING, Code.KEY_INVALID, Code.SCOPE_MISSING, Code.RATE_LIMITED) if guarded else ()
    every = (*access, Code.HOST_NOT_ALLOWED, Code.BODY_TOO_LARGE, Code.INTERNAL, *codes)
    statuses = sorted({KINDS[code].status for code in every})
    titles = {status: [KINDS[code] for code in every if KINDS[code].status == status] for status in statuses}
    return {
        status: {
            "model": Problem,
            "description": "; ".join(kind.title for kind in kinds),
            "content": {
                MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": examples.PROBLEM}
            },
        }
        for status, kinds in titles.items()
    }


INVALID = (Code.INVALID_FIELD, Code.UNKNOWN_FIELD, Code.LIMIT_EXCEEDED)
BUSY = (Code.OVERLOADED, Code.CLOSING)
TIMED = (*BUSY, Code.DEADLINE_EXCEEDED)

reach_every_id()
router = APIRouter(route_class=StrictRoute)


@router.post(
    "/recommend",
    summary="Recommend k items",
    dependencies=[needs(Scope.RECOMMEND)],
    responses=problems(
        *INVALID,
        *(
            Code.INVALID_JSON,
            Code.INVALID_FILTER,
            Code.UNKNOWN_ATTRIBUTE,
            Code.EMPTY_REQUEST,
            Code.NO_STORED_HISTORY,
        ),
        *(Code.UNSUPPORTED_MEDIA_TYPE, *TIMED),
    ),
)
async def recommend(
    http: Request,
    desk: DeskOf,
    request: Annotated[RecommendRequest, Body(openapi_examples=examples.RECOMMEND)],
) -> RecommendResponse:
    """The k best items for a history and a sentence: allowed by `filter`, not excluded, not seen.

    If fewer than k items are allowed, all of them come back and `shortfall` says so.
    """
    trace = trace_of(http)
    trace.note("parse", trace.started, trace.elapsed())
    with desk.answering() as answering:
        return await while_connected(http, answering.answer(request, trace))


ItemIdPath = Annotated[str, Path(max_length=512, description="may hold slashes", examples=["alien-1979"])]


@router.get(
    "/items/{item_id:path}/similar",
    summary="Items like this one",
    dependencies=[needs(Scope.RECOMMEND), timed()],
    responses=problems(*INVALID, Code.ITEM_NOT_FOUND, *TIMED),
)
async def similar(
    http: Request, recommender: Loaded, item_id: ItemIdPath, query: Annotated[SimilarQuery, Query()]
) -> SimilarResponse:
    """The k items nearest to an item by their Laser embeddings, seen from the mean of all; the score orders them."""
    return await while_connected(http, recommender.similar(item_id, query.k, trace_of(http)))


@router.get(
    "/items/{item_id:path}",
    summary="One item",
    dependencies=[needs(Scope.RECOMMEND)],
    responses=problems(Code.LIMIT_EXCEEDED, Code.ITEM_NOT_FOUND),
)
async def item(recommender: Loaded, item_id: ItemIdPath) -> ItemResponse:
    """What the catalogue knows about an item."""
    return recommender.item(item_id)


@router.get("/healthz", summary="Alive", dependencies=[everybody()], responses=problems(guarded=False))
async def healthz() -> dict[str, str]:
    """The process answers. Says nothing about the encoder: restart on this one, route on /readyz."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="Ready",
    dependencies=[everybody()],
    responses=problems(Code.NOT_READY, guarded=False),
)
async def readyz(
    http: Request,
    recommender: Loaded,
    users: UsersOf,
    readiness: ReadinessOf,
    live: ItemsOf,
    caller: CallerOf,
) -> ReadyResponse:
    """A request can be answered: a real forward pass and a real search worked within the last moment.

    A store that is away, or that could lose what it acknowledges, is a warning: requests with a history are answered.
    Where keys are on, who brings none learns no more than yes or no.
    """
    if http.app.state.closing:
        recommender.metrics.ready.set(0)
        raise ApiError(Code.CLOSING, "This process is draining.", retry_after=1)
    reason = await readiness.reason() or live.reason
    recommender.metrics.ready.set(reason is None)
    if reason is not None:
        detail = "No." if caller is NOBODY else reason
        raise ApiError(Code.NOT_READY, detail, retry_after=1)
    if caller is NOBODY:
        return ReadyResponse()
    return ReadyResponse(
        bundle=recommender.versions.bundle,
        catalogue=recommender.versions.catalogue,
        last_change=max(live.last, recommender.versions.catalogue),
        warnings=await users.warnings(),
    )


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    dependencies=[needs(Scope.METRICS, Scope.ADMIN)],
    response_class=PlainTextResponse,
    responses=problems(),
)
async def metrics(recommender: Loaded) -> Response:
    """Counters and timings in Prometheus' text format."""
    text = await asyncio.to_thread(recommender.metrics.render)  # it goes through the pages of all processes
    return Response(text, media_type=METRICS_TYPE)


async def while_connected(request: Request, answer: Coroutine[Any, Any, Result]) -> Result:
    """Await the answer; cancel it and raise ApiError if the client closes the connection first (499) or the deadline
    passes (504)."""
    task = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(_disconnected(request))
    left = trace_of(request).deadline - time.monotonic()
    try:
        await asyncio.wait(
            {task, gone}, timeout=left if left < math.inf else None, return_when=asyncio.FIRST_COMPLETED
        )
        if task.done():
            return task.result()
        raise _gone() if gone.done() else too_late()
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    receive: Callable[[], Awaitable[Any]] = request.receive
    while (await receive())["type"] != "http.disconnect":
        pass


async def _check_body(request: Request) -> None:
    """Read the body. Raises ApiError if it is not declared as JSON, or breaks off."""
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise _gone() from error
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (
        body
        and kind != "application/json"
        and not (kind.startswith("application/") and kind.endswith("+json"))
    ):
        raise ApiError(
            Code.UNSUPPORTED_MEDIA_TYPE, "The Content-Type is not application/json.", "Content-Type"
        )


def _gone() -> ApiError:
    return ApiError(Code.CLIENT_GONE, "Nobody waits for the answer.")
