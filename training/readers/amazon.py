"""What the three generations of the Amazon review dumps share: their files, scraped texts and prices.

A dump of one department is two files in a folder: the reviews, and `meta_*` with the products. Ranks,
average ratings and rating counts of the metadata are left out on purpose: they were scraped after the last
review, so they know the test items.
"""

import html
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from training.lines import DataError
from training.readers.records import RawInteraction, read_records, require_id, require_seconds

SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
TEXT_FIELDS: tuple[str, ...] = ("title", "brand", "categories")
MAX_DESCRIPTION = 2_000  # characters

TAG = re.compile(r"<[^<>]{1,500}>")
PRICE = re.compile(r"(?:from\s+)?\$?\s*(\d[\d,]*(?:\.\d+)?)(?:\s*-\s*\$?\s*\d[\d,]*(?:\.\d+)?)?")
AUTHOR_LINK = re.compile(r"Visit Amazon's (.+) Page")


class AmazonFiles(NamedTuple):
    """The reviews and the products of one department."""

    reviews: Path
    metadata: Path


def find_files(raw: Path) -> AmazonFiles:
    """Find the one file of reviews and the one of products in the folder.

    Raises DataError saying what was found instead.
    """
    if not raw.is_dir():
        raise DataError(raw, None, "is not a folder; it should hold one file of reviews and one meta_* file")
    files = sorted(
        path for path in raw.iterdir() if path.name.endswith(SUFFIXES) and not path.name.startswith(".")
    )
    metadata = [path for path in files if path.name.startswith("meta_")]
    reviews = [path for path in files if not path.name.startswith("meta_")]
    if len(reviews) != 1 or len(metadata) != 1:
        found = ", ".join(path.name for path in files) or "none"
        wanted = "should hold one file of reviews and one meta_* file, as .json, .jsonl or either with .gz"
        raise DataError(raw, None, f"{wanted}; found: {found}")
    return AmazonFiles(reviews[0], metadata[0])


class Department:
    """One department of a dump in the folder `raw`. Raises DataError if its files are not there."""

    text = TEXT_FIELDS

    def __init__(self, raw: Path) -> None:
        self._files = find_files(raw)

    def files(self) -> tuple[Path, ...]:
        """Reviews and metadata."""
        return self._files


def reviews_by_the_day(path: Path) -> Iterator[RawInteraction]:
    """One interaction a review, as 2014 and 2018 write them."""
    for line, review in read_records(path):
        yield RawInteraction(
            require_id(review.get("reviewerID"), "reviewerID", path, line),
            require_id(review.get("asin"), "asin", path, line),
            require_seconds(review.get("unixReviewTime"), "unixReviewTime", path, line),
        )


def clean_text(value: object) -> str | None:
    """Scraped text without entities, tags, control characters, doubled spaces; None if nothing is left."""
    if not isinstance(value, str):
        return None
    text = TAG.sub(" ", html.unescape(value))
    return " ".join("".join(char if char.isprintable() else " " for char in text).split()) or None


def clean_title(value: object) -> str | None:
    """A title, or None where the scrape of 2018 stored a piece of the page's script instead."""
    text = clean_text(value)
    return None if text is None or "getTime()" in text else text


def clean_brand(value: object) -> str | None:
    """A brand; of an author's link text ("Visit Amazon's X Page") the author."""
    text = clean_text(value)
    link = AUTHOR_LINK.fullmatch(text) if text else None
    return link.group(1) if link else text


def clean_path(parts: object) -> list[str]:
    """A category path, root first.

    Ends before the first part with markup: from there on the scrape of 2018 lists page text.
    """
    path: list[str] = []
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, str) and "</span>" in part:
            break
        if text := clean_text(part):
            path.append(text)
    return path


def clean_description(*candidates: object) -> str | None:
    """The first candidate (a string, or a list of them) with any text, cut to 2,000 characters."""
    for candidate in candidates:
        parts: Iterable[object] = candidate if isinstance(candidate, list) else [candidate]
        if text := " ".join(filter(None, map(clean_text, parts))):
            return text[:MAX_DESCRIPTION].rstrip()
    return None


def parse_price(value: object) -> float | None:
    """A price in dollars, of a range ("$5.00 - $9.99") the lower end; None for anything else."""
    if isinstance(value, str):
        match = PRICE.fullmatch(value.strip())
        return float(match.group(1).replace(",", "")) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)
