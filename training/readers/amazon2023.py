"""Amazon reviews 2023 (Hou et al.

2024): JSON lines; variants of a product share a `parent_asin`, which is the item here.

Times are milliseconds and become seconds with fractions.
"""

from collections.abc import Iterator

import orjson

from training.readers.amazon import (
    Department,
    clean_brand,
    clean_description,
    clean_path,
    clean_text,
    clean_title,
    parse_price,
)
from training.readers.records import RawInteraction, read_records, require_id, require_milliseconds


class Amazon2023(Department):
    """One department of the 2023 dump in the folder `raw`. Raises DataError if its files are not there."""

    def interactions(self) -> Iterator[RawInteraction]:
        """One interaction a review."""
        path = self._files.reviews
        for line, review in read_records(path):
            yield RawInteraction(
                require_id(review.get("user_id"), "user_id", path, line),
                require_id(review.get("parent_asin"), "parent_asin", path, line),
                require_milliseconds(review.get("timestamp"), "timestamp", path, line),
            )

    def items(self) -> Iterator[dict[str, object]]:
        """One record a product, as for 2018; the brand may stand in the details, else it is the store."""
        path = self._files.metadata
        for line, product in read_records(path):
            department = clean_text(product.get("main_category"))
            brand = clean_brand(_details(product.get("details")).get("Brand"))
            yield {
                "item_id": require_id(product.get("parent_asin"), "parent_asin", path, line),
                "title": clean_title(product.get("title")),
                "brand": brand or clean_brand(product.get("store")),
                "categories": clean_path(product.get("categories")) or ([department] if department else []),
                "price": parse_price(product.get("price")),
                "description": clean_description(product.get("description"), product.get("features")),
            }


def _details(value: object) -> dict[str, object]:
    """The table of details; some copies of the dump store it as a string of JSON."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}
