"""How a catalogue uses words: in its titles, and in the values of its columns.

A column describes items (genres, categories) or names things (brands, directors); a word of titles may be an everyday
one although a maker is called so ("Clear"), or a general one that nearly every item goes by ("bike").

Letters: n titles that use a word.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from index.catalog import Catalogue
from index.columns import ColumnKind
from service.constraints.tokens import stems, tokenize

LEAST_TITLES, MOST_TITLES = 3, 0.5  # titles that tell, and the share with the value that clears a word
TITLES = 50_000  # looked at for how words are used
GENERAL = 0.7  # share of the items from which a word tells none of them apart
DESCRIPTIVE = 10.0  # mean items a value from which a column describes rather than names


@dataclass(frozen=True)
class Value:
    """One value of one column."""

    column: str
    value: str
    items: int


def describes(catalogue: Catalogue, name: str) -> bool:
    """Whether a column's values describe items (genres, categories) rather than name things (brands, directors)."""
    terms = catalogue.terms(name)
    if catalogue.columns[name].kind is ColumnKind.PATH:
        return True
    return bool(len(terms.values)) and len(terms.rows) / len(terms.values) >= DESCRIPTIVE


def is_everyday_word(
    catalogue: Catalogue, rows: np.ndarray | None, values: Sequence[Value], descriptive: frozenset[str]
) -> bool:
    """Most titles that use a word (at `rows`) belong to items without the values, which are of columns of names."""
    if rows is None or len(rows) < LEAST_TITLES or any(value.column in descriptive for value in values):
        return False
    with_it = np.unique(np.concatenate([catalogue.terms(v.column).rows_of(v.value) for v in values]))
    return bool(np.isin(rows, with_it).mean() < MOST_TITLES)


def general_nouns(
    catalogue: Catalogue,
    titles: Mapping[str, np.ndarray],
    values: Sequence[Value],
    descriptive: frozenset[str],
) -> frozenset[str]:
    """Words of most titles, and last words of a column's values that most items have one of."""
    looked_at = min(len(catalogue), TITLES)
    found = {word for word, rows in titles.items() if len(rows) > GENERAL * looked_at}
    carried: Counter[tuple[str, str]] = Counter()
    for value in values:
        if value.column in descriptive and (key := stems(value.value)) and len(key) > 1:
            carried[value.column, key[-1]] += value.items
    return frozenset(
        found | {word for (_, word), items in carried.items() if items > GENERAL * len(catalogue)}
    )


def title_words(catalogue: Catalogue) -> dict[str, np.ndarray]:
    """int rows of the titles that use each word, by its stem, of at most TITLES items."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row in range(min(len(catalogue), TITLES)):
        for stem in {token.stem for token in tokenize(catalogue.title(row)) if token.is_word}:
            rows[stem].append(row)
    return {stem: np.array(found) for stem, found in rows.items()}
