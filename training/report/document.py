"""A page that stands alone: no script, no resource from anywhere, text from data always escaped.

Its policy allows one style sheet, known by its hash, and nothing else.
"""

import hashlib
from base64 import b64encode
from pathlib import Path

from training.report.markup import Html, el

__all__ = ["document", "opening", "section", "tile", "write_page"]

STYLE = Path(__file__).with_name("style.css")


def document(title: str, *content: Html) -> str:
    """The whole page."""
    style = STYLE.read_text(encoding="utf-8")
    known = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{known}'; base-uri 'none'; form-action 'none'"
    head = [
        el("meta", {"charset": "utf-8"}),
        el("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        el("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        el("meta", {"name": "color-scheme", "content": "light dark"}),
        el("title", {}, title),
        el("style", {}, Html(style)),
    ]
    body = el("body", {}, el("main", {}, *content))
    return f"<!doctype html>\n{el('html', {'lang': 'en'}, el('head', {}, head), body)}\n"


def write_page(page: Path, text: str) -> Path:
    """Write a page aside and rename it; its folder is made where it is missing. Returns its path."""
    page.parent.mkdir(parents=True, exist_ok=True)
    aside = page.with_suffix(".writing")
    aside.write_text(text, encoding="utf-8")
    aside.replace(page)
    return page


def opening(kind: str, title: str, lead: str, tiles: list[Html]) -> Html:
    """What one sees first."""
    return el(
        "header",
        {},
        el("p", {"class": "eyebrow"}, kind),
        el("h1", {}, title),
        el("p", {"class": "lead"}, lead),
        el("dl", {"class": "tiles"}, tiles),
    )


def tile(name: str, value: str, below: str) -> Html:
    """One figure."""
    return el("div", {"class": "tile"}, el("dt", {}, name), el("dd", {}, value, el("small", {}, below)))


def section(heading: str, *content: Html) -> Html:
    """A part of the page."""
    return el("section", {}, el("h2", {}, heading), *content)
