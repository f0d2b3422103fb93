"""A person's visit, from the first look to the link they send: in a real browser, on a real service."""

import json
import shlex
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import Settings
from tests.service.playground.visitor import add, chips, history, result, say, settled, titles
from tests.service.world import Running, running


def prices(page: Page) -> list[float]:
    texts = page.locator("#results .attributes div", has_text="price").locator("dd").all_text_contents()
    return [float(text) for text in texts]


def test_a_newcomer_begins_with_one_click(page: Page, live: Running) -> None:
    page.goto(live.url)
    expect(page.get_by_role("heading", name="What next?")).to_be_visible()
    starter = page.locator(".starter").first
    offered = starter.locator(".titles span").all_text_contents()
    starter.click()
    expect(page.locator("#results .result")).to_have_count(10)
    assert history(page) == offered
    assert [text.split("\n")[0] for text in chips(page)] == ["price under 25"]
    expect(page.locator("#status")).to_contain_text("10 recommendations, first ")


def test_a_whole_visit(page: Page, live: Running) -> None:
    page.goto(live.url)
    add(page, "thing 3")
    add(page, "thing 7")
    expect(page.locator("#results .result")).to_have_count(10)
    assert not {"thing 3", "thing 7"} & set(titles(page))
    expect(page.locator("#results .reason").first).to_contain_text("Because of thing")

    say(page, "under $20, nothing from Stanley")
    expect(page.locator("#understood .chip")).to_have_count(2)
    assert [text.split("\n")[0] for text in chips(page)] == ["price under 20", "brand is not Stanley"]
    assert max(prices(page)) < 20
    assert "brandStanley" not in page.locator("#results").inner_text().replace("\n", "")
    expect(page.locator("#results .moved").first).to_be_visible()
    expect(page.locator("#account")).to_contain_text("of 41 items were allowed")
    expect(page.locator("#account")).to_contain_text("27 left out by “under $20”")
    expect(page.locator("#account")).to_contain_text("10 left out: “Stanley” is ruled out")
    expect(page.locator("#account")).to_contain_text("2 left out: they are in the history")
    expect(page.locator("#account")).to_contain_text("4 left out: they have no price")

    page.get_by_role("button", name="Make it a wish: under $20").click()
    expect(page.get_by_role("button", name="Make it a must: under $20")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Switch off: Stanley").click()
    expect(page.get_by_role("button", name="Switch on: Stanley")).to_be_visible()
    settled(page)
    expect(page.locator("#account")).to_contain_text("39 of 41 items were allowed")
    page.get_by_role("button", name="Make it a must: under $20").click()
    page.get_by_role("button", name="Switch on: Stanley").click()
    expect(page.locator("#understood .chip.hard")).to_have_count(2)

    page.get_by_label("Beside it").select_option("the answer without the sentence")
    expect(page.locator("#results-other .result")).to_have_count(10)
    alone = live.post(history=[{"item_id": "i3"}, {"item_id": "i7"}], k=10).json()
    assert titles(page, "results-other") == [item["title"] for item in alone["items"]]

    expect(page.locator("#timing")).to_contain_text("search")
    expect(page.locator("#timing")).to_contain_text("bundle first")

    first = titles(page)[0]
    result(page, first).get_by_role("button", name=f"Add {first} to the history").click()
    expect(page.locator("#history li")).to_have_count(3)
    assert history(page)[-1] == first


def test_a_wish_filters_nothing(page: Page, live: Running) -> None:
    page.goto(live.url)
    say(page, "only Acme")
    expect(page.locator("#understood .chip.hard")).to_have_count(1)
    page.get_by_label("is a wish").check()
    expect(page.locator("#understood .chip.soft")).to_have_count(1)
    expect(page.locator("#account")).to_contain_text("41 of 41 items were allowed")


def test_the_sentence_is_completed_with_values_of_the_catalogue(page: Page, live: Running) -> None:
    page.goto(live.url)
    field = page.get_by_label("What they want now")
    field.press_sequentially("nothing from stan")
    option = page.get_by_role("option", name="Stanley")
    expect(option).to_contain_text("brand, 10 items")
    option.click()
    expect(field).to_have_value("nothing from Stanley")
    expect(page.locator("#understood .chip")).to_have_count(1)
    page.get_by_role("group", name="Phrases to add").get_by_role("button").last.click()
    expect(field).to_have_value("nothing from Stanley, price under 25")


def test_a_value_of_several_words_is_completed_from_any_of_them(
    page: Page, settings: Settings, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"state": tmp_path / "state.sqlite"})
    with running(own, load_recommender(own, Metrics())) as server:
        item = {"title": "a drill", "attributes": {"brand": "Black and Decker"}}
        server.client.put("/items/drill", json=item).raise_for_status()
        page.goto(server.url)
        field = page.get_by_label("What they want now")
        for typed, completed in (
            ("only black and dec", "only Black and Decker"),
            ("not black dec", "not Black and Decker"),
            ("hand dec", "hand Black and Decker"),
            ("unblack and dec", "unblack and Black and Decker"),
        ):
            field.fill("")
            field.press_sequentially(typed)
            page.get_by_role("option", name="Black and Decker").click()
            expect(field).to_have_value(completed)


