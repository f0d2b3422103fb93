"""POST /admin/bundles/{bundle_id}/recommend: the same request, answered by another bundle.

For keys with the scope `admin`, because it can take the memory of a second bundle. The body must be JSON, which no
foreign page's form can send.
"""

import time
from typing import Annotated

from fastapi import APIRouter, Body
from starlette.requests import Request

from service import examples
from service.access.guard import needs
from service.access.scopes import Scope
from service.admin import BundleIdPath
from service.deadline import timed
from service.dependencies import ComparisonOf, UsersOf
from service.errors import Code
from service.routes import INVALID, TIMED, StrictRoute, problems, while_connected
from service.schemas import RecommendRequest, RecommendResponse
from service.trace import trace_of

router = APIRouter(prefix="/admin/bundles", route_class=StrictRoute, dependencies=[needs(Scope.ADMIN)])

MALFORMED = (Code.INVALID_JSON, Code.INVALID_FILTER, Code.UNKNOWN_ATTRIBUTE, Code.UNSUPPORTED_MEDIA_TYPE)
EMPTY = (Code.EMPTY_REQUEST, Code.NO_STORED_HISTORY)
NOT_LOADED = (Code.BUNDLE_NOT_FOUND, Code.BUNDLE_REFUSED, Code.BUNDLE_LOADING, Code.MEMORY_MISSING)


@router.post(
    "/{bundle_id}/recommend",
    summary="Recommend from another bundle",
    dependencies=[timed()],
    responses=problems(*INVALID, *MALFORMED, *EMPTY, *NOT_LOADED, Code.STORE_UNAVAILABLE, *TIMED),
)
async def recommend_from(
    http: Request,
    bundle_id: BundleIdPath,
    comparison: ComparisonOf,
    users: UsersOf,
    request: Annotated[RecommendRequest, Body(openapi_examples=examples.RECOMMEND)],
) -> RecommendResponse:
    """What POST /recommend would answer if this bundle were in service, which it need not be.

    The first request loads it, and is told to come again where that takes more than a moment. One such bundle is kept
    in memory for some minutes.
    """
    trace = trace_of(http)

    async def answer() -> RecommendResponse:
        stored = await users.stored_history(request.user_id, trace)
        began = time.perf_counter()
        async with comparison.lease(bundle_id) as recommender:
            trace.note("load", began, time.perf_counter() - began)
            return await recommender.recommend(request, trace, stored)

    return await while_connected(http, answer())
