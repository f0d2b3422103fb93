"""What goes in and what comes out, as pydantic models: the OpenAPI document is made from them.

Requests are strict (no "10" for 10) and closed (an unknown field is an error). What depends on settings or on
the catalogue is checked where those are known: `check_limits` here, attributes in history.py, conditions in
index.filters.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.base_schemas import Request as Request
from service.constraint_parts import ConstraintParts
from service.errors import ApiError, Code, FieldError
from service.reason_schemas import Reason as Reason
from service.reason_schemas import ScoreParts as ScoreParts
from service.reason_schemas import SentenceEffect as SentenceEffect
from service.selection_schemas import CURSOR_HELP, AppliedDiversity, Cursor, Diversity
from service.selection_schemas import Search as Search
from service.selection_schemas import Shortfall as Shortfall
from service.settings import Settings

ItemId = Annotated[str, Field(min_length=1, max_length=512)]
UserId = Annotated[str, Field(min_length=1, max_length=512)]

Degradation = Literal["user_history", "store", "history", "encoder", "popularity"]

FILTER_HELP = (
    "Hard conditions on the catalogue's columns: lists `must`, `must_not` and `should` of conditions "
    '`{"key": column, one of: "eq", "in", "gte", "lte", "gt", "lt", "exists"}` or of groups like this one. '
    "An item that lacks the attribute fails a positive condition."
)


class HistoryItem(Request):
    """One thing the user interacted with: an item of the catalogue, or anything described by its text."""

    item_id: ItemId | None = None
    title: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="for a thing the catalogue does not have"
    )
    attributes: dict[str, Any] | None = Field(
        None, description="with a title: values of the catalogue's columns"
    )

    @model_validator(mode="after")
    def _one_identity(self) -> "HistoryItem":
        if (self.item_id is None) == (self.title is None):
            raise ValueError("Give either item_id or title")
        if self.attributes is not None and self.title is None:
            raise ValueError("Attributes go with a title; those of an item_id are known")
        return self


class Exclude(Request):
    """Items that must not be returned."""

    seen: bool = Field(True, description="leave out the items of the history")
    item_ids: list[ItemId] = Field(default_factory=list, description="leave out these items too")


class RecommendRequest(Request):
    """At least one of `history`, `user_id` and `constraint`."""

    history: list[HistoryItem] = Field(default_factory=list, description="oldest first")
    user_id: UserId | None = Field(
        None,
        description="whose stored events come before `history`; a stored item that `history` names counts there alone. "
        "Alone it is refused while nothing is stored",
    )
    constraint: str = Field(
        "", description="what the person says, in a sentence: what to include, to leave out, ranges, wishes"
    )
    constraint_mode: Literal["strict", "soft"] = Field(
        "strict",
        description="strict: what is understood with confidence filters, the rest steers; soft: all of it steers",
    )
    constraint_parts: ConstraintParts = Field(
        default_factory=list, description="parts of the sentence to treat otherwise than they are read"
    )
    filter: dict[str, Any] | None = Field(None, description=FILTER_HELP)
    exclude: Exclude = Field(default_factory=Exclude)
    k: int = Field(10, ge=1, description="how many items")
    cursor: Cursor | None = Field(None, description=CURSOR_HELP)
    diversity: Diversity | None = Field(None, description="fewer items that are alike, on each page")
    explain: bool = Field(False, description="give each item its reasons")


class SimilarQuery(BaseModel):
    """Query string of GET /items/{item_id}/similar."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(10, ge=1)


class Item(BaseModel):
    """An item of the catalogue."""

    item_id: str
    title: str
    attributes: dict[str, Any]


class RankedItem(Item):
    """An item in an answer, best first."""

    rank: int
    score: float = Field(
        description="inner product of the query's vector and the item's, plus what the neighbours of the history add"
    )
    reasons: list[Reason] = Field(
        default_factory=list,
        description="with `explain`: up to three items of the history, what says most first",
    )
    parts: ScoreParts | None = Field(None, description="with `explain`: what the score is the sum of")
    sentence: SentenceEffect | None = Field(None, description="with `explain` and a sentence: what that did")


class Understood(BaseModel):
    """One condition that was read in the sentence."""

    attribute: str
    operator: Literal["eq", "in", "not_eq", "not_in", "gte", "gt", "lte", "lt", "not_between", "not_only"] = (
        Field(description="not_only: named, but neither asked for nor ruled out")
    )
    value: Any = Field(description="a value, a number, or a list of them")
    words: str = Field(description="the words of the sentence it was read from")
    confidence: float = Field(description="0 to 1; from 0.7 on it filters in strict mode")
    hard: bool = Field(description="true: no item that fails it comes back; false: it steers")
    clause: int = Field(
        description="entries of one clause belong together as `joined` says; all clauses hold"
    )
    joined: Literal["one", "any", "all", "not_all"] = Field(
        description="any: alternatives; all, not_all: together; one: alone, or the two ends of a range"
    )
    percentile: float | None = Field(None, description="of a relative word: the percentile that is the bound")
    basis: Literal["catalogue", "history"] | None = Field(
        None,
        description="of a relative word: whose percentile, the otherwise allowed items' or the history's",
    )
    excludes: int | None = Field(
        None, description="items that its clause by itself leaves out of what filter and exclusions allow"
    )


