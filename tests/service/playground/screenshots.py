"""Takes the pictures of the documentation from a running service: `laser demo`, then

    python -m tests.service.playground.screenshots http://127.0.0.1:8000 docs/images

It asks the demo's films. What stands beside the answer is the bundle that is not in service, or where there is none the
answer without the sentence. A report that the bundle does not bring is left out.
"""

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import httpx
from playwright.sync_api import Browser, sync_playwright

LIKED = "/#item=alien-1979&item=aliens-1986&item=star-wars-1977"
ASKED = f"{LIKED}&say=science+fiction+from+the+80s+or+later,+no+horror,+preferably+under+two+hours,+something+funny"
DRAWN = "#results .result:visible, .starter:visible, #legend li:visible, .tiles:visible"


class Picture(NamedTuple):
    """One picture: its file's name, the address, and how it is looked at."""

    name: str
    address: str
    width: int
    height: int
    scheme: str
    shown: str = "body"  # what the picture begins with


PICTURES = (
    Picture("playground", ASKED, 1280, 820, "light"),
    Picture("playground-dark", f"{ASKED}&off=horror&soft=something+funny", 1280, 820, "dark"),
    Picture("playground-phone", ASKED, 390, 844, "light"),
    Picture("answer-phone", ASKED, 390, 844, "light", "#understood"),
    Picture("welcome", "/", 1280, 800, "light"),
    Picture("insight", "/insight", 1100, 1880, "light"),
    Picture("insight-phone", "/insight", 390, 844, "dark"),
)


def further(url: str) -> list[Picture]:
    """Pictures of what this service happens to have."""
    with httpx.Client(base_url=url, timeout=60) as client:
        listed = client.get("/admin/bundles").json()
        reports = client.get("/catalogue/insight").json()["reports"]
    others = [each["bundle_id"] for each in listed["bundles"] if each["bundle_id"] != listed["serving"]]
    beside = f"{LIKED}&bundle={others[-1]}" if others else f"{ASKED}&compare=1"
    pictures = [Picture("comparison", beside, 1280, 820, "light")]
    pictures += [Picture("comparison-phone", beside, 390, 844, "dark", "#common")]
    for name in reports:
        subject = name.removesuffix(".html")
        pictures += [Picture(f"{subject}-report", f"/reports/{name}", 1100, 1000, "light")]
        pictures += [Picture(f"{subject}-report-phone", f"/reports/{name}", 390, 844, "dark")]
    return pictures


def take(browser: Browser, url: str, picture: Picture, folder: Path) -> Path:
    """Wait until the page has drawn its answer, and write the picture."""
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url.rstrip("/") + picture.address)
    page.locator(DRAWN).first.wait_for()
    page.locator("#answer:not([aria-busy]), #found, main > header").first.wait_for(state="attached")
    if "#" in picture.address:
        page.locator("#results .result:visible").first.wait_for()
    if "bundle=" in picture.address or "compare=" in picture.address:
        page.locator("#common:visible").wait_for(timeout=60_000)
    page.locator(picture.shown).evaluate("node => node.scrollIntoView()")
    path = folder / f"{picture.name}.png"
    page.screenshot(path=path)
    context.close()
    return path


def main(url: str, folder: str) -> None:
    """Take all of them."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for picture in (*PICTURES, *further(url)):
            path = take(browser, url, picture, Path(folder))
            print(f"{path}: {path.stat().st_size // 1000} kB")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
