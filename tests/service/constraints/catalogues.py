"""Small catalogues of different trades, none of them known to the code, and a short way to write what was read."""

import json
from functools import cache

from demo.catalogue import FILMS_PATH
from index.catalog import Catalogue
from service.constraints import Constraint, Vocabulary
from service.constraints.types import Part, Relative, Together, Values

CUISINES = ("Thai", "Mexican", "Italian", "Indian")
AUTHORS = ("Julia Child", "Yotam Ottolenghi", "Samin Nosrat", "David Chang")
ALLERGENS = ("peanuts", "milk", "eggs", "shellfish")
MAKERS = ("Lenovo", "Dell", "Apple", "Clear")
DESIGNERS = ("Uwe Rosenberg", "Reiner Knizia")
REGIONS = (("France", "Bordeaux"), ("France", "Burgundy"), ("Spain", "Rioja"), ("Italy", "Tuscany"))
GRAPES = ("Merlot", "Cabernet Sauvignon", "Pinot Noir", "Tempranillo", "Syrah")
MECHANICS = ("deck building", "worker placement", "cooperative")


@cache
def films() -> Vocabulary:
    """The bundled demo's films."""
    records = (json.loads(line) for line in FILMS_PATH.read_text("utf-8").splitlines())
    return Vocabulary(Catalogue.from_records(records))


