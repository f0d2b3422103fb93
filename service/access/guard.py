"""How a route says what its caller needs: `dependencies=[needs(Scope.WRITE)]`, on its router or on itself.

StrictRoute asks its guards itself, before it reads the body, so that who may not ask cannot make us parse; a route of
another class is guarded all the same, when FastAPI solves its dependencies.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import Depends, params
from starlette.requests import Request

from service.access.access import Access
from service.access.callers import SCOPE_KEY, Caller, caller_of
from service.access.scopes import Scope

# What the OpenAPI document says of keys, which access.py reads. FastAPI has classes that say it, but would read the
# keys once more in each request, in a tenth of its time.
SCHEMES: Mapping[str, Mapping[str, str]] = {
    "bearer": {"type": "http", "description": "Authorization: Bearer KEY", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
SECURITY: list[dict[str, list[str]]] = [{name: []} for name in SCHEMES]


class Needs:
    """Admits callers that have one of the scopes; without scopes, all that have a key."""

    def __init__(self, scopes: frozenset[Scope]) -> None:
        self.scopes = scopes

    async def __call__(self, request: Request) -> None:
        """FastAPI's way in. Raises ApiError: 401, 403, 429."""
        self.admit(request)

    def admit(self, request: Request) -> None:
        """Find the caller. Raises ApiError: 401, 403, 429."""
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
