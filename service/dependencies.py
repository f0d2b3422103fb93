"""What routes ask of the running application, each under the name they use for it: what `create_app` put on its state.

A route takes `settings: SettingsOf` and knows nothing of where that lies.
"""

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from service.access.callers import caller_of
from service.access.guard import CallerOf
from service.answered import Answered
from service.answering import Desk
from service.catalogue import LiveItems
from service.comparison import Comparison
from service.deadline import DeadlineHeader, set_deadline
from service.following import Follower
from service.promotion import Promotions
from service.readiness import Readiness
from service.recommender import Recommender
from service.serving import Serving
from service.settings import Settings
from service.shadow import Shadow
from service.users import TenantUsers, Users


async def _settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


async def _serving(request: Request) -> Serving:
    return cast(Serving, request.app.state.serving)


async def _recommender(request: Request) -> AsyncIterator[Recommender]:
    """The one recommender of this request: a swap while it is answered changes nothing for it."""
    with cast(Serving, request.app.state.serving).lease() as recommender:
        yield recommender


async def _items(request: Request) -> LiveItems:
    return cast(LiveItems, request.app.state.items)


async def _users(request: Request, caller: CallerOf) -> TenantUsers:
    return cast(Users, request.app.state.users).of(caller.tenant)


async def _readiness(request: Request) -> Readiness:
    return cast(Readiness, request.app.state.readiness)


async def _shadow(request: Request) -> Shadow:
    return cast(Shadow, request.app.state.shadow)


async def _answered(request: Request) -> Answered:
    return cast(Answered, request.app.state.answered)


async def _comparison(request: Request) -> Comparison:
    return cast(Comparison, request.app.state.comparison)


async def _promotions(request: Request) -> Promotions:
    return cast(Promotions, request.app.state.promotions)


async def _follower(request: Request) -> Follower:
    return cast(Follower, request.app.state.follower)


SettingsOf = Annotated[Settings, Depends(_settings)]
ServingOf = Annotated[Serving, Depends(_serving)]
Loaded = Annotated[Recommender, Depends(_recommender, scope="function")]
ItemsOf = Annotated[LiveItems, Depends(_items)]
UsersOf = Annotated[TenantUsers, Depends(_users)]
ReadinessOf = Annotated[Readiness, Depends(_readiness)]
ShadowOf = Annotated[Shadow, Depends(_shadow)]
AnsweredOf = Annotated[Answered, Depends(_answered)]
ComparisonOf = Annotated[Comparison, Depends(_comparison)]
PromotionsOf = Annotated[Promotions, Depends(_promotions)]
FollowerOf = Annotated[Follower, Depends(_follower)]


async def _desk(request: Request, x_deadline_ms: DeadlineHeader = None) -> Desk:
    """What the single ones above give, together, and a deadline: FastAPI takes longer to solve them than they run."""
    await set_deadline(request, x_deadline_ms)
    state = request.app.state
    users = cast(Users, state.users).of(caller_of(request.scope).tenant)
    return Desk(
        cast(Serving, state.serving), users, cast(Answered, state.answered), cast(Shadow, state.shadow)
    )


DeskOf = Annotated[Desk, Depends(_desk)]
