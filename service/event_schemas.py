"""What goes in and out of the routes for events and users.

A time is in seconds since 1970 outside and in whole milliseconds inside. The same number always becomes the same
millisecond, so an event that is sent again is the same event.
"""

import time
from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Field, Tag

from service.errors import BATCH, ONE, ApiError, Code, FieldError
from service.schemas import ItemId, Request, UserId
from service.settings import Settings
from service.store.protocol import Event, Outcome

AHEAD_SECONDS = 300  # a sender's clock may be ahead by so much

EventId = Annotated[str, Field(min_length=1, max_length=128)]


class EventIn(Request):
    """Something a user did with an item."""

    user_id: UserId
    event_id: EventId = Field(
        description="unique among the user's events; sending one again changes nothing",
    )
    item_id: ItemId = Field(description="may be one that the catalogue does not have, or not yet")
    timestamp: float = Field(
        ge=0, description="when it happened, in seconds since 1970 (UTC); it orders the history"
    )

    def event(self) -> Event:
        """The event with its time in milliseconds."""
        return Event(self.user_id, self.event_id, self.item_id, round(self.timestamp * 1000))


class EventBatch(Request):
    """Several events, taken in this order."""

    events: list[EventIn] = Field(min_length=1)


def _form(body: Any) -> str:
    """One event, unless it says that it is a batch; so that errors speak of the form that was meant."""
    return BATCH if isinstance(body, EventBatch) or (isinstance(body, dict) and "events" in body) else ONE


EventsRequest = Annotated[
    Annotated[EventIn, Tag(ONE)] | Annotated[EventBatch, Tag(BATCH)], Discriminator(_form)
]


class EventsResponse(BaseModel):
    """What became of the events. All of it is on disk."""

    request_id: str
    outcomes: list[Outcome] = Field(
        description="one for each event, in order. stored; duplicate: the user has an event with this id; outdated: "
        "not taken, as it is older than what is kept of the user, or than the user's deletion"
    )
    unknown_items: list[str] = Field(
        description="item ids that the catalogue does not have now; their events are taken all the same, and count as "
        "soon as it has them"
    )


class UserEvent(BaseModel):
    """An event in a user's history."""

    event_id: str
    item_id: str
    timestamp: float


class UserResponse(BaseModel):
    """All that is stored of a user."""

    request_id: str
    user_id: str
    events: list[UserEvent] = Field(description="oldest first")


class UserDeleted(BaseModel):
    """A user was forgotten. Events up to this moment are not taken again; later ones begin a new history."""

    request_id: str
    deleted_events: int


def check_events(request: EventIn | EventBatch, settings: Settings) -> list[Event]:
    """The request's events. Raises ApiError (422) for too many, and for times in the future."""
    sent = request.events if isinstance(request, EventBatch) else [request]
    if len(sent) > settings.max_events:
        detail = f"At most {settings.max_events} events; this has {len(sent)}."
        raise ApiError(Code.LIMIT_EXCEEDED, detail, "events")
    latest = time.time() + AHEAD_SECONDS
    detail = "This time lies in the future. It counts seconds since 1970, not milliseconds."
    early = [
        FieldError(_path(request, position, "timestamp"), Code.INVALID_FIELD, detail)
        for position, event in enumerate(sent)
        if event.timestamp > latest
    ]
    if early:
        raise ApiError.of(early)
    return [event.event() for event in sent]


def _path(request: EventIn | EventBatch, position: int, field: str) -> str:
    return f"events[{position}].{field}" if isinstance(request, EventBatch) else field
