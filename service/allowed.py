"""Which methods an address answers: what the Allow header of a 405 has to list.

Starlette names those of the first route that fits the path; an address may have several routes, one for each method.

https://www.rfc-editor.org/rfc/rfc9110#section-10.2.1
"""

from fastapi.routing import iter_route_contexts
from starlette.requests import Request


def allowed_methods(request: Request) -> str:
    """The methods of all routes that fit the request's path."""
    path = request.url.path
    found = (
        route.methods
        for route in iter_route_contexts(request.app.routes)
        if route.methods and route.path_regex.match(path)
    )
    return ", ".join(sorted(set().union(*found)))
