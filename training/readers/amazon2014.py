"""Amazon reviews 2014 (McAuley et al.

2015): `reviews_*.json.gz` in JSON, `meta_*.json.gz` in Python dict literals.

Times are whole days. Categories are a list of paths, of which the deepest is kept.
"""

from collections.abc import Iterator

from training.readers.amazon import (
    Department,
    clean_brand,
    clean_description,
    clean_path,
    clean_title,
    parse_price,
    reviews_by_the_day,
)
from training.readers.records import RawInteraction, read_records, require_id


class Amazon2014(Department):
    """One department of the 2014 dump in the folder `raw`. Raises DataError if its files are not there."""

    def interactions(self) -> Iterator[RawInteraction]:
        """One interaction a review."""
        return reviews_by_the_day(self._files.reviews)

    def items(self) -> Iterator[dict[str, object]]:
        """One record a product: title, brand, categories (path), price (dollars), description."""
        path = self._files.metadata
        for line, product in read_records(path, python_literals=True):
            yield {
                "item_id": require_id(product.get("asin"), "asin", path, line),
                "title": clean_title(product.get("title")),
                "brand": clean_brand(product.get("brand")),
                "categories": _deepest_path(product.get("categories")),
                "price": parse_price(product.get("price")),
                "description": clean_description(product.get("description")),
            }


def _deepest_path(categories: object) -> list[str]:
    paths = [clean_path(path) for path in categories] if isinstance(categories, list) else []
    return max(paths, key=len, default=[])  # the first of the longest
