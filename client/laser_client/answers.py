"""What POST /recommend, its batch and GET /items/{id}/similar answer, as frozen models.

All answers tolerate fields they do not know and words they do not know (a newer service may have more of both), which
is why a kind is a `str` here and not a Literal. A field that the service always sends has no default.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """Base of all that comes back."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Item(Answer):
    """An item of the catalogue."""

    item_id: str
    title: str
    attributes: Mapping[str, Any]


class Reason(Answer):
    """An item of the history that speaks for the recommended one; `position` is its place there, null if stored."""

    kind: str = "history"
    position: int | None
    item_id: str | None
    title: str
    similarity: float
    added: float
    contribution: float
    share: float


class ScoreParts(Answer):
    """What a score is the sum of: likeness, the history's neighbours, and what of the sentence steers."""

    likeness: float
    neighbours: float
    sentence: float


class SentenceEffect(Answer):
    """An item's rank with and without the sentence; null beyond the first 1000."""

    rank: int
    rank_without: int | None


class RankedItem(Item):
    """An item in an answer, best first. The last three come with `explain`."""

    rank: int
    score: float
    reasons: tuple[Reason, ...] = ()
    parts: ScoreParts | None = None
    sentence: SentenceEffect | None = None


class Understood(Answer):
    """One condition that was read in the sentence; `hard`: no item that fails it comes back."""

    attribute: str
    operator: str
    value: Any
    words: str
    confidence: float
    hard: bool
    clause: int
    joined: str
    percentile: float | None = None
    basis: str | None = None
    excludes: int | None = None


class Contradiction(Answer):
    """Something the sentence asks that cannot be obeyed, or not together with the rest."""

    kind: str
    text: str
    words: str
    attribute: str | None


class AppliedConstraint(Answer):
    """What was made of the sentence: understood, left as text, ignored. Nothing filters silently."""

    understood: tuple[Understood, ...]
    as_text: str
    ignored: tuple[str, ...]
    contradictions: tuple[Contradiction, ...]
    excluded_missing: Mapping[str, int]


class AppliedDiversity(Answer):
    """What diversity did on this page; `candidates` were looked at."""

    mmr: float | None
    max_per: Mapping[str, int]
    candidates: int


class Applied(Answer):
    """What was done with the request's conditions."""

    filter: Mapping[str, Any]
    constraint: AppliedConstraint
    excluded_seen: int
    stored_history: int
    diversity: AppliedDiversity | None


class Shortfall(Answer):
    """Fewer items than asked for; `reason`: "allowed" (there are no more) or "diversity" (no more fit the caps)."""

    requested: int
    returned: int
    reason: str


class Search(Answer):
    """How the items were found, and how many passed filter and exclusions."""

    mode: str
    allowed: int


class Versions(Answer):
    """What answered: the bundle, the last catalogue change in it, the service."""

    bundle: str
    catalogue: int
    service: str


class SimilarResponse(Answer):
    """Items like one item."""

    request_id: str
    items: tuple[RankedItem, ...]
    shortfall: Shortfall | None
    search: Search
    versions: Versions


class RecommendResponse(SimilarResponse):
    """Recommendations, what was applied and what was not.

    `degraded` says what the answer did without: "user_history" (nothing is stored of the user), "store" (it did not
    answer), "history" (no item of it is known), "encoder" (overloaded), "popularity" (nothing is known: these are
    the items taken most). `cursor` leads to the next page; null where there is none.
    """

    applied: Applied
    unknown_items: tuple[str, ...]
    degraded: tuple[str, ...]
    cursor: str | None


class FieldProblem(Answer):
    """One of several things that are wrong with a request."""

    field: str | None
    code: str
    detail: str


class Problem(Answer):
    """application/problem+json (RFC 9457): `code` is stable, `field` a path such as history[0].item_id."""

    type: str
    title: str
    status: int
    code: str
    field: str | None
    detail: str
    what_to_do: str
    request_id: str
    errors: tuple[FieldProblem, ...] = ()


class BatchAnswer(Answer):
    """What one request would have got alone: an `answer` with status 200, a `problem` with any other."""

    status: int
    answer: RecommendResponse | None = None
    problem: Problem | None = None
    retry_after: int | None = None


class BatchResponse(Answer):
    """One answer for each request, in their order."""

    request_id: str
    answers: tuple[BatchAnswer, ...]
