"""A real Chromium that looks at a real server. Whatever a page complains of in its console fails the test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import Settings, load_settings
from tests.service.world import Running, records, running, write_bundle

EVIL = "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>"
FETCH = "Failed to load resource"  # what Chromium logs of an answer that is an error; tests ask for those
PATIENCE = 20_000  # ms, on a machine that is busy with other things
DESKTOP = {"width": 1280, "height": 900}

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")  # no longer: while Playwright runs, asyncio.run() is refused in this thread
def chromium() -> Iterator[Browser]:
    """The system's browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page of a desktop's size. Nothing may go wrong in it: no error, no breach of the policy."""
    context = chromium.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(FETCH):
            complaints.append(message.text)

    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    opened.on("console", listen)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.complaints = complaints  # type: ignore[attr-defined]
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Running]:
    """A service whose catalogue has markup wherever a catalogue can have text."""
    items = [
        *records(8),
        {"item_id": EVIL, "title": f"{EVIL} evil", "brand": EVIL, "genres": [EVIL, "tools"], "price": 3},
    ]
    folder: Path = tmp_path_factory.mktemp("hostile")
    changed = load_settings(**settings.model_dump() | {"bundles": write_bundle(folder, items=items)})
    with running(changed, load_recommender(changed, Metrics())) as server:
        yield server
