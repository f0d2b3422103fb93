"""The site, built as `make docs` builds it: without a warning, without a dead link, without another host."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.docs.blocks import ROOT

LOADS = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}
LOOKED_AT: list[tuple[str, Literal["light", "dark"]]] = [
    ("index", "light"),
    ("explanation/architecture", "light"),
]
LOOKED_AT += [("tutorial", "dark")]


class Page(HTMLParser):
    """What an HTML page links to, loads, and can be pointed at."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect."""
        given = dict(attrs)
        if given.get("id"):
            self.anchors.add(str(given["id"]))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag in LOADS and given.get(LOADS[tag]):
            self.loads.append(str(given[LOADS[tag]]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. The command is that of the Makefile, into another folder."""
    recipe = re.search(
        r"^docs:.*\n\t\$\(BIN\)/python (-m sphinx .*) docs/_build$", (ROOT / "Makefile").read_text(), re.M
    )
    assert recipe is not None
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, *recipe[1].split(), str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_pages_link_to_pages_and_headings_that_exist(site: Path) -> None:
    pages = {file: Page(file) for file in site.rglob("*.html")}
    assert {"index.html", "tutorial.html", "model_card.html"} <= {file.name for file in pages}
    for file, page in pages.items():
        for link in page.links:
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (file.parent / unquote(path)).resolve() if path else file
            assert target.exists(), f"{file.name}: {link}"
            if anchor and target in pages:
                assert unquote(anchor) in pages[target].anchors, f"{file.name}: {link}"


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    for file in site.rglob("*.html"):
        outside = [place for place in Page(file).loads if re.match(r"([a-z]+:)?//", place)]
        assert not outside, file.name
    for file in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", file.read_text("utf-8")), file.name


def test_the_reference_is_in_the_built_pages(site: Path) -> None:
    assert "LASER_MAX_K" in (site / "reference/settings.html").read_text("utf-8")
    assert 'id="post-recommend"' in (site / "reference/http_api.html").read_text("utf-8")


def test_a_browser_asks_no_other_host_and_axe_finds_nothing_serious(site: Path) -> None:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        for name, scheme in LOOKED_AT:
            page.emulate_media(color_scheme=scheme)
            page.goto((site / f"{name}.html").as_uri())
            found = Axe().run(page).response["violations"]
            assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == [], name
        browser.close()
    assert asked
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
