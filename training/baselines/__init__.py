"""Baselines on training interactions or on text: small classes with `score(histories) -> float32 [B, I]`."""

from training.baselines.counts import Markov, Popularity
from training.baselines.item_item import EASE, ItemItem, ItemKNN, ease_items
from training.baselines.scorer import Scorer
from training.baselines.text import TextMax, TextMean, joined_text, tfidf_vectors

__all__ = [
    "EASE",
    "ItemItem",
    "ItemKNN",
    "Markov",
    "Popularity",
    "Scorer",
    "TextMax",
    "TextMean",
    "ease_items",
    "joined_text",
    "tfidf_vectors",
]
