"""Words that compare: "under", "no longer than", "or newer". Which bound they set, and what they speak of.

Those with "than" come from the relative words: what is "cheaper than" 20 is below it, "no older than 1990" from it on.
"""

from collections.abc import Mapping
from functools import cache
from typing import Literal, NamedTuple

from service.constraints.relative import comparatives
from service.constraints.types import Side

Bound = Literal["lt", "lte", "gt", "gte", "about", "exactly"]
OPPOSITE: dict[Bound, Bound] = {"lt": "gte", "lte": "gt", "gt": "lte", "gte": "lt"}

COMPARATORS: dict[Bound, str] = {
    "lt": "under|below|less than|lower than|fewer than|smaller than|beneath|<|earlier than|prior to|before|pre",
    "lte": """
        at most|at the most|no more than|not more than|not over|not above|up to|max|maximum|maximum of
        max of|a maximum of|not exceeding|not to exceed|doesnt exceed|dont exceed|does not exceed
        do not exceed|within|<=|until|till|no later than|not later than|not after|capped at|limit of
        limit is|budget of|budget is|my budget|no higher than|no greater than|nothing over|nothing above
        nothing more than|not beyond|no over|nothing after|nothing past|cant exceed|less or equal
        dont want to spend more than|cant spend more than|not spend more than|spend at most|spend up to
        afford|cap of|a limit of|a budget of|only have|have only|only got|got only|just have
        no after|a cap of|lower or equal to|less than or equal to
    """,
    "gt": "over|above|more than|greater than|higher than|exceeding|exceeds|>|beyond|past|after|later than|post",
    "gte": """
        at least|at the least|no less than|not less than|no fewer than|not fewer than|minimum|minimum of
        a minimum of|starting at|min|min of|starting from|>=|since|not under|not below|no earlier than
        not earlier than|not before|upwards of|from at least|nothing under|nothing below|nothing less than
        no under|nothing before|no before|no lower than|no smaller than|greater than or equal to
        more than or equal to|a min of
    """,
    "about": "around|about|roughly|approximately|approx|circa|~|close to|nearly|near|somewhere around|more or less",
    "exactly": "exactly|precisely|equal to|equals|=|equal",
}  # fmt: skip
BEHIND: dict[Bound, str] = {
    "lte": """
        or less|or under|or below|or fewer|or cheaper|or shorter|or older|or earlier|or lower|or before
        or smaller|or closer|or nearer|or slower|or weaker|max|maximum|tops|at most|at the most|and under
        and below|and less|or lighter|and cheaper
        at the latest|at latest|the latest|and earlier|and older|and before|at max|and shorter
    """,
    "gte": """
        or more|or above|or over|or longer|or newer|or later|or higher|or up|or after|or greater|or bigger
        or larger|or better|or further|or farther|or stronger|or faster|or taller|or wider|or deeper|plus|and up
        and better|and above|and over|and later|and newer|and more|onwards|onward|on|and onwards
        and onward|minimum|min|at least|at the least|and after|or so and up|and upwards|or heavier|upwards
        and longer|and higher|up|upward|at the earliest|at earliest|the earliest
    """,
    "about": "or so|or thereabouts|ish|give or take",
}  # fmt: skip
WITH_THAN: dict[tuple[str, ...], tuple[tuple[str, Side], ...]] = {  # alone they say something else
    ("younger",): (("year", "high"), ("age", "low")),
    ("better",): (("rating", "high"),),
    ("worse",): (("rating", "low"),),
}
DATES = frozenset(["before", "after", "since", "until", "till", "pre", "post", "earlier", "later", "prior"])


class Comparator(NamedTuple):
    """What words like "older than" say of which concepts, and of which of them the opposite."""

    bound: Bound
    concepts: tuple[str, ...] = ()
    turned: tuple[str, ...] = ()


@cache
def comparator_table() -> Mapping[tuple[str, ...], Comparator]:
    """Comparators by their words, with the concepts they speak of, those made from relative words included."""
    table: dict[tuple[str, ...], Comparator] = {}
    compared: dict[tuple[str, ...], tuple[tuple[str, Side], ...]] = {
        words: sense.ends for words, sense in comparatives().items()
    }
    for words, ends in (compared | WITH_THAN).items():
        concepts = tuple(concept for concept, _ in ends)
        turned = tuple(concept for concept, side in ends if side != ends[0][1])
        bound: Bound = "lt" if ends[0][1] == "low" else "gt"
        table[(*words, "than")] = Comparator(bound, concepts, turned)
        for no in (("no",), ("not",), ("nothing",)):
            table[(*no, *words, "than")] = Comparator(OPPOSITE[bound], concepts, turned)
    for bound, text in COMPARATORS.items():
        for entry in _entries(text):
            table[entry] = Comparator(bound, ("year",) if DATES & set(entry) else ())
    return table


def _entries(text: str) -> list[tuple[str, ...]]:
    return [tuple(entry.split()) for entry in text.replace("\n", "|").split("|") if entry.strip()]


@cache
def behind_table() -> Mapping[tuple[str, ...], Bound]:
    """Words behind a quantity by the bound that they set: "or less"."""
    return {entry: bound for bound, text in BEHIND.items() for entry in _entries(text)}


@cache
def longest_comparator() -> int:
    """Words of the longest comparator."""
    return max(map(len, comparator_table()))
