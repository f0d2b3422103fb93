"""How a route says what its caller needs: `dependencies=[needs(Scope.WRITE)]`, on its router or on itself.

StrictRoute asks its guards before it reads the body, so that who may not ask cannot make us parse; a route of another
class is guarded all the same, when FastAPI solves its dependencies. Each request is looked at once.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Depends, params
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.requests import Request

from service.access.access import Access
from service.access.callers import SCOPE_KEY, Caller, caller_of
from service.access.scopes import Scope

# What the OpenAPI document says of keys; they are read in access.py.
BEARER = HTTPBearer(scheme_name="bearer", description="Authorization: Bearer KEY", auto_error=False)
HEADER = APIKeyHeader(name="X-API-Key", scheme_name="header", auto_error=False)


class Needs:
    """Admits callers that have one of the scopes; without scopes, all that have a key."""

    def __init__(self, scopes: frozenset[Scope]) -> None:
        self.scopes = scopes

    async def __call__(
        self,
        request: Request,
        bearer: Annotated[Any, Depends(BEARER)],
        header: Annotated[Any, Depends(HEADER)],
    ) -> None:
        """FastAPI's way in. Raises ApiError: 401, 403, 429."""
        self.admit(request)

    def admit(self, request: Request) -> None:
        """Find the caller, once a request. Raises ApiError: 401, 403, 429."""
        if SCOPE_KEY not in request.scope:
            access: Access = request.app.state.access
            request.scope[SCOPE_KEY] = access.admit(request.headers, self.scopes)


class Everybody:
    """Admits all, and notes the caller of those that bring a key."""

    async def __call__(self, request: Request) -> None:
        """FastAPI's way in."""
        self.admit(request)

    def admit(self, request: Request) -> None:
        """Never refuses."""
        access: Access = request.app.state.access
        request.scope[SCOPE_KEY] = access.recognise(request.headers)


Guard = Needs | Everybody


def needs(*scopes: Scope) -> params.Depends:
    """A dependency for routes whose caller must have one of the scopes, or, where none is named, any key."""
    return params.Depends(Needs(frozenset(scopes)))


def everybody() -> params.Depends:
    """A dependency for the few routes that answer without a key."""
    return params.Depends(Everybody())


def guards(dependencies: Iterable[params.Depends]) -> list[Guard]:
    """The guards among a route's dependencies."""
    found = (dependency.dependency for dependency in dependencies)
    return [each for each in found if isinstance(each, Needs | Everybody)]


async def _caller(request: Request) -> Caller:
    return caller_of(request.scope)


CallerOf = Annotated[Caller, Depends(_caller)]
