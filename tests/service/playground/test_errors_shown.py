"""What a visitor sees when something is wrong: what it is, what to do, and that the page goes on by itself."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from service.access.key_file import Keys, change_keys
from service.access.keys import issue
from service.access.scopes import Scope
from tests.service.playground.visitor import add, say, settled
from tests.service.world import Running

Start = Callable[..., Running]


def test_a_refusal_is_explained_with_the_field_and_what_to_do(page: Page, live: Running) -> None:
    page.goto(live.url)
    say(page, "x" * 101)
    problem = page.get_by_role("alert").filter(has_text="over its limit")
    expect(problem).to_contain_text("constraint At most 100 characters; this has 101.")
    expect(problem).to_contain_text("Send less, or have the server's limit raised.")
    expect(problem).to_contain_text("request ")
    width, whole = page.locator(".ask").evaluate("node => [node.clientWidth, node.scrollWidth]")
    assert whole == width < 400, "a word without an end stays in its column"
    say(page, "only Acme")
    expect(page.locator("#understood .chip")).to_have_count(1)
    expect(problem).to_be_hidden()


def test_a_network_that_is_away_is_said_and_tried_again(page: Page, live: Running) -> None:
    page.goto(live.url)
    add(page, "thing 3")
    expect(page.locator("#results .result")).to_have_count(10)
    page.context.set_offline(True)
    page.get_by_label("What they want now").fill("only Acme")
    problem = page.get_by_role("alert").filter(has_text="The service does not answer")
    expect(problem).to_contain_text("Trying again in 3 s.")
    page.context.set_offline(False)
    expect(page.locator("#understood .chip")).to_have_count(1)
    expect(problem).to_be_hidden()


def test_too_many_requests_are_waited_out(page: Page, fragile: Start, tmp_path: Path) -> None:
    service = fragile(state=tmp_path / "state.sqlite", rate_limit=0.5, rate_burst=2)
    page.goto(f"{service.url}/#say=only+Acme")  # asks for the catalogue, then for an answer
    expect(page.locator("#results .result")).to_have_count(10)
    page.get_by_label("Items").select_option("5")
    expect(page.get_by_role("alert").filter(has_text="Trying again in")).to_be_visible()
    expect(page.locator("#results .result")).to_have_count(5)
    expect(page.locator("#problem")).to_be_hidden()


def test_a_shared_link_to_items_that_are_gone_still_opens(page: Page, live: Running) -> None:
    page.goto(f"{live.url}/#item=gone&item=i1")
    expect(page.locator("#results .result")).to_have_count(10)
    expect(page.locator("#account")).to_contain_text("Not in this catalogue: gone.")


def test_a_sentence_that_leaves_nothing_says_why(page: Page, live: Running) -> None:
    page.goto(live.url)
    say(page, "over $5000")
    expect(page.locator("#account")).to_contain_text("No item has such a price: it runs from 0 to 57.")
    expect(page.locator("#account")).to_contain_text("No item is allowed.")
    expect(page.locator("#results")).to_contain_text("Nothing fits all of this")


def test_a_service_with_keys_asks_for_one_and_the_tab_alone_keeps_it(
    page: Page, fragile: Start, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    issued = issue(
        "visitor", "default", frozenset({Scope.RECOMMEND}), "2026-03-01T10:00:00+00:00", None, None
    )

    def append(known: Keys) -> tuple[list[object], None]:
        return [*known.keys, issued.key], None

    change_keys(keys, append)  # type: ignore[arg-type]
    service = fragile(keys_file=keys, state=tmp_path / "state.sqlite")
    page.goto(service.url)
    dialog = page.get_by_role("dialog", name="This service asks for an API key")
    expect(dialog).to_be_visible()
    expect(page.get_by_label("API key", exact=True)).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    page.get_by_label("API key", exact=True).fill(issued.secret)
    page.get_by_role("button", name="Use this key").click()
    expect(dialog).to_be_hidden()
    say(page, "only Acme")
    expect(page.locator("#results .result")).to_have_count(10)
    settled(page)
    assert page.evaluate("sessionStorage.getItem('laser.key')") == issued.secret
    assert issued.secret not in page.evaluate(
        "JSON.stringify(localStorage) + document.cookie + location.href"
    )
    assert issued.secret not in page.content()
    expect(page.locator("#curl")).to_contain_text("Bearer $LASER_API_KEY")
