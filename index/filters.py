"""Hard filters: from JSON to a mask over the catalogue's rows.

{"must":     [{"key": "price", "gte": 5, "lte": 20}, {"key": "categories", "eq": "Makeup"}], "should":
[{"key": "brand", "in": ["Prada", "COKA"]}, {"must_not": [{"key": "brand", "exists": true}]}], "must_not":
[{"key": "title_language", "eq": "de"}]}

Semantics (those of Qdrant):

- A group holds where ALL parts of `must` hold, AT LEAST ONE part of `should` holds, and NONE of `must_not`
  holds; a list that is left out asks nothing. A part is a condition or again a group.
- A condition names one column and one operator: `eq` (one value), `in` (any of several), `exists` (true or
  false), or a range: at most one of `gte`, `gt` and at most one of `lte`, `lt`, together.
- eq and in hold where ANY value of the item equals one that is asked for: any element of a LIST, any level
  of a PATH (so "Makeup" finds Beauty > Makeup > Eyes). Text is compared without case, Unicode form and extra
  white space; true is the text "true"; numbers are compared as 64-bit floats. Ranges need a NUMERIC column.
  A TEXT column knows `exists` alone.
- An item whose value is missing (absent, null, blank, an empty list, not a number in a NUMERIC column) fails
  every condition on it but `exists: false`. Under `must_not` it therefore stays: `must_not price > 20` keeps
  items without a price; to drop them, add `must price exists`.
- A value that no item has is not an error: it matches nothing.

Whatever could only be a mistake is refused, with the JSON path of the place: unknown keys and operators,
values of the wrong type, empty groups and lists, ranges that nothing can satisfy, NaN, integers beyond 64
bits, more than 8 levels or 256 conditions.
"""

import numpy as np

from index.catalog import Catalogue
from index.columns import ColumnKind
from index.conditions import Exists, Filter, Match, Part, Range
from index.filter_parser import FilterError, parse_filter

__all__ = ["Exists", "Filter", "FilterError", "Match", "Range", "compile_mask", "parse_filter"]


def compile_mask(filter: Filter, catalogue: Catalogue) -> np.ndarray:
    """bool [n], True where an item satisfies the filter, parsed against this catalogue's columns."""
    mask = np.ones(len(catalogue), dtype=bool)
    for part in filter.must:
        mask &= _mask(part, catalogue)
    if filter.should:
        any_holds = np.zeros(len(catalogue), dtype=bool)
        for part in filter.should:
            any_holds |= _mask(part, catalogue)
        mask &= any_holds
    for part in filter.must_not:
        mask &= ~_mask(part, catalogue)
    return mask


def _mask(part: Part, catalogue: Catalogue) -> np.ndarray:
    if isinstance(part, Filter):
        return compile_mask(part, catalogue)
    if isinstance(part, Exists):
        present = catalogue.present(part.key)
        return present if part.exists else ~present
    if isinstance(part, Range):
        return _in_range(part, catalogue.numbers(part.key))
    if catalogue.columns[part.key].kind is ColumnKind.NUMERIC:
        return np.isin(catalogue.numbers(part.key), np.asarray(part.values))  # NaN equals nothing
    mask = np.zeros(len(catalogue), dtype=bool)
    terms = catalogue.terms(part.key)
    for value in part.values:
        mask[terms.rows_of(str(value))] = True
    return mask


def _in_range(bounds: Range, numbers: np.ndarray) -> np.ndarray:
    mask: np.ndarray = ~np.isnan(numbers)
    if bounds.gte is not None:
        mask &= numbers >= bounds.gte
    if bounds.gt is not None:
        mask &= numbers > bounds.gt
    if bounds.lte is not None:
        mask &= numbers <= bounds.lte
    if bounds.lt is not None:
        mask &= numbers < bounds.lt
    return mask
