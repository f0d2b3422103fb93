"""Of which items a sentence is true: by value and by number, on a catalogue that fits on a page."""

import pytest

from training.fulfilment import Fulfilment
from training.sentences import Attributes, Bound, Claim, Said

ITEMS = [
    {"item_id": "a", "brand": "Makita", "kinds": ["Drills", "Tools"], "price": 10},
    {"item_id": "b", "brand": "Stanley", "kinds": ["Tools"], "price": 20},
    {"item_id": "c", "brand": "Makita", "kinds": ["Saws"], "price": 30},
    {"item_id": "d", "brand": "Stanley", "kinds": ["Saws"]},
]


@pytest.mark.parametrize(
    ("about", "positive", "true"),
    [
        (Claim("brand", "Makita"), True, "ac"),
        (Claim("brand", "Makita"), False, "bd"),
        (Claim("kinds", "Tools"), True, "ab"),
        (Bound("price", 20), True, "a"),
        (Bound("price", 20), False, "bc"),  # d has no price
    ],
)
def test_a_sentence_is_true_of(about: Claim | Bound, positive: bool, true: str) -> None:
    found = Fulfilment(Attributes.read(ITEMS)).of(Said("", about, positive))
    assert "".join(item["item_id"] for item, fits in zip(ITEMS, found, strict=True) if fits) == true
