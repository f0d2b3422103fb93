"""Two lists side by side: with and without the sentence, and of two bundles."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import Settings
from tests.service.bundle_world import add_bundle
from tests.service.playground.test_everybody import barriers
from tests.service.playground.visitor import add, say, settled, titles
from tests.service.world import Running, running

HISTORY = [{"item_id": "i1"}]


@pytest.fixture(scope="module")
def two(bundles: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with "first", and beside it "second" with half of its items, and "broken"."""
    folder = tmp_path_factory.mktemp("two")
    root = folder / "bundles"
    shutil.copytree(bundles, root)
    add_bundle(root, "second", items=20)
    add_bundle(root, "broken")
    (root / "broken" / "columns.json").write_bytes(b"{}")
    chosen = settings.model_copy(update={"bundles": root, "state": folder / "state.sqlite"})
    with running(chosen, load_recommender(chosen, Metrics())) as server:
        yield server


def compare(page: Page, what: str) -> None:
    page.get_by_label("Beside it").select_option(what)
    expect(page.locator("#results-other .result")).not_to_have_count(0)


def test_the_answers_of_two_bundles_stand_side_by_side(page: Page, two: Running) -> None:
    page.goto(f"{two.url}/#item=i1")
    expect(page.locator("#results .result")).to_have_count(10)
    expect(page.locator("#bundles option")).to_have_count(2)  # not the one in service
    compare(page, "second")
    expect(page.locator("#main-title")).to_have_text("In service: first")
    expect(page.locator("#other-title")).to_have_text("Bundle second")
    ours = two.post(history=HISTORY, k=10).json()["items"]
    asked = two.client.post("/admin/bundles/second/recommend", json={"history": HISTORY, "k": 10})
    other = asked.json()["items"]
    assert titles(page) == [item["title"] for item in ours]
    assert titles(page, "results-other") == [item["title"] for item in other]

    places = {item["item_id"]: item["rank"] for item in other}
    shared = [item for item in ours if item["item_id"] in places]
    assert 0 < len(shared) < 10
    expect(page.locator("#common")).to_contain_text(f"{len(shared)} of 10 items are in both lists")
    expect(page.locator("#results .only")).to_have_count(10 - len(shared))
    expect(page.locator("#results-other .only")).to_have_count(10 - len(shared))
    for item in shared:
        there, by = places[item["item_id"]], places[item["item_id"]] - item["rank"]
        told = "the same place in the other list"
        if by:
            told = f"place {there} in the other list, {abs(by)} {'higher' if by > 0 else 'lower'} here"
        entry = page.locator(f"#results .result[data-item={item['item_id']}]")
        expect(entry.locator(".beside")).to_have_text(told)
    assert barriers(page) == []

    assert page.url.endswith("#item=i1&bundle=second")
    page.goto("about:blank")
    page.goto(f"{two.url}/#item=i1&bundle=second")
    expect(page.locator("#results-other .result")).to_have_count(10)
    expect(page.locator("#curl")).to_contain_text("/admin/bundles/second/recommend")
    page.get_by_label("Beside it").select_option("nothing")
    expect(page.locator("#other")).to_be_hidden()
    expect(page.locator("#results .beside")).to_have_count(0)


def test_a_bundle_that_cannot_be_used_is_explained_and_the_answer_stays(page: Page, two: Running) -> None:
    page.goto(f"{two.url}/#item=i1&bundle=broken")
    problem = page.locator("#other-problem")
    expect(problem).to_contain_text("The bundle cannot be used")
    expect(problem).to_contain_text("the one in service goes on")
    expect(page.locator("#results .result")).to_have_count(10)
    expect(page.locator("#problem")).to_be_hidden()
    page.get_by_label("Beside it").select_option("nothing")
    expect(problem).to_be_hidden()


def test_a_bundle_that_is_being_loaded_is_waited_for(
    page: Page, two: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.client.post(
        "/admin/bundles/broken/recommend", json={"history": HISTORY}
    )  # "second" is in memory no more
    monkeypatch.setattr("service.comparison.PATIENCE_SECONDS", 0.0)
    page.goto(f"{two.url}/#item=i1&bundle=second")
    expect(page.locator("#other-wait")).to_have_text(
        "The service loads this bundle, which takes a few seconds."
    )
    expect(page.locator("#results-other .result")).to_have_count(10)
    expect(page.locator("#other-wait")).to_be_hidden()


def test_without_a_sentence_there_is_nothing_to_compare_with(page: Page, two: Running) -> None:
    page.goto(f"{two.url}/#compare=1")
    add(page, "thing 3")
    settled(page)
    expect(page.locator("#results .result")).to_have_count(10)
    expect(page.locator("#other")).to_be_hidden()
    say(page, "under $20")
    expect(page.locator("#results-other .result")).to_have_count(10)
    expect(page.locator("#other-title")).to_have_text("Without it")
