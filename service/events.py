"""The addresses for users and their events: what is stored here is the history that `user_id` stands for.

Item ids that the catalogue does not have are taken and named: events often arrive before the item they are about, and a
refusal would lose them.
"""

from typing import Annotated

from fastapi import APIRouter, Body, Path
from starlette.requests import Request

from service import examples
from service.access.guard import needs
from service.access.scopes import Scope
from service.dependencies import Loaded, SettingsOf, UsersOf
from service.errors import ApiError, Code
from service.event_schemas import (
    EventsRequest,
    EventsResponse,
    UserDeleted,
    UserEvent,
    UserResponse,
    check_events,
)
from service.routes import BUSY, INVALID, StrictRoute, problems
from service.trace import trace_of

router = APIRouter(route_class=StrictRoute, dependencies=[needs(Scope.WRITE)])


UserIdPath = Annotated[
    str, Path(min_length=1, max_length=512, description="may hold slashes", examples=["u-7"])
]


@router.post(
    "/events",
    summary="Store events of users",
    responses=problems(
        *INVALID, *(Code.INVALID_JSON, Code.UNSUPPORTED_MEDIA_TYPE, Code.STORE_UNAVAILABLE), *BUSY
    ),
)
async def events(
    http: Request,
    recommender: Loaded,
    users: UsersOf,
    settings: SettingsOf,
    request: Annotated[EventsRequest, Body(openapi_examples=examples.EVENTS)],
) -> EventsResponse:
    """Take one event, or a batch of them. Answers 200 when they are on disk, and counts them from the next request on.

    Events are idempotent by `event_id`: after any error, send them again. The newest of a user are kept.
    """
    arrived = check_events(request, settings)
    with trace_of(http).stage("store"):
        outcomes = await users.append(arrived)
    unknown = dict.fromkeys(e.item_id for e in arrived if recommender.catalogue.row(e.item_id) is None)
    return EventsResponse(
        request_id=trace_of(http).request_id, outcomes=outcomes, unknown_items=list(unknown)
    )


@router.get(
    "/users/{user_id:path}",
    summary="What is stored of a user",
    responses=problems(*INVALID, Code.USER_NOT_FOUND, Code.STORE_UNAVAILABLE, *BUSY),
)
async def user(http: Request, users: UsersOf, user_id: UserIdPath) -> UserResponse:
    """All of it: the user's events, oldest first."""
    with trace_of(http).stage("store"):
        stored = await users.events(user_id)
    if not stored:
        raise ApiError(Code.USER_NOT_FOUND, "Nothing is stored of this user.", "user_id")
    return UserResponse(
        request_id=trace_of(http).request_id,
        user_id=user_id,
        events=[UserEvent(event_id=e.event_id, item_id=e.item_id, timestamp=e.at / 1000) for e in stored],
    )


@router.delete(
    "/users/{user_id:path}",
    summary="Forget a user",
    responses=problems(*INVALID, Code.STORE_UNAVAILABLE, *BUSY),
)
async def forget(http: Request, recommender: Loaded, users: UsersOf, user_id: UserIdPath) -> UserDeleted:
    """Delete all that is stored of a user; also where nothing is, so that it can be repeated.

    A salted hash of the id and a time remain, so that an event from before, sent again, does not bring the user back.
    What was deleted leaves the logs on disk soon after.
    """
    with trace_of(http).stage("store"):
        count = await users.delete(user_id)
    recommender.forget_users()
    return UserDeleted(request_id=trace_of(http).request_id, deleted_events=count)
