"""Amazon reviews 2018 (Ni, Li, McAuley 2019): reviews as in 2014, metadata in JSON with page markup.

Times are whole days. Prices are strings, of which many are scraped style sheets; products may come twice.
"""

from collections.abc import Iterator

from training.readers.amazon import (
    Department,
    clean_brand,
    clean_description,
    clean_path,
    clean_text,
    clean_title,
    parse_price,
    reviews_by_the_day,
)
from training.readers.records import RawInteraction, read_records, require_id


class Amazon2018(Department):
    """One department of the 2018 dump in the folder `raw`. Raises DataError if its files are not there."""

    def interactions(self) -> Iterator[RawInteraction]:
        """One interaction a review."""
        return reviews_by_the_day(self._files.reviews)

    def items(self) -> Iterator[dict[str, object]]:
        """One record a product: title, brand, categories (path), price, description (else features)."""
        path = self._files.metadata
        for line, product in read_records(path):
            department = clean_text(product.get("main_cat"))  # of a logo's <img> tag nothing is left
            yield {
                "item_id": require_id(product.get("asin"), "asin", path, line),
                "title": clean_title(product.get("title")),
                "brand": clean_brand(product.get("brand")),
                "categories": clean_path(product.get("category")) or ([department] if department else []),
                "price": parse_price(product.get("price")),
                "description": clean_description(product.get("description"), product.get("feature")),
            }
