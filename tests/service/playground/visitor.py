"""What a visitor does and sees, in the page's own terms."""

from playwright.sync_api import Locator, Page, expect


def titles(page: Page, name: str = "results") -> list[str]:
    """Titles of the recommendations, best first, without the marks of how far they moved."""
    headings = page.locator(f"#{name} h3")
    return [heading.evaluate("node => node.firstChild.textContent") for heading in headings.all()]


def history(page: Page) -> list[str]:
    """Titles in the history, oldest first."""
    return page.locator("#history .title").all_text_contents()


def add(page: Page, text: str) -> None:
    """Type into the search and take the first item."""
    before = len(history(page))
    page.get_by_label("What they liked").fill(text)
    expect(page.locator("#search-list li").first).to_contain_text(text)
    page.keyboard.press("Enter")
    expect(page.locator("#history li")).to_have_count(before + 1)


def say(page: Page, sentence: str) -> None:
    """Write a sentence and wait for the answer to it."""
    page.get_by_label("What they want now").fill(sentence)
    settled(page)


def settled(page: Page) -> None:
    """Wait until the page shows the answer to what it asks now."""
    expect(page.locator("#answer")).not_to_have_attribute("aria-busy", "true")


def chips(page: Page) -> list[str]:
    """What was understood, as it is written on the chips."""
    return page.locator("#understood .chip").all_inner_texts()


def result(page: Page, title: str) -> Locator:
    """One recommendation."""
    return page.locator("#results .result", has=page.get_by_role("heading", name=title))
