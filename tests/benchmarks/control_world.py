"""A small shop for the tests of the control benchmark: 120 items whose every attribute follows from its number.

Item n: brand n % 4, genre n % 3, price n / 2, year 1960 + n // 2; items 110 and above have no price.
"""

from benchmarks.control_bench.world import World
from index.catalog import Catalogue

BRANDS = ("Acme Tools", "Stanley", "Bolt", "Orion")
GENRES = ("Garden", "Kitchen", "Science Fiction")


def records() -> list[dict[str, object]]:
    return [
        {
            "item_id": f"i{n}",
            "title": f"thing {n}",
            "brand": BRANDS[n % 4],
            "genres": [GENRES[n % 3], "Goods"],
            "price": n / 2 if n < 110 else None,
            "year": 1960 + n // 2,
        }
        for n in range(120)
    ]


def world(asked: tuple[str, ...] = ()) -> World:
    """Users 0..9: user u has seen items u and u + 10, and takes u + 20 next."""
    histories = tuple((u, u + 10) for u in range(10))
    targets = tuple(u + 20 for u in range(10))
    return World("shop", Catalogue.from_records(records()), histories, targets, asked)
