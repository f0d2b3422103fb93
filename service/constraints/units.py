"""Units and number words, and what a column's name says about its numbers.

A small table on purpose: quantulum3 and pint know more units but parse in milliseconds and import in tenths of a
second, while a request has one millisecond; what shops and libraries say in a sentence is here.
"""

from typing import NamedTuple

from service.constraints.tokens import stem_of


class Unit(NamedTuple):
    """A dimension, and how much of its base unit one of this unit is."""

    dimension: str
    factor: float


# Base units: currency, minute, gram, centimetre, square metre, millilitre, megabyte, watt, kilocalorie, per cent, star,
# kilometre/h.
UNITS: dict[str, dict[str, float]] = {
    "money": {"$": 1, "€": 1, "£": 1, "¥": 1, "₹": 1, "dollar": 1, "buck": 1, "usd": 1, "euro": 1, "eur": 1, "gbp": 1,
              "pound": 1, "quid": 1, "yen": 1, "rupee": 1, "cent": 0.01, "pence": 0.01, "penny": 0.01, "chf": 1},
    "time": {"second": 1 / 60, "sec": 1 / 60, "s": 1 / 60, "ms": 1 / 60_000, "minute": 1, "min": 1, "hour": 60,
             "hr": 60, "h": 60, "day": 1440, "week": 10_080, "month": 43_800, "year": 525_600, "yr": 525_600},
    "mass": {"mg": 0.001, "milligram": 0.001, "g": 1, "gram": 1, "gr": 1, "kg": 1000, "kilo": 1000, "kilogram": 1000,
             "lb": 453.592, "lbs": 453.592, "pound": 453.592, "oz": 28.3495, "ounce": 28.3495, "ton": 1e6},
    "length": {"mm": 0.1, "millimeter": 0.1, "millimetre": 0.1, "cm": 1, "centimeter": 1, "centimetre": 1, "m": 100,
               "meter": 100, "metre": 100, "km": 100_000, "kilometer": 100_000, "kilometre": 100_000, "inch": 2.54,
               "foot": 30.48, "ft": 30.48, "yard": 91.44, "mile": 160_934.4},
    "area": {"sqm": 1, "m2": 1, "square meter": 1, "sq m": 1, "m 2": 1, "sqft": 0.092903, "ft2": 0.092903,
             "square foot": 0.092903, "sq ft": 0.092903, "ft 2": 0.092903, "hectare": 10_000, "acre": 4046.86},
    "volume": {"ml": 1, "milliliter": 1, "millilitre": 1, "cl": 10, "dl": 100, "l": 1000, "liter": 1000, "litre": 1000,
               "gallon": 3785.41, "pint": 473.176, "floz": 29.5735, "ounce": 29.5735, "oz": 29.5735},
    "data": {"kb": 0.001, "mb": 1, "megabyte": 1, "gb": 1000, "gig": 1000, "gigabyte": 1000, "tb": 1e6,
             "terabyte": 1e6},
    "power": {"w": 1, "watt": 1, "kw": 1000, "kilowatt": 1000, "hp": 745.7, "horsepower": 745.7},
    "energy": {"kcal": 1, "calorie": 1, "calory": 1, "cal": 1, "kj": 0.239},
    "share": {"%": 1, "percent": 1, "pct": 1},
    "stars": {"star": 1},
    "speed": {"kmh": 1, "kph": 1, "mph": 1.609},
}  # fmt: skip

# Words in a column's name (as stems) that tell what its numbers are of. A concept is what relative words speak of.
CONCEPTS: dict[str, tuple[str, ...]] = {
    "price": ("price", "cost", "msrp", "fee", "fare", "usd", "eur", "gbp", "dollar", "euro", "rent"),
    "year": ("year", "released", "release", "date", "published", "publication", "vintage", "founded", "built"),
    "duration": ("runtime", "duration", "minute", "min", "hour", "time", "playtime", "second", "sec", "day", "length"),
    "pages": ("page", "pagecount"),
    "pay": ("salary", "wage", "pay", "income", "compensation", "earning"),
    "party": ("player", "guest", "person", "serving", "seat", "passenger", "sleep", "adult", "occupancy"),
    "weight": ("weight", "weigh", "mass", "kg", "gram", "lb", "ounce"),
    "size": ("size", "width", "height", "depth", "diameter", "screen", "inch", "cm", "mm", "area", "sqft", "sqm",
             "volume", "capacity", "length", "footage"),
    "rating": ("rating", "score", "star", "grade", "point"),
    "rank": ("rank", "ranking", "chart"),
    "popularity": ("popularity", "vote", "review", "sale", "sold", "download", "view", "play", "follower", "listener"),
    "speed": ("speed", "mph", "kmh", "mbps"),
    "age": ("age",),
    "distance": ("distance", "mileage", "range", "km", "mile"),
    "energy": ("calorie", "calory", "kcal", "energy"),
    "power": ("power", "watt", "wattage", "horsepower", "hp"),
    "strength": ("abv", "alcohol", "proof", "strength", "intensity"),
    "heat": ("spiciness", "spice", "scoville", "heat", "hotness"),
    "difficulty": ("difficulty", "complexity"),
    "memory": ("memory", "ram", "storage", "disk"),
}  # fmt: skip
CONCEPT_DIMENSION = {
    "price": "money", "pay": "money", "duration": "time", "weight": "mass", "size": "length", "rating": "stars",
    "energy": "energy", "power": "power", "memory": "data", "strength": "share", "speed": "speed", "distance": "length",
}  # fmt: skip
DIMENSION_CONCEPT = {"money": "price", "time": "duration", "mass": "weight", "stars": "rating"}
PERIODS = frozenset(
    ["night", "day", "week", "month", "year", "hour", "person", "head", "piece", "bottle", "unit", "item"]
)
CODES = ("eur", "usd", "gbp", "chf")
SYMBOLS = ("$", "€", "£", "¥", "₹")
NUMBERS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "dozen": 12, "couple": 2,
}  # fmt: skip
TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
SCALES = {"hundred": 100.0, "thousand": 1000.0, "million": 1e6, "k": 1000.0, "grand": 1000.0, "mln": 1e6}
DECADES = {
    "twenties": 20, "thirties": 30, "forties": 40, "fifties": 50, "sixties": 60, "seventies": 70, "eighties": 80,
    "nineties": 90, "noughties": 0, "aughts": 0,
}  # fmt: skip


def units_of(word: str) -> tuple[Unit, ...]:
    """The units a word can mean: "pound" is money and mass."""
    stem = stem_of(word)
    return tuple(
        Unit(dimension, table.get(word, table.get(stem, 0.0)))
        for dimension, table in UNITS.items()
        if word in table or stem in table
    )


def concepts_of(name_stems: tuple[str, ...]) -> tuple[str, ...]:
    """The concepts that a column's name speaks of, the one of its last word first: "release_year" is a year."""
    found: dict[str, None] = {}
    for stem in reversed(name_stems):
        for concept, marks in CONCEPTS.items():
            if stem in marks:
                found[concept] = None
    if "rank" in found:  # "sales_rank": a place, not a number of sales
        return ("rank",)
    if "pay" in found:  # "salary_eur": what one gets, not what one pays
        return ("pay",)
    if next(iter(found), "") == "rating":  # "review_score": how good, not how many
        found.pop("popularity", None)
    return tuple(found)
