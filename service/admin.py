"""The addresses for whoever runs the service: which bundles there are, and which one answers.

They are for keys with the scope `admin`. A page of another site could make a browser on this machine send what has no
body, so a request that such a page sent is refused.
"""

import asyncio
from dataclasses import asdict
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field
from starlette.requests import Request as HttpRequest

from index.bundle_listing import listing
from index.manifest import BUNDLE_ID
from service.access.guard import needs
from service.access.scopes import Scope
from service.base_schemas import Request
from service.dependencies import FollowerOf, PromotionsOf, ServingOf, SettingsOf, ShadowOf
from service.errors import ApiError, Code
from service.promotion import Promoted
from service.routes import INVALID, StrictRoute, problems
from service.shadow import Shadow


async def _from_no_foreign_page(request: HttpRequest) -> None:
    """Raises ApiError (403) for the Origin of another host, which browsers send with every such request."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise ApiError(Code.FOREIGN_PAGE, "The Origin header names another host.", "Origin")


# What was changed in the catalogue since the bundle was made cannot be had, or the pointer not written.
NOT_NOW = (Code.STORE_UNAVAILABLE, Code.BUNDLES_NOT_WRITABLE)

router = APIRouter(
    prefix="/admin",
    route_class=StrictRoute,
    dependencies=[needs(Scope.ADMIN), Depends(_from_no_foreign_page)],
)


class BundleInfo(BaseModel):
    """One bundle under the bundles' folder, by its manifest."""

    bundle_id: str
    created: str = Field(description="ISO 8601, UTC")
    items: int
    last_change: int = Field(description="number of the last catalogue change that it contains")
    encoder: str = Field(description="fingerprint of the checkpoint that made it")
    bytes: int
    steps_back: int | None = Field(
        description="rollbacks until it is published; 0 is published, null never was"
    )


class BundlesResponse(BaseModel):
    """What there is, what is published, and what answers; the last two differ while a bundle is refused."""

    serving: str
    published: str | None
    pointer_damaged: str | None = Field(description="what is wrong with the pointer")
    pinned: bool = Field(description="LASER_BUNDLE holds this process to one bundle")
    following: bool = Field(description="a change of the pointer is taken up")
    bundles: list[BundleInfo] = Field(description="oldest first")


class PromotedResponse(BaseModel):
    """The bundle that answers from now on, and the one that answered before; the same where nothing changed."""

    serving: str
    before: str
    seconds: float


class ShadowRequest(Request):
    """Which bundle is to be compared with, and how often."""

    bundle: str = Field(pattern=f"^{BUNDLE_ID.pattern}$", examples=["2026-03-01"])
    share: float = Field(
        0.1, ge=0, le=1, allow_inf_nan=False, description="of the requests to POST /recommend"
    )


class ShadowResponse(BaseModel):
    """The bundle in the shadow; null where there is none. What came of it is in /metrics."""

    bundle: str | None
    share: float


BundleIdPath = Annotated[str, Path(pattern=f"^{BUNDLE_ID.pattern}$", examples=["2026-03-01"])]


@router.get("/bundles", summary="Bundles there are", responses=problems(Code.FOREIGN_PAGE))
async def bundles(
    settings: SettingsOf,
    serving: ServingOf,
    promotions: PromotionsOf,
    follower: FollowerOf,
) -> BundlesResponse:
    """The bundles whose manifests are whole, and which of them is published and which one answers."""
    found = await asyncio.to_thread(partial(listing, settings.bundles))
    return BundlesResponse(
        serving=serving.bundle_id,
        pinned=promotions.pinned,
        following=follower.follows,
        **asdict(found),
    )


@router.post(
    "/bundles/{bundle_id}/promote",
    summary="Publish a bundle and answer from it",
    responses=problems(
        *(*INVALID, Code.FOREIGN_PAGE, Code.BUNDLE_NOT_FOUND),
        *(Code.BUNDLE_REFUSED, Code.BUNDLE_PINNED, *NOT_NOW),
    ),
)
async def promote(promotions: PromotionsOf, bundle_id: BundleIdPath) -> PromotedResponse:
    """Load the bundle aside, verify it, warm it up, publish it, and answer from it once this returns.

    Requests that are being answered keep the old one to their end. A bundle that cannot be used is refused, and the old
    one goes on. Promotions wait for each other.
    """
    return _response(await promotions.promote(bundle_id))


@router.post(
    "/bundles/rollback",
    summary="Publish the bundle before, and answer from it",
    responses=problems(
        *(Code.FOREIGN_PAGE, Code.NO_EARLIER_BUNDLE),
        *(Code.BUNDLE_REFUSED, Code.BUNDLE_PINNED, *NOT_NOW),
    ),
)
async def rollback(promotions: PromotionsOf) -> PromotedResponse:
    """Like promoting what was published before; once more goes further back."""
    return _response(await promotions.roll_back())


@router.get("/shadow", summary="The bundle in the shadow", responses=problems(Code.FOREIGN_PAGE))
async def shadow(shadow: ShadowOf) -> ShadowResponse:
    """Which bundle answers a share of the requests without being shown."""
    return _shadow_response(shadow)


@router.put(
    "/shadow",
    summary="Compare answers with another bundle",
    responses=problems(
        *INVALID,
        *(Code.INVALID_JSON, Code.UNSUPPORTED_MEDIA_TYPE, Code.FOREIGN_PAGE, Code.BUNDLE_REFUSED),
        Code.STORE_UNAVAILABLE,
    ),
)
async def start_shadow(shadow: ShadowOf, request: ShadowRequest) -> ShadowResponse:
    """Load a bundle aside and let it answer a share of the requests, unseen; the overlap is logged and in /metrics."""
    await shadow.start(request.bundle, request.share)
    return _shadow_response(shadow)


@router.delete("/shadow", summary="Stop comparing", responses=problems(Code.FOREIGN_PAGE))
async def stop_shadow(shadow: ShadowOf) -> ShadowResponse:
    """Compare with nothing any more, and free the bundle's memory."""
    await shadow.stop()
    return _shadow_response(shadow)


def _shadow_response(shadow: Shadow) -> ShadowResponse:
    bundle, share = shadow.beside or (None, 0.0)
    return ShadowResponse(bundle=bundle, share=share)


def _response(done: Promoted) -> PromotedResponse:
    return PromotedResponse(serving=done.bundle, before=done.before, seconds=round(done.seconds, 3))
