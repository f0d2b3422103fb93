"""Less of the same: maximal marginal relevance and caps per attribute, over candidates that come best first.

    next = argmax  mmr * relevance(i) - (1 - mmr) * max over chosen j of likeness(i, j)

(Carbonell and Goldstein 1998) among the candidates that no cap keeps out. relevance is the score, scaled so that the
first candidates span 0 to 1; likeness is the cosine of the Laser embeddings z, 0 where it is negative. Without `mmr`
the order is that of the scores, and equal values go to the better candidate.

An item counts for each of its values of a capped column: every value of a list, the last level of a path, a number
where it is one; text is compared as filters do. An item without a value is never kept out. Caps are obeyed from the
best item down, which is what the answer says; it does not search for a worse first item that would let one more in.

Letters: P candidates offered, C candidates so far, D width of z.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from index.columns import Column, ColumnKind, fold, parse_number, spell
from service.errors import ApiError, Code, FieldError
from service.selection_schemas import Diversity

TINY = np.finfo(np.float32).tiny  # keeps a vector of zeros from being divided by zero

Value = tuple[str, str | float]  # a column and one value in it
Vectors = NDArray[np.float32]


class Chooser:
    """Chooses k of the candidates it is offered; offer more while it `is_short`."""

    def __init__(self, k: int, diversity: Diversity, width: int) -> None:
        """`width` is D."""
        self.places: list[int] = []  # of the chosen, in the order of all candidates offered
        self.offered = 0
        self.full: set[Value] = set()  # values whose cap is reached
        self._k = k
        self._weight = 1.0 if diversity.mmr is None else diversity.mmr
        self._caps = diversity.max_per
        self._values: list[tuple[Value, ...]] = []
        self._carriers: defaultdict[Value, list[int]] = defaultdict(list)
        self._counts: Counter[Value] = Counter()
        self._scale: tuple[float, float] | None = None
        self._relevance = np.empty(0, np.float32)  # [C]
        self._vectors = np.empty((0, width), np.float32)  # [C, D], of unit length
        self._likeness = np.empty(0, np.float32)  # [C], the highest to what is chosen
        self._open = np.empty(0, bool)  # [C], neither chosen nor kept out

    @property
    def is_short(self) -> bool:
        """Fewer than k are chosen."""
        return len(self.places) < self._k

    def offer(self, scores: Sequence[float], z: Vectors, values: Sequence[tuple[Value, ...]]) -> None:
        """Choose on, with P more candidates, best first: their scores, embeddings z [P, D] and capped values."""
        if not len(scores):
            return
        first = len(self._values)
        self.offered += len(scores)
        self._values += values
        for place, own in enumerate(values, first):
            for value in own:
                self._carriers[value].append(place)
        unit = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), TINY)
        self._relevance = np.append(self._relevance, self._scaled(np.asarray(scores, np.float32)))
        self._vectors = np.concatenate([self._vectors, unit])
        chosen = self._vectors[self.places]  # [chosen, D]
        likeness = (unit @ chosen.T).max(axis=1, initial=0.0)  # [P]
        self._likeness = np.append(self._likeness, likeness)
        is_open = [self.full.isdisjoint(own) for own in values]
        self._open = np.append(self._open, np.array(is_open, bool))
        while self.is_short and self._open.any():
            self._choose(self._next())

    def _scaled(self, scores: Vectors) -> Vectors:
        """Relevance of scores, on the scale of those that came first."""
        if self._scale is None:
            low, high = float(scores.min()), float(scores.max())
            self._scale = low, (high - low) or 1.0
        low, span = self._scale
        scaled: Vectors = ((scores - low) / span).astype(np.float32)
        return scaled

    def _next(self) -> int:
        gain = self._weight * self._relevance - (1 - self._weight) * self._likeness  # [C]
        return int(np.where(self._open, gain, -np.inf).argmax())

    def _choose(self, place: int) -> None:
        self.places.append(place)
        self._open[place] = False
        if self._weight < 1:
            self._likeness = np.maximum(self._likeness, self._vectors @ self._vectors[place])
        for value in self._values[place]:
            self._counts[value] += 1
            if self._counts[value] == self._caps[value[0]]:
                self.full.add(value)
                self._open[self._carriers[value]] = False


def capped_values(
    attributes: Mapping[str, object], caps: Mapping[str, int], columns: Mapping[str, Column]
) -> tuple[Value, ...]:
    """What an item with these attributes counts for, each value once."""
    found: dict[Value, None] = {}
    for name in caps:
        value, kind = attributes[name], columns[name].kind
        if kind is ColumnKind.NUMERIC:
            number = parse_number(value)
            found |= {} if number is None else {(name, number): None}
            continue
        elements = value if isinstance(value, list) else [] if value is None else [value]
        texts = [text for text in (fold(spell(element)) for element in elements) if text]
        found |= {(name, text): None for text in (texts[-1:] if kind is ColumnKind.PATH else texts)}
    return tuple(found)


def check_caps(diversity: Diversity | None, columns: Mapping[str, Column]) -> None:
    """Raises ApiError (422) that names the capped attribute which is no column, or free text."""
    errors = []
    for name in diversity.max_per if diversity else ():
        column = columns.get(name)
        if column is None:
            detail = f"Columns are: {', '.join(columns) or 'none'}."
            errors.append(FieldError(f"diversity.max_per.{name}", Code.UNKNOWN_ATTRIBUTE, detail))
        elif column.kind is ColumnKind.TEXT:
            detail = "This column is free text: its values hardly repeat."
            errors.append(FieldError(f"diversity.max_per.{name}", Code.INVALID_FIELD, detail))
    if errors:
        raise ApiError.of(errors)
