"""POST /recommend/batch: several requests in one, each answered on its own.

A request that is wrong, or that meets a full queue, fails alone with the problem that it would have got alone. All are
answered by one recommender, so a swap of bundles never divides a batch. As many go through encoder and search at a time
as fit in one search, so that a batch does not fill the queue before others. A rate limit counts each of them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any, cast

from fastapi import APIRouter, Body
from pydantic import ValidationError
from starlette.requests import Request

from service import examples, logs
from service.access.access import Access
from service.access.guard import CallerOf, needs
from service.access.scopes import Scope
from service.batch_schemas import BatchAnswer, BatchRequest, BatchResponse, check_batch
from service.dependencies import DeskOf, SettingsOf
from service.errors import ApiError, Code, from_validation, problem_fields
from service.routes import INVALID, TIMED, StrictRoute, problems, while_connected
from service.schemas import Problem, RecommendRequest, RecommendResponse
from service.stages import SEARCH_BATCH
from service.trace import Trace, trace_of

router = APIRouter(route_class=StrictRoute)

Answer = Callable[[RecommendRequest, Trace], Awaitable[RecommendResponse]]


@router.post(
    "/recommend/batch",
    summary="Recommend for several requests",
    dependencies=[needs(Scope.RECOMMEND)],
    responses=problems(*INVALID, Code.INVALID_JSON, Code.UNSUPPORTED_MEDIA_TYPE, *TIMED),
)
async def recommend_batch(
    http: Request,
    desk: DeskOf,
    settings: SettingsOf,
    caller: CallerOf,
    batch: Annotated[BatchRequest, Body(openapi_examples=examples.BATCH)],
) -> BatchResponse:
    """Answers in the order of the requests. The status is 200 also where some of them failed: look at each one's."""
    check_batch(batch, settings)
    cast(Access, http.app.state.access).owe(caller, len(batch.requests) - 1)
    trace = trace_of(http)
    with desk.answering() as answering, trace.stage("answers"):
        answers = await while_connected(http, answer_all(batch.requests, answering.answer, trace))
        for each in answers:
            answering.recommender.metrics.batched.labels(str(each.status)).inc()
    return BatchResponse(request_id=trace.request_id, answers=answers)


async def answer_all(bodies: list[Any], answer: Answer, trace: Trace) -> list[BatchAnswer]:
    """One answer for each body, in their order, whatever becomes of the others."""
    turn = asyncio.Semaphore(SEARCH_BATCH)

    async def one(place: int, body: Any) -> BatchAnswer:
        own = replace(trace, request_id=f"{trace.request_id}-{place}", stages={})
        async with turn:
            return await _answer_one(body, answer, own)

    return await asyncio.gather(*(one(place, body) for place, body in enumerate(bodies)))


async def _answer_one(body: Any, answer: Answer, trace: Trace) -> BatchAnswer:
    try:
        return BatchAnswer(status=200, answer=await answer(_read(body), trace))
    except ApiError as error:
        return _failed(error, trace)
    except Exception as error:
        logs.event(logging.ERROR, "request failed", request_id=trace.request_id, **logs.describe(error))
        detail = "This was not foreseen; it has been logged under the request_id."
        return _failed(ApiError(Code.INTERNAL, detail), trace)


def _read(body: Any) -> RecommendRequest:
    """The request, checked as POST /recommend checks its body. Raises ApiError (422)."""
    try:
        return RecommendRequest.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        raise from_validation([{**each, "loc": ("body", *each["loc"])} for each in found]) from error


def _failed(error: ApiError, trace: Trace) -> BatchAnswer:
    wait = (error.headers or {}).get("Retry-After")
    return BatchAnswer(
        status=error.status_code,
        problem=Problem(**problem_fields(error, trace.request_id)),
        retry_after=None if wait is None else int(wait),
    )
