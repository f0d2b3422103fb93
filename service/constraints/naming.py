"""Columns whose values are one of many of a kind: cities, makers, languages, colours.

Such values are called by their names. A word that is as near to all of them ("Tokyo" among European cities, "purple"
among other colours) is another of the kind, which the catalogue does not have, and means none of them. Of a column
that describes (genres, categories) a word means the one value that stands out: "scary".
"""

from rapidfuzz.distance import OSA

from service.constraints.attributes import name_stems

KINDS = frozenset(
    ["brand", "maker", "manufacturer", "company", "employer", "chain", "city", "town", "country", "state", "region",
     "province", "district", "county", "place", "location", "destination", "origin", "nationality", "language",
     "author", "director", "designer", "artist", "band", "actor", "publisher", "label", "studio", "producer", "vendor",
     "seller", "shop", "store", "team", "school", "airport", "airline", "neighborhood", "area", "color", "material"]
)  # fmt: skip
BARE = frozenset(
    ["language", "color", "material"]
)  # whose names stand before a noun: "a purple bike", "Dutch films"
KIN = 0.55  # least similarity of the spelling of "French" and "France"
SAME = 2  # letters that they begin with


def is_naming(column: str) -> bool:
    """Whether the column's name says so."""
    return bool(KINDS & set(name_stems(column)))


def is_bare(column: str) -> bool:
    """Whether its names need no "in" or "from" before them."""
    return bool(BARE & set(name_stems(column)))


def is_kin(word: str, value: str) -> bool:
    """Whether a word is made of the value's name: "French", "greenish"."""
    one, other = word.casefold(), value.casefold()
    return one[:SAME] == other[:SAME] and OSA.normalized_similarity(one, other) >= KIN
