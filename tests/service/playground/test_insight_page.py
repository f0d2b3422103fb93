"""The insight page in a real browser."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.access.issuing import Wish, create
from service.access.scopes import Scope
from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import Settings
from tests.service.bundle_world import add_bundle
from tests.service.playground.test_everybody import barriers
from tests.service.world import Running, running

# How many different colours the canvas shows, besides the empty one.
COLOURS = """() => {
  const canvas = document.getElementById("map");
  const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(canvas, 0, 0);
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  const counts = new Map();
  for (let n = 0; n < data.length; n += 4) {
    const colour = data.slice(n, n + 3).join();
    if (data[n + 3] > 200) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  return [...counts.values()].filter((count) => count > 20).length;
}"""


def test_the_map_is_drawn_and_coloured_by_what_is_chosen(page: Page, live: Running) -> None:
    page.goto(f"{live.url}/insight")
    expect(page.locator("#legend li")).to_have_count(5)  # four brands and the rest
    expect(page.locator("#legend")).to_contain_text("Stanley")
    assert page.evaluate(COLOURS) == 4
    page.get_by_label("coloured by").select_option(label="price")
    expect(page.locator("#legend")).to_contain_text("lowest: 0")
    expect(page.locator("#legend")).to_contain_text("highest: 57")
    assert page.evaluate(COLOURS) > 4
    expect(page.locator("#map-note")).to_contain_text("41 items")


def test_a_dot_tells_its_title_and_takes_it_to_the_playground(page: Page, live: Running) -> None:
    page.goto(f"{live.url}/insight")
    expect(page.locator("#legend li")).to_have_count(5)
    found = live.client.get("/catalogue/insight").json()["map"]
    box = page.locator("#map").bounding_box()
    assert box is not None
    edge = 0.06
    x = box["width"] * (edge + (found["x"][0] + 1) / 2 * (1 - 2 * edge))
    y = box["height"] * (edge + (1 - found["y"][0]) / 2 * (1 - 2 * edge))
    page.mouse.move(box["x"] + x, box["y"] + y)
    expect(page.locator("#tip")).to_have_text("thing 0")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url(f"{live.url}/#item=i0")
    expect(page.locator("#history .title")).to_have_text("thing 0")


def test_it_says_what_the_bundle_knows_and_what_not(page: Page, live: Running) -> None:
    page.goto(f"{live.url}/insight")
    expect(page.locator("#experts li")).to_have_count(2)
    expect(page.locator("#popularity")).to_contain_text("does not know how often its items were taken")
    expect(page.locator("#reach")).to_contain_text(
        "come back at least once when each is asked for its 10 most similar"
    )
    expect(page.locator("#versions")).to_contain_text("bundle first")


def test_it_says_what_was_recommended_once_something_was(
    page: Page, fragile: Callable[..., Running], tmp_path: Path
) -> None:
    service = fragile(state=tmp_path / "state.sqlite")
    page.goto(f"{service.url}/insight")
    told = page.locator("#recommended")
    expect(told).to_contain_text("Nothing has been recommended from this bundle since ")
    service.post(history=[{"item_id": "i1"}], k=10).raise_for_status()
    page.reload()
    expect(told).to_contain_text("24 %of the catalogue, 10 items, came up in 1 answer since ")
    expect(told.locator("li")).to_have_count(5)
    expect(told.locator("li").first).to_contain_text("1 time")


@pytest.mark.parametrize("width", [1280, 320])
def test_it_is_for_everybody(page: Page, live: Running, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{live.url}/insight")
    expect(page.locator("#legend li")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert barriers(page) == []
    page.get_by_role("button", name="Dark").click()
    assert barriers(page) == []


def test_it_links_the_reports_of_the_run_which_can_do_nothing(
    page: Page, bundles: Path, settings: Settings, tmp_path: Path
) -> None:
    def with_report(folder: Path) -> None:
        (folder / "reports").mkdir()
        text = "<!doctype html><title>R</title><style>p { color: rgb(1, 2, 3) }</style><p>Well trained"
        script = "<script>document.title = 'harmed'</script>"
        (folder / "reports" / "training.html").write_text(text + script)

    root = tmp_path / "bundles"
    shutil.copytree(bundles, root)
    add_bundle(root, "told", change=with_report)
    own = {"bundles": root, "bundle": "told", "state": tmp_path / "state.sqlite"}
    chosen = settings.model_copy(update=own)
    with running(chosen, load_recommender(chosen, Metrics())) as server:
        page.goto(f"{server.url}/insight")
        page.get_by_role("link", name="how it was trained").click()
        page.wait_for_url(f"{server.url}/reports/training.html")
        expect(page.locator("p")).to_have_text("Well trained")
        assert page.locator("p").evaluate("node => getComputedStyle(node).color") == "rgb(1, 2, 3)"
        assert page.title() == "R"
    page.complaints.clear()  # type: ignore[attr-defined]  # of the script that was not run


def test_a_report_is_saved_where_a_key_is_asked_for(
    page: Page, bundles: Path, settings: Settings, tmp_path: Path
) -> None:
    def with_report(folder: Path) -> None:
        (folder / "reports").mkdir()
        (folder / "reports" / "training.html").write_text("<p>Well trained")

    root = tmp_path / "bundles"
    shutil.copytree(bundles, root)
    add_bundle(root, "told", change=with_report)
    secret = create(tmp_path / "keys.json", Wish("visitor", (Scope.RECOMMEND,))).secret
    own = {"bundles": root, "bundle": "told", "state": tmp_path / "state.sqlite"}
    chosen = settings.model_copy(update=own | {"keys_file": tmp_path / "keys.json"})
    with running(chosen, load_recommender(chosen, Metrics())) as server:
        page.goto(f"{server.url}/insight")
        page.get_by_label("API key", exact=True).fill(secret)
        page.get_by_role("button", name="Use this key").click()
        with page.expect_download() as saved:
            page.get_by_role("link", name="how it was trained").click()
        assert saved.value.suggested_filename == "training.html"
        assert saved.value.path().read_text() == "<p>Well trained"
