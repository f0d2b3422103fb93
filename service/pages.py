"""The pages for people: the playground at /, the insight page, and what they are made of: the files of playground/.

They hold nothing of the catalogue, so that everybody gets them, also where the service asks for keys: the page itself
asks for one. The policy allows a page its own files and calls of this service, and nothing else: no inline script or
style, no other host, no frame around it.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.requests import Request

from service.access.guard import everybody
from service.errors import ApiError, Code

FOLDER = Path(__file__).parent / "playground"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False, dependencies=[everybody()])


class File(NamedTuple):
    """A file as it is sent."""

    content: bytes
    media_type: str
    tag: str


@cache
def files() -> dict[str, File]:
    """The files by name, read once: only what lies in the folder can ever be asked for."""
    paths = [path for path in FOLDER.iterdir() if path.suffix in TYPES]
    contents = {path.name: (path.read_bytes(), TYPES[path.suffix]) for path in paths}
    return {name: File(*each, f'"{sha256(each[0]).hexdigest()[:20]}"') for name, each in contents.items()}


@router.get("/")
async def playground(request: Request) -> Response:
    """Where people try what the service does."""
    return _send("index.html", request)


@router.get("/insight")
async def insight(request: Request) -> Response:
    """What the bundle holds, drawn."""
    return _send("insight.html", request)


@router.get("/playground/{name}")
async def file(name: str, request: Request) -> Response:
    """One file. Raises ApiError (404)."""
    return _send(name, request)


def _send(name: str, request: Request) -> Response:
    found = files().get(name)
    if found is None:
        raise ApiError(Code.NOT_FOUND, "There is no such file.")
    headers = {"ETag": found.tag, "Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    if request.headers.get("if-none-match") == found.tag:
        return Response(status_code=304, headers=headers)
    return Response(found.content, headers=headers, media_type=found.media_type)
