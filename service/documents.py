"""The API's description: /openapi.json for programs, /docs for people.

FastAPI has both, but open to everybody; here they are guarded like the rest. The page is FastAPI's Swagger UI, whose
script and styles come from their usual CDN, and its policy allows those files and its own one inline script, no other.
"""

import base64
import hashlib
import re
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from service.access.guard import needs

CDN = "https://cdn.jsdelivr.net"
INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)

router = APIRouter(include_in_schema=False, dependencies=[needs()])


@router.get("/openapi.json")
async def openapi(request: Request) -> dict[str, Any]:
    """Every address, field and error, as OpenAPI 3.1."""
    return cast(FastAPI, request.app).openapi()


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The description as a page that can be tried out."""
    page = get_swagger_ui_html(openapi_url="/openapi.json", title="Laser", swagger_favicon_url="data:,")
    return HTMLResponse(page.body, headers={"Content-Security-Policy": _policy(bytes(page.body).decode())})


def _policy(page: str) -> str:
    """Allows the page what it needs: its inline script by hash. Swagger UI sets styles from its script."""
    hashes = (hashlib.sha256(script.encode()).digest() for script in INLINE.findall(page))
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {CDN} {scripts}; style-src {CDN} 'unsafe-inline'; "
        "img-src data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
