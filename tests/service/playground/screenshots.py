"""Takes the pictures of the documentation from a running service: `laser demo`, then

    python -m tests.service.playground.screenshots http://127.0.0.1:8000 docs/images

It asks the demo's films; any other service gets the pictures of its own first starter.
"""

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

ASKED = (
    "/#item=alien-1979&item=aliens-1986&item=star-wars-1977"
    "&say=science+fiction+from+the+80s+or+later,+no+horror,+preferably+under+two+hours,+something+funny"
)
DRAWN = "#results .result:visible, .starter:visible, #legend li:visible"


class Picture(NamedTuple):
    """One picture: its file's name, the address, and how it is looked at."""

    name: str
    address: str
    width: int
    height: int
    scheme: str


PICTURES = (
    Picture("playground", ASKED, 1280, 820, "light"),
    Picture("playground-dark", f"{ASKED}&compare=1&off=horror&soft=something+funny", 1280, 820, "dark"),
    Picture("playground-phone", ASKED, 390, 844, "light"),
    Picture("welcome", "/", 1280, 800, "light"),
    Picture("insight", "/insight", 1100, 1000, "light"),
)


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
    page.locator("#answer:not([aria-busy]), #found").first.wait_for(state="attached")
    path = folder / f"{picture.name}.png"
    page.screenshot(path=path)
    context.close()
    return path


def main(url: str, folder: str) -> None:
    """Take all of them."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for picture in PICTURES:
            path = take(browser, url, picture, Path(folder))
            print(f"{path}: {path.stat().st_size // 1000} kB")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