def test_the_command_sends_the_same_request(page: Page, live: Running) -> None:
    page.goto(live.url)
    add(page, "thing 3")
    say(page, "no garden, it's for Bolt")
    expect(page.locator("#results .result")).not_to_have_count(0)
    page.get_by_role("button", name="Copy", exact=True).click()
    copied = page.evaluate("navigator.clipboard.readText()")
    words = shlex.split(copied.replace("\\\n", " "))
    assert words[:2] == ["curl", f"{live.url}/recommend"]
    body = json.loads(words[words.index("-d") + 1])
    assert body == {
        "history": [{"item_id": "i3"}], "constraint": "no garden, it's for Bolt", "k": 10, "explain": True,
    }  # fmt: skip
    assert [item["title"] for item in live.post(**body).json()["items"]] == titles(page)


def test_a_link_shows_somebody_else_the_same(page: Page, live: Running) -> None:
    page.goto(live.url)
    add(page, "thing 3")
    add(page, "an id with a slash")
    say(page, "under $20, nothing from Stanley")
    page.get_by_role("button", name="Switch off: Stanley").click()
    page.get_by_label("Items").select_option("5")
    expect(page.locator("#results .result")).to_have_count(5)
    seen, address = titles(page), page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#results .result")).to_have_count(5)
    assert titles(page) == seen
    assert history(page) == ["thing 3", "an id with a slash"]
    expect(page.get_by_role("button", name="Switch on: Stanley")).to_be_visible()
    assert "thing+3" not in address, "titles come from the catalogue, not from the link"


def test_a_thing_that_the_catalogue_lacks_counts_by_its_title(page: Page, live: Running) -> None:
    page.goto(live.url)
    page.get_by_label("What they liked").fill("a lighthouse")
    page.get_by_role("option", name="“a lighthouse”").click()
    expect(page.locator("#results .result")).to_have_count(10)
    expect(page.locator("#history li")).to_contain_text("a lighthouse by its title")


def test_an_entry_is_dragged_to_another_place(page: Page, live: Running) -> None:
    page.goto(f"{live.url}/#item=i1&item=i2&item=i3")
    expect(page.locator("#history .title").first).to_have_text("thing 1")
    handle = page.get_by_role("button", name="Move thing 1", exact=True).bounding_box()
    below = page.get_by_role("button", name="Move thing 3", exact=True).bounding_box()
    assert handle is not None
    assert below is not None
    page.mouse.move(handle["x"] + 8, handle["y"] + 8)
    page.mouse.down()
    page.mouse.move(handle["x"] + 8, below["y"] + 20, steps=4)
    page.mouse.up()
    expect(page.locator("#history .title").last).to_have_text("thing 1")
    assert history(page) == ["thing 2", "thing 3", "thing 1"]
    assert page.url.endswith("#item=i2&item=i3&item=i1")


def test_starting_again_leaves_nothing_behind(page: Page, live: Running) -> None:
    page.goto(f"{live.url}/#item=i1&say=only+Acme&off=Acme&compare=1&k=5")
    expect(page.locator("#results .result")).to_have_count(5)
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_role("heading", name="What next?")).to_be_visible()
    assert page.url == f"{live.url}/"
    assert page.get_by_label("What they want now").input_value() == ""


def test_the_choice_between_light_and_dark_is_kept(page: Page, live: Running) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(live.url)
    dark = page.get_by_role("button", name="Dark")
    expect(dark).to_have_attribute("aria-pressed", "true")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(21, 20, 18)"
    dark.click()
    assert page.evaluate(background) == "rgb(250, 248, 244)"
    page.reload()
    expect(dark).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_everything_without_scrolling_sideways(page: Page, live: Running, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 780})
    page.goto(f"{live.url}/#item=i1&item=i2&say=under+%2420%2C+no+garden&compare=1")
    expect(page.locator("#results-other .result")).to_have_count(10)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("Dark", "Start again", "Copy"):
        box = page.get_by_role("button", name=name, exact=True).bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= width - box["width"]


def test_a_link_never_shows_the_welcome_while_titles_are_on_their_way(page: Page, live: Running) -> None:
    held: list[Route] = []
    page.route("**/items/i1", lambda route: held.append(route))
    page.goto(f"{live.url}/#item=i1")
    expect(page.get_by_role("group", name="Phrases to add")).to_be_visible()  # the catalogue is there
    expect(page.locator("#history .title")).to_have_text("i1")
    assert page.locator("#welcome").is_hidden()
    held[0].continue_()
    expect(page.locator("#history .title")).to_have_text("thing 1")


def test_on_a_phone_the_options_are_folded_away_until_they_are_wanted(page: Page, live: Running) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live.url}/#item=i1")
    expect(page.locator("#results .result")).to_have_count(10)
    expect(page.get_by_label("Items")).to_be_hidden()
    page.get_by_text("How to answer").click()
    page.get_by_label("Items").select_option("5")
    expect(page.locator("#results .result")).to_have_count(5)
    page.get_by_text("How to answer").click()
    expect(page.get_by_label("Items")).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 844})
    expect(page.get_by_label("Items")).to_be_visible()
    expect(page.get_by_text("How to answer")).to_be_hidden()


@pytest.mark.parametrize(("height", "stays"), [(700, False), (900, True)])
def test_what_is_asked_stays_in_sight_where_all_of_it_can(
    page: Page, live: Running, height: int, stays: bool
) -> None:
    page.set_viewport_size({"width": 1280, "height": height})
    page.goto(f"{live.url}/#item=i1&item=i2")
    expect(page.locator("#results .result")).to_have_count(10)
    page.locator("#curl").scroll_into_view_if_needed()
    assert page.evaluate("scrollY") > 300
    box = page.get_by_label("What they liked").bounding_box()
    assert box is not None
    assert (box["y"] >= 0) == stays
