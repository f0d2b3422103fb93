"""GET /reports/{name}: the pages about the run that made the bundle in service, which lie in the bundle.

A page is sent only if the bundle's manifest names it and its content is what the manifest says. It may be from anybody
who could write a run's folder, so that it gets less than a page of ours: its own styles by their hashes, no script, no
resource from anywhere, and an origin of its own (sandbox), from which nothing here can be read.
"""

import hashlib
import re
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from index.manifest import BundleError, read_manifest
from service.access.guard import needs
from service.access.scopes import Scope
from service.dependencies import Loaded, SettingsOf
from service.errors import ApiError, Code

FOLDER = "reports/"
STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)

router = APIRouter(include_in_schema=False, dependencies=[needs(Scope.RECOMMEND)])


def reports_of(bundle: Path) -> list[str]:
    """Names of the pages in a bundle's folder; none where its manifest cannot be read any more."""
    return list(_pages(bundle))


@router.get("/reports/{name}")
def report(name: str, recommender: Loaded, settings: SettingsOf) -> Response:
    """One page. Raises ApiError (404)."""
    content = _read(settings.bundles / recommender.versions.bundle, name)
    headers = {"Content-Security-Policy": _policy(content), "Cache-Control": "no-cache"}
    return Response(content, headers=headers, media_type="text/html; charset=utf-8")


def _pages(bundle: Path) -> dict[str, str]:
    """The sha256 of each page, by its name."""
    try:
        files = read_manifest(bundle).files
    except BundleError:
        return {}
    return {
        name.removeprefix(FOLDER): entry.sha256
        for name, entry in files.items()
        if re.fullmatch(rf"{FOLDER}[\w-]+\.html", name, re.ASCII)
    }


def _read(bundle: Path, name: str) -> bytes:
    known = _pages(bundle).get(name)
    if known is not None:
        with suppress(OSError):
            content = (bundle / FOLDER / name).read_bytes()
            if hashlib.sha256(content).hexdigest() == known:
                return content
    raise ApiError(Code.NOT_FOUND, "The bundle in service has no such report.")


def _policy(content: bytes) -> str:
    digests = [b64encode(hashlib.sha256(style).digest()).decode() for style in STYLE.findall(content)]
    styles = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; style-src {styles}; sandbox; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