class Contradiction(BaseModel):
    """Something the sentence asks that cannot be obeyed, or not together with the rest."""

    kind: Literal[
        "contradiction",
        "impossible",
        "unknown_value",
        "unknown_attribute",
        "conflicts_with_filter",
        "nothing_left",
    ]
    text: str
    words: str = Field(description="the words of the sentence it is about")
    attribute: str | None


class AppliedConstraint(BaseModel):
    """What was made of the sentence. Nothing filters silently."""

    understood: list[Understood]
    as_text: str = Field(description="what entered the prompt")
    ignored: list[str] = Field(description="parts with no bearing on this catalogue: they changed nothing")
    contradictions: list[Contradiction]
    excluded_missing: dict[str, int] = Field(
        description="items left out because they lack an attribute that the sentence filters by, by attribute"
    )


class Applied(BaseModel):
    """What was done with the request's conditions."""

    filter: dict[str, Any]
    constraint: AppliedConstraint
    excluded_seen: int = Field(description="items of the catalogue left out because the history holds them")
    stored_history: int = Field(
        description="events stored under user_id that became part of the history: of items that the catalogue has"
    )
    diversity: AppliedDiversity | None = Field(description="null where none was asked for")


class Versions(BaseModel):
    """What answered."""

    bundle: str
    catalogue: int = Field(description="the last catalogue change in this answer")
    service: str


class SimilarResponse(BaseModel):
    """Items like one item."""

    request_id: str
    items: list[RankedItem]
    shortfall: Shortfall | None
    search: Search
    versions: Versions


class RecommendResponse(SimilarResponse):
    """Recommendations, what was applied and what was not."""

    applied: Applied
    unknown_items: list[str] = Field(
        description="ids in history and exclude that the catalogue does not have"
    )
    degraded: list[Degradation] = Field(
        description="what the answer did without: user_history (nothing is stored under user_id), store (it did not "
        "answer; a user_id alone then gets what everybody gets, and maybe what the user has seen), history "
        "(no item of it is known), encoder (it was overloaded: the history's items were averaged, and only words that "
        "name values were read in the sentence), "
        "popularity (nothing is known of the user: these are the items taken most)"
    )
    cursor: str | None = Field(
        description="send it with the same request for the next k items; null where nothing is left to show, and where "
        "so many were shown that the service goes no deeper"
    )


class ItemResponse(Item):
    """One item of the catalogue."""

    versions: Versions


class ReadyResponse(BaseModel):
    """The service can answer."""

    status: Literal["ready"] = "ready"
    bundle: str | None = Field(None, description="null for who brings no key where keys are on")
    catalogue: int | None = Field(None, description="the last catalogue change in this replica's answers")
    last_change: int | None = Field(None, description="the last one there is, as far as this replica knows")
    warnings: list[str] = Field(
        default_factory=list, description="what to put right all the same, a sentence each"
    )


class Problem(BaseModel):
    """application/problem+json (RFC 9457)."""

    type: str
    title: str
    status: int
    code: Code
    field: str | None = Field(description="path of the field, such as history[0].item_id")
    detail: str
    what_to_do: str
    request_id: str
    errors: list[dict[str, Any]] = Field(
        default_factory=list, description="all of them, where there are several"
    )


def check_limits(request: RecommendRequest, settings: Settings) -> None:
    """Raise ApiError (422, limit_exceeded) for every field over the limit that the settings give it."""
    sizes = [
        ("history", len(request.history), settings.max_history, "items"),
        ("constraint", len(request.constraint), settings.max_sentence, "characters"),
        ("exclude.item_ids", len(request.exclude.item_ids), settings.max_exclude, "ids"),
    ]
    for n, item in enumerate(request.history):
        sizes.append((f"history[{n}].title", len(item.title or ""), settings.max_text, "characters"))
    over = [
        FieldError(field, Code.LIMIT_EXCEEDED, f"At most {limit} {unit}; this has {size}.")
        for field, size, limit, unit in sizes
        if size > limit
    ]
    if over:
        raise ApiError.of(over)
    check_k(request.k, settings)


def check_k(k: int, settings: Settings) -> None:
    """Raise ApiError (422, limit_exceeded) for a k over LASER_MAX_K."""
    if k > settings.max_k:
        raise ApiError(Code.LIMIT_EXCEEDED, f"At most {settings.max_k}; this is {k}.", "k")
