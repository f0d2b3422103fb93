"""The playground's files over HTTP: what is sent, what is not, and what the pages may do."""

import re

import pytest

from service.pages import FOLDER, files
from tests.service.world import Running

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def test_the_playground_is_at_the_root_under_a_strict_policy(live: Running) -> None:
    response = live.client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == POLICY
    assert "<title>Laser playground</title>" in response.text


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("main.js", "text/javascript; charset=utf-8"),
        ("base.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_files_are_sent_as_they_are_and_checked_by_their_tag(
    live: Running, name: str, media_type: str
) -> None:
    response = live.client.get(f"/playground/{name}")
    assert response.content == (FOLDER / name).read_bytes()
    assert response.headers["content-type"] == media_type
    assert response.headers["cache-control"] == "no-cache"
    again = live.client.get(f"/playground/{name}", headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = live.client.get(f"/playground/{name}", headers={"If-None-Match": '"another"'})
    assert other.status_code == 200


@pytest.mark.parametrize("name", ["nothing.js", "..%2fpages.py", "%2e%2e/pages.py", "__init__.py", ""])
def test_nothing_else_is_sent(live: Running, name: str) -> None:
    response = live.client.get(f"/playground/{name}")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.html")))
def test_a_page_has_no_inline_script_or_style_and_asks_no_other_host(name: str) -> None:
    page = (FOLDER / name).read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []
    named = re.findall(r'(?:src|href)="([^"#]*)"', page)
    assert all(address.startswith("/") and not address.startswith("//") for address in named if address)
    used = {address.removeprefix("/playground/") for address in named if address.startswith("/playground/")}
    assert used <= files().keys()


def test_every_module_imports_only_modules_that_are_there() -> None:
    for path in FOLDER.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', path.read_text("utf-8")):
            assert name in files(), path.name


def test_markup_is_never_made_from_text() -> None:
    unsafe = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
    for path in FOLDER.glob("*.js"):
        assert not unsafe.search(path.read_text("utf-8")), path.name


def test_a_file_can_be_read_in_one_sitting() -> None:
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in FOLDER.iterdir()}
    assert {name: lines for name, lines in lengths.items() if lines > 200} == {}
