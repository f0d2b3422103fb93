"""The playground without a mouse, with a screen reader, and with titles that hold markup."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.service.playground.conftest import EVIL
from tests.service.playground.visitor import add, history, say, titles
from tests.service.world import Running

ASKED = "#item=i1&item=i2&say=under+%2420%2C+nothing+from+Stanley&soft=Stanley&compare=1"


def barriers(page: Page) -> list[tuple[str, Any]]:
    """What axe calls serious or critical, with the elements it means."""
    found = Axe().run(page).response["violations"]
    return [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(page: Page, live: Running, scheme: Any, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(live.url)
    expect(page.locator(".starter").first).to_be_visible()
    assert barriers(page) == []
    page.get_by_label("What they liked").fill("thing")
    expect(page.locator("#search-list li").first).to_be_visible()
    assert barriers(page) == []
    page.goto(f"{live.url}/{ASKED}")
    expect(page.locator("#results-other .result")).to_have_count(10)
    assert barriers(page) == []


def test_a_visit_without_a_mouse(page: Page, live: Running) -> None:
    keyboard = page.keyboard
    page.goto(live.url)
    expect(page.locator(".starter").first).to_be_visible()
    keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the recommendations")).to_be_focused()
    field = page.get_by_label("What they liked")
    while not field.evaluate("node => node === document.activeElement"):
        keyboard.press("Tab")
    for title in ("thing 11", "thing 12", "thing 13"):
        keyboard.type(title)
        expect(page.locator("#search-list [aria-selected=true]")).to_contain_text(title)
        keyboard.press("Enter")
        expect(page.locator("#history .title").last).to_have_text(title)
    keyboard.type("thing")
    expect(page.locator("#search-list [aria-selected=true]")).to_be_visible()
    first = page.locator("#search-list [aria-selected=true]").inner_text()
    keyboard.press("ArrowDown")
    assert page.locator("#search-list [aria-selected=true]").inner_text() != first
    keyboard.press("Escape")
    expect(page.locator("#search-list")).to_be_hidden()

    keyboard.press("Tab")
    expect(page.get_by_role("button", name="Move thing 11", exact=True)).to_be_focused()
    keyboard.press("ArrowUp")
    assert history(page) == ["thing 11", "thing 12", "thing 13"]
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    assert history(page) == ["thing 12", "thing 13", "thing 11"]
    expect(page.get_by_role("button", name="Move thing 11", exact=True)).to_be_focused()
    expect(page.locator("#status")).to_have_text("thing 11: place 3 of 3")
    keyboard.press("Tab")
    keyboard.press("Enter")
    assert history(page) == ["thing 12", "thing 13"]
    expect(page.get_by_role("button", name="Remove thing 13")).to_be_focused()

    keyboard.press("Tab")
    expect(page.get_by_label("What they want now")).to_be_focused()
    keyboard.type("only acm")
    expect(page.get_by_role("option", name="Acme")).to_be_visible()
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(page.get_by_label("What they want now")).to_have_value("only Acme")
    expect(page.locator("#understood .chip")).to_have_count(1)
    page.get_by_role("button", name="Switch off: Acme").focus()
    keyboard.press("Enter")
    expect(page.get_by_role("button", name="Switch on: Acme")).to_be_visible()


def test_markup_in_a_catalogue_is_text(page: Page, hostile: Running) -> None:
    page.goto(hostile.url)
    add(page, "evil")
    assert history(page) == [f"{EVIL} evil"]
    expect(page.locator("#results .result")).to_have_count(9)
    expect(page.locator("#results .reason").first).to_contain_text("<script>")
    page.get_by_label("What they want now").fill("only scrip")
    expect(page.get_by_role("option").first).to_contain_text("<script>")
    page.get_by_role("button", name="Start again").click()
    say(page, "tools under $4")
    expect(page.locator("#results .result").first).to_be_visible()
    assert f"{EVIL} evil" in titles(page)
    assert page.locator("#results .attributes", has_text="onerror").count() == 1
    assert page.evaluate("window.harmed") is None
    assert page.locator("img").count() == page.locator("body script").count() == 0
    assert page.evaluate("document.scripts.length") == 1


def test_the_policy_stops_what_would_run_all_the_same(page: Page, live: Running) -> None:
    page.goto(live.url)
    page.evaluate(
        """() => {
          window.stopped = [];
          const note = (event) => window.stopped.push(event.effectiveDirective);
          document.addEventListener("securitypolicyviolation", note);
          const script = document.createElement("script");
          script.textContent = "window.harmed = 1";
          document.body.append(script);
        }"""
    )
    page.wait_for_function("window.stopped.length === 1")
    assert page.evaluate("window.stopped") == ["script-src-elem"]
    assert page.evaluate("window.harmed") is None
    page.complaints.clear()  # type: ignore[attr-defined]