@cache
def recipes() -> Vocabulary:
    """Flags as booleans, several durations, a mass in grams."""
    return Vocabulary(
        Catalogue.from_records(
            {
                "item_id": f"r{n}",
                "title": f"recipe {n}",
                "cuisine": CUISINES[n % 4],
                "author": AUTHORS[n // 4 % 4],
                "prepMinutes": 5 * (1 + n % 9),
                "total_minutes": 15 * (1 + n % 11),
                "calories": 100 + 10 * n,
                "protein_g": 1.5 * (n % 37),
                "servings": 1 + n % 8,
                "vegan": n % 3 == 0,
                "allergens": [ALLERGENS[n % 4], ALLERGENS[(n + n // 4) % 4]] if n % 5 else [],
                "rating": 1 + n % 9 / 2,
            }
            for n in range(80)
        )
    )


@cache
def laptops() -> Vocabulary:
    """Units in the names of columns, a flag in words, a maker whose name is an everyday word."""
    return Vocabulary(
        Catalogue.from_records(
            {
                "item_id": f"l{n}",
                "title": f"{'clear' if n % 2 else 'matt'} notebook {n}",
                "maker": MAKERS[n % 3] if n else "Clear",
                "ram_gb": (8, 16, 32, 64)[n % 4],
                "weight_kg": 0.9 + n % 23 / 10,
                "screen_inches": (13.3, 14, 15.6)[n % 3],
                "price_eur": 300 + 37 * n,
                "touchscreen": "yes" if n % 2 else "no",
                "colour": ("black", "rose gold")[n % 2],
            }
            for n in range(80)
        )
    )


@cache
def games() -> Vocabulary:
    """Counts, "min" that is no minute, and a rank that is low for what sells."""
    return Vocabulary(
        Catalogue.from_records(
            {
                "item_id": f"g{n}",
                "title": f"game {n}",
                "designer": DESIGNERS[n % 2],
                "mechanics": [MECHANICS[n % 3]],
                "min_players": 1 + n % 4,
                "max_players": 4 + n % 4,
                "playtime": 15 * (1 + n % 12),
                "complexity": 1 + n % 41 / 10,
                "year_published": 1980 + n,
                "sales_rank": 1000 - 7 * n,
            }
            for n in range(44)
        )
    )


@cache
def wines() -> Vocabulary:
    """A path of places, a list of grapes, per cent, points, and a vintage that is a year."""
    return Vocabulary(
        Catalogue.from_records(
            {
                "item_id": f"w{n}",
                "title": f"Chateau {n}",
                "region": list(REGIONS[n % 4]),
                "grapes": [GRAPES[n % 5], GRAPES[(n + n // 5) % 5]],
                "colour": ("red", "white", "sparkling")[n % 3],
                "alcohol": 11.5 + n % 9 / 2,
                "vintage": 1990 + n % 30,
                "points": 80 + n % 20,
                "price_usd": 6 + 3 * n,
                "organic": n % 4 == 0,
            }
            for n in range(120)
        )
    )


CITIES = {
    "Lisbon": "Portugal", "Porto": "Portugal", "Berlin": "Germany", "Hamburg": "Germany", "Rome": "Italy",
    "Florence": "Italy", "New York": "United States", "San Sebastian": "Spain",
}  # fmt: skip
LODGINGS = ("hotel", "hostel", "apartment", "guesthouse", "resort")
AMENITIES = (
    "swimming pool",
    "gym",
    "sauna",
    "parking",
    "bar",
    "spa",
    "free wifi",
    "air conditioning",
    "garden",
)
CHAINS = ("Hilton", "Hilton Garden Inn", "Ibis", "Ibis Styles", "Marriott", "Generator", "Park Inn")
BICYCLES = ("Trek", "Canyon", "Specialized", "Brompton", "Giant", "Cube", "Riese & Müller")
BICYCLE_KINDS = ("road bike", "mountain bike", "city bike", "folding bike", "gravel bike", "cargo bike")
FIELDS = (
    ("Engineering", "Software"), ("Engineering", "Mechanical"), ("Healthcare", "Nursing"), ("Education", "Teaching"),
    ("Finance", "Accounting"),
)  # fmt: skip
EMPLOYERS = ("Siemens", "Bosch", "Contoso Labs", "Green Energy Partners", "Northwind", "Acme Robotics")
TONGUES = ("English", "German", "French", "Spanish")


@cache
def hotels() -> Vocabulary:
    """Yes and no with a participle in the name, one end of a range alone, two kinds of stars, a price per night."""
    cities = tuple(CITIES)
    return Vocabulary(
        Catalogue.from_records(
            {
                "item_id": f"h{n}",
                "title": f"Stay {n}",
                "chain": CHAINS[n % 7],
                "city": cities[n * 3 % 8],
                "country": CITIES[cities[n * 3 % 8]],
                "type": LODGINGS[n // 2 % 5],
                "amenities": [AMENITIES[n % 9], AMENITIES[(2 * n + 1) % 9], AMENITIES[n // 3 % 9]],
                "stars": 1 + n % 5,
                "review_score": 6 + n % 9 / 2.5,
                "price_per_night": 35 + 4 * n,
                "distance_km": 0.2 + n % 17 / 2,
                "year_built": 1900 + n % 120,
                "pets_allowed": n % 3 == 0,
                "breakfast_included": "yes" if n % 2 else "no",
                "no_smoking": n % 5 == 0,
                "max_guests": 1 + n % 6,
            }
            for n in range(160)
        )
    )


@cache
def bicycles() -> Vocabulary:
    """British spelling, a general noun in every category, two units of length, years beside prices like years."""
    return Vocabulary(
        Catalogue.from_records(
            {
                "item_id": f"b{n}",
                "title": f"Bike {n}",
                "brand": BICYCLES[n % 7],
                "category": ["Bicycles", BICYCLE_KINDS[n % 6]],
                "frame_material": ("aluminium", "carbon", "steel", "titanium")[n % 4],
                "colour": ("black", "red", "navy blue", "grey", "green")[n % 5],
                "brakes": ("disc brakes", "rim brakes", "coaster brake")[n % 3],
                "rider": ("men", "women", "children", "unisex")[n % 4],
                "wheel_size_inches": (20, 26, 27.5, 28, 29)[n % 5],
                "weight_kg": 8 + n % 30 / 2,
                "gears": (1, 3, 7, 8, 11, 21)[n % 6],
                "battery_range_km": 40 + n % 9 * 10 if n % 3 == 0 else None,
                "electric": n % 3 == 0,
                "model_year": 2012 + n % 12,
                "price_gbp": 250 + 35 * n,
            }
            for n in range(130)
        )
    )


@cache
def jobs() -> Vocabulary:
    """Pay instead of a price, hours a week, years that are no dates, a list of languages."""
    return Vocabulary(
        Catalogue.from_records(
            {
                "item_id": f"j{n}",
                "title": f"Position {n}",
                "company": EMPLOYERS[n % 6],
                "field": list(FIELDS[n % 5]),
                "seniority": ("junior", "mid-level", "senior", "lead", "internship")[n % 5],
                "contract": ("permanent", "temporary", "freelance")[n % 3],
                "city": ("Berlin", "Munich", "London", "Paris")[n // 2 % 4],
                "remote": n % 4 == 0,
                "salary_eur": 28000 + 900 * n,
                "hours_per_week": (20, 30, 35, 40)[n % 4],
                "experience_years": n % 12,
                "vacation_days": 24 + n % 10,
                "languages": [TONGUES[n % 4], TONGUES[n // 4 % 4]],
            }
            for n in range(96)
        )
    )


def shown(constraint: Constraint) -> str:
    """The clauses in one line: "genres=Horror; year>=1990 <=1999; ~price low25"."""
    return "; ".join(" | ".join(map(_part, clause)) for clause in constraint.clauses)


def _part(part: Part) -> str:
    if isinstance(part, Together):
        return ("all(" if part.include else "not(") + " & ".join(map(_part, part.parts)) + ")"
    soft = "~" if part.soft else ""
    if isinstance(part, Values):
        return f"{soft}{part.attribute}{'=' if part.include else '!='}{'/'.join(part.values)}"
    if isinstance(part, Relative):
        return f"{soft}{part.attribute}{' ' if part.include else ' not '}{part.side}{part.percentile:g}"
    signs = (("gte", ">="), ("gt", ">"), ("lte", "<="), ("lt", "<"))
    bounds = " ".join(
        f"{sign}{getattr(part, name):g}" for name, sign in signs if getattr(part, name) is not None
    )
    return f"{soft}{part.attribute}{'' if part.include else ' outside '}{bounds}"
