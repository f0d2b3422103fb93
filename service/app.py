"""The application: a factory that wires settings, recommender, routes and errors together.

`create_app(settings)` loads its recommender when it starts and fails to start if that fails; tests and
`service.server` hand one in. Everything in here is about wiring; what a request means is in recommender.py.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import Request

from service import VERSION, admin, batch, comparison_routes, documents, events, items, pages, reports, routes
from service.access.access import Access, open_access
from service.access.guard import SCHEMES
from service.allowed import allowed_methods
from service.answered import Answered
from service.browse import routes as browse_routes
from service.browse.view import Views
from service.catalogue import LiveItems
from service.comparison import Comparison
from service.envelope import Envelope
from service.errors import ApiError, from_http, from_validation, problem
from service.following import Follower
from service.loading import load_recommender
from service.memory import shrinking
from service.metrics import Metrics
from service.promotion import Promotions
from service.readiness import Readiness
from service.recommender import Recommender
from service.serving import Serving
from service.settings import Settings
from service.shadow import Shadow
from service.store.opening import open_store
from service.store.protocol import Store
from service.trace import trace_of
from service.tracing_export import open_tracing
from service.users import Users

DESCRIPTION = (
    "What next? k items of the catalogue for a history and, when the person has something to say, a "
    "sentence. Errors are `application/problem+json` with a stable `code`, the `field`, and what to do. "
    "Every answer carries `X-Request-ID` and `Server-Timing`."
)

# FastAPI's own spans name addresses, with user ids and what was searched for, and its logs quote exceptions. Ours
# (tracing.py) do not.
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(
    settings: Settings,
    recommender: Recommender | None = None,
    store: Store | None = None,
    access: Access | None = None,
) -> FastAPI:
    """The ASGI app. Closes recommender and store when it shuts down, also those that were handed in.

    Raises KeyFileError where the API keys cannot be used, or are needed and missing.
    """
    metrics = recommender.metrics if recommender else Metrics(open_tracing(settings))
    given = Serving(recommender) if recommender else None  # nothing else keeps it: a swap frees it

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        serving = app.state.serving = given or Serving(load_recommender(settings, metrics))
        opened = store or open_store(settings)
        live = app.state.items = LiveItems(opened.changes, serving, settings, metrics)
        promotions = app.state.promotions = Promotions(serving, settings, entering=live.entering)
        shadow = app.state.shadow = Shadow(serving, settings, live.entering)
        comparison = app.state.comparison = Comparison(serving, settings, live.entering)
        follower = app.state.follower = Follower(serving, promotions, settings)
        answered = app.state.answered = Answered()
        metrics.recommended_items.set_function(lambda: answered.different(serving.bundle_id))
        app.state.readiness = Readiness(serving, settings.ready_seconds)
        app.state.users = Users(opened, settings, metrics)
        metrics.ready.set(1)
        try:
            async with (
                app.state.users.running(),
                live.running(),
                promotions.running(),
                follower.running(),
                shadow.running(),
                comparison.running(),
                shrinking(lambda: not serving.waiting),
            ):
                yield
        finally:
            serving.close()
            await asyncio.to_thread(metrics.tracing.close)

    app = Application(
        title="Laser",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,  # documents.py has these two, guarded
        docs_url=None,
        redoc_url=None,
        telemetry=NO_TELEMETRY,
        generate_unique_id_function=_name,
        exception_handlers={
            HTTPException: _answer_http_error,
            RequestValidationError: _answer_invalid,
        },
    )
    app.state.closing = False
    app.state.settings = settings
    app.state.views = Views()
    app.state.access = access or open_access(settings)
    app.add_middleware(Envelope, settings=settings, metrics=metrics)
    app.include_router(routes.router)
    app.include_router(batch.router)
    app.include_router(browse_routes.router)
    app.include_router(events.router)
    app.include_router(items.router)
    app.include_router(admin.router)
    app.include_router(comparison_routes.router)
    app.include_router(documents.router)
    app.include_router(pages.router)
    app.include_router(reports.router)
    return app


class Application(FastAPI):
    """FastAPI, whose document names the keys that routes need."""

    def openapi(self) -> dict[str, Any]:
        """OpenAPI 3.1."""
        document = super().openapi()
        document.setdefault("components", {})["securitySchemes"] = SCHEMES
        return document


def _name(route: APIRoute) -> str:
    return route.name


async def _answer_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        error.headers = {"Allow": allowed_methods(request)}
    return problem(error if isinstance(error, ApiError) else from_http(error), trace_of(request))


async def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return problem(from_validation(error.errors()), trace_of(request))
