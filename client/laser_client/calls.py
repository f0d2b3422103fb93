"""Every call, once: how it is asked and what it answers. Both clients take their methods from here.

A Call is a value: nothing is sent by making one. `idempotent` says that asking twice comes to the same as asking once,
so that it may be asked again where nobody knows whether it was done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote

from laser_client.admin_answers import (
    AliveResponse,
    BundlesResponse,
    PromotedResponse,
    ReadyResponse,
    ShadowResponse,
)
from laser_client.answers import Answer, BatchResponse, RecommendResponse, SimilarResponse
from laser_client.browse_answers import CatalogueResponse, InsightResponse, SearchResponse, ValuesResponse
from laser_client.change_answers import (
    EventsResponse,
    ItemChanged,
    ItemDeleted,
    ItemResponse,
    ItemsChanged,
    UserDeleted,
    UserResponse,
)
from laser_client.requests import (
    BatchRequest,
    Event,
    EventBatch,
    ItemBatch,
    ItemBody,
    NewItem,
    RecommendRequest,
    Sent,
    ShadowRequest,
)

A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Call(Generic[A]):
    """One request to the service, and the model of its answer."""

    answer: type[A]
    method: str
    path: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Sent | None = None
    idempotent: bool = True


def recommend(request: RecommendRequest) -> Call[RecommendResponse]:
    """The k best items for a history and a sentence. If fewer are allowed, `shortfall` says so."""
    return Call(RecommendResponse, "POST", "/recommend", body=request)


def recommend_batch(requests: Sequence[RecommendRequest]) -> Call[BatchResponse]:
    """Several requests in one, answered in their order. A wrong one fails alone: look at each answer's `problem`."""
    return Call(BatchResponse, "POST", "/recommend/batch", body=BatchRequest(requests=requests))


def recommend_from(bundle_id: str, request: RecommendRequest) -> Call[RecommendResponse]:
    """What `recommend` would answer if this bundle were in service. Needs a key for operators, and loads the bundle."""
    return Call(RecommendResponse, "POST", f"/admin/bundles/{_segment(bundle_id)}/recommend", body=request)


def similar(item_id: str, k: int = 10) -> Call[SimilarResponse]:
    """The k items nearest to an item; the score is a cosine."""
    return Call(SimilarResponse, "GET", f"/items/{_segment(item_id)}/similar", {"k": k})


def item(item_id: str) -> Call[ItemResponse]:
    """What the catalogue knows of an item. Raises NotFound."""
    return Call(ItemResponse, "GET", f"/items/{_segment(item_id)}")


def search(query: str, limit: int = 10) -> Call[SearchResponse]:
    """Items by what was typed of their titles or values so far, best first."""
    return Call(SearchResponse, "GET", "/items", {"query": query, "limit": limit})


def catalogue() -> Call[CatalogueResponse]:
    """Columns with their commonest values and ranges, and something to try."""
    return Call(CatalogueResponse, "GET", "/catalogue")


def values(query: str, limit: int = 8) -> Call[ValuesResponse]:
    """Values of all columns that a sentence can name, by how their words begin."""
    return Call(ValuesResponse, "GET", "/catalogue/values", {"query": query, "limit": limit})


def insight() -> Call[InsightResponse]:
    """What the bundle holds, in numbers to draw."""
    return Call(InsightResponse, "GET", "/catalogue/insight")


def send_event(event: Event) -> Call[EventsResponse]:
    """Store that a user took an item. Counts in every request from now on."""
    return Call(EventsResponse, "POST", "/events", body=event)


def send_events(events: Sequence[Event]) -> Call[EventsResponse]:
    """Store events of any users, in this order."""
    return Call(EventsResponse, "POST", "/events", body=EventBatch(events=events))


def user(user_id: str) -> Call[UserResponse]:
    """All that is stored of a user, oldest event first. Raises NotFound where that is nothing."""
    return Call(UserResponse, "GET", f"/users/{_segment(user_id)}")


def forget_user(user_id: str) -> Call[UserDeleted]:
    """Delete all that is stored of a user; also where nothing is."""
    return Call(UserDeleted, "DELETE", f"/users/{_segment(user_id)}")


def put_item(item: NewItem) -> Call[ItemChanged]:
    """Add an item, or replace the one of this id as a whole. It can be recommended when this returns."""
    body = ItemBody(title=item.title, attributes=item.attributes)
    return Call(ItemChanged, "PUT", f"/items/{_segment(item.item_id)}", body=body)


def change_items(items: Sequence[NewItem] = (), delete: Sequence[str] = ()) -> Call[ItemsChanged]:
    """Put items and delete others, all or none of them."""
    return Call(ItemsChanged, "POST", "/items/batch", body=ItemBatch(items=items, delete=delete))


def delete_item(item_id: str) -> Call[ItemDeleted]:
    """Delete an item; also where there is none. No later answer has it."""
    return Call(ItemDeleted, "DELETE", f"/items/{_segment(item_id)}")


def bundles() -> Call[BundlesResponse]:
    """The bundles there are, which one is published, and which one answers."""
    return Call(BundlesResponse, "GET", "/admin/bundles")


def promote(bundle_id: str) -> Call[PromotedResponse]:
    """Publish a bundle and answer from it. Raises Conflict where it cannot be used; then the old one goes on."""
    return Call(PromotedResponse, "POST", f"/admin/bundles/{_segment(bundle_id)}/promote")


def roll_back() -> Call[PromotedResponse]:
    """Publish the bundle before, and answer from it. Twice goes back twice, so it is never repeated by itself."""
    return Call(PromotedResponse, "POST", "/admin/bundles/rollback", idempotent=False)


def shadow() -> Call[ShadowResponse]:
    """Which bundle is compared with, unseen."""
    return Call(ShadowResponse, "GET", "/admin/shadow")


def start_shadow(bundle_id: str, share: float = 0.1) -> Call[ShadowResponse]:
    """Let a bundle answer a share of the requests, unseen; the metrics say how its answers differ."""
    return Call(ShadowResponse, "PUT", "/admin/shadow", body=ShadowRequest(bundle=bundle_id, share=share))


def stop_shadow() -> Call[ShadowResponse]:
    """Compare with nothing any more."""
    return Call(ShadowResponse, "DELETE", "/admin/shadow")


def alive() -> Call[AliveResponse]:
    """The process answers. Says nothing about whether it can recommend."""
    return Call(AliveResponse, "GET", "/healthz")


def ready() -> Call[ReadyResponse]:
    """A request can be answered. Raises Unavailable while it cannot, with the reason as its detail."""
    return Call(ReadyResponse, "GET", "/readyz")


def next_page(request: RecommendRequest, page: RecommendResponse) -> RecommendRequest | None:
    """The request for the page after this one; None where there is none."""
    return None if page.cursor is None else request.model_copy(update={"cursor": page.cursor})


def _segment(name: str) -> str:
    """An id as one segment of a path. Dots too, or an item called ".." would be the folder above."""
    return quote(name, safe="").replace(".", "%2E")
