"""What is sent: frozen models of the service's requests, checked where they are made.

A field of a wrong type or an unknown name raises pydantic's ValidationError (a ValueError) here, before anything is
sent. What only the service knows (its catalogue's columns, its limits) it answers with a BadRequest. A field that
was left at its default is not sent, so that the service's own default holds.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Sent(BaseModel):
    """Base of all that is sent. NaN and Infinity go out as they are: the service refuses them, and says where."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, ser_json_inf_nan="constants"
    )

    def json_body(self) -> str:
        """The JSON of it, without what was left at its default."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True)


class HistoryItem(Sent):
    """One thing the user took: an item of the catalogue by `item_id`, or anything else by `title` and `attributes`."""

    item_id: str | None = None
    title: str | None = None
    attributes: Mapping[str, Any] | None = None


def _named(item: object) -> object:
    """A bare text in a history is an item's id."""
    return HistoryItem(item_id=item) if isinstance(item, str) else item


HistoryPart = Annotated[HistoryItem, BeforeValidator(_named)]


class Exclude(Sent):
    """Items that must not come back: those of the history (`seen`), and these."""

    seen: bool = True
    item_ids: Sequence[str] = ()


class Condition(Sent):
    """What one column must be: one of `eq`, `in_`, `exists`, or a range of at most one lower and one upper bound.

    An item without a value fails all but `exists=False`.
    """

    key: str
    eq: str | float | bool | None = None
    in_: Sequence[str | float | bool] | None = Field(None, alias="in")
    gte: float | None = None
    gt: float | None = None
    lte: float | None = None
    lt: float | None = None
    exists: bool | None = None


class Filter(Sent):
    """Hard conditions: all of `must`, at least one of `should` (if there are any), none of `must_not`.

    Each part is a condition, or again a group like this one.
    """

    must: Sequence["Condition | Filter"] = ()
    should: Sequence["Condition | Filter"] = ()
    must_not: Sequence["Condition | Filter"] = ()


class ConstraintPart(Sent):
    """Words of the sentence (as `understood` has them) that shall only steer ("soft"), or do nothing ("off")."""

    words: str
    treat: Literal["soft", "off"]


class Diversity(Sent):
    """Less of the same: `mmr` from 1 (by score alone) to 0 (by difference alone), `max_per` value of a column."""

    mmr: float | None = None
    max_per: Mapping[str, int] = Field(default_factory=dict)


class RecommendRequest(Sent):
    """What next? At least one of `history` (oldest first), `user_id` and `constraint`.

    A text in `history` is an item's id: `RecommendRequest(history=["alien-1979"], constraint="no horror", k=5)`.
    `user_id` names whose stored events come before the history. In `constraint_mode` "strict", what is clear in the
    sentence filters and the rest steers; in "soft" all of it steers. `cursor` is that of the answer before, for the
    next k items; `pages` sees to it. `explain` gives each item its reasons.
    """

    history: Sequence[HistoryPart | str] = ()
    user_id: str | None = None
    constraint: str = ""
    constraint_mode: Literal["strict", "soft"] = "strict"
    constraint_parts: Sequence[ConstraintPart] = ()
    filter: Filter | None = None
    exclude: Exclude = Exclude()
    k: int = 10
    cursor: str | None = None
    diversity: Diversity | None = None
    explain: bool = False


class BatchRequest(Sent):
    """Several requests, each answered as it would be alone."""

    requests: Sequence[RecommendRequest]


def _new_id() -> str:
    return uuid.uuid4().hex


class Event(Sent):
    """A user took an item; `timestamp` in seconds since 1970, now if it is left out.

    `event_id` is unique among the user's events and made here if none is given, so that an event that is sent twice
    counts once. Keep the same Event to send it again; give an id of your own where another process may do so.
    """

    user_id: str
    item_id: str
    event_id: str = Field(default_factory=_new_id)
    timestamp: float = Field(default_factory=time.time)


class EventBatch(Sent):
    """Events of any users, taken in this order."""

    events: Sequence[Event]


class NewItem(Sent):
    """An item as it shall be from now on, whole: a column that is left out is missing, also if it was there."""

    item_id: str
    title: str
    attributes: Mapping[str, Any] = Field(default_factory=dict)


class ItemBody(Sent):
    """A NewItem whose id stands in the address."""

    title: str
    attributes: Mapping[str, Any] = Field(default_factory=dict)


class ItemBatch(Sent):
    """Items to put and ids to delete, all or none of them."""

    items: Sequence[NewItem] = ()
    delete: Sequence[str] = ()


class ShadowRequest(Sent):
    """The bundle to compare with, unseen, on a share (0 to 1) of the requests."""

    bundle: str
    share: float = 0.1
