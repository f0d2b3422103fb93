"""Which items of a catalogue a sentence is true of, looked up instead of searched for. Letters: I items."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from training.sentences import Attributes, Bound, Claim, Said


class Fulfilment:
    """The items behind every value and number that can be spoken of."""

    def __init__(self, attributes: Attributes) -> None:
        self._count = len(attributes.values)
        having: dict[Claim, list[int]] = defaultdict(list)
        numbers: dict[str, NDArray[np.float64]] = {}
        for item, known in enumerate(attributes.values):
            for name, values in known.items():
                for value in values:
                    having[Claim(name, value)].append(item)
        for item, measured in enumerate(attributes.numbers):
            for name, number in measured.items():
                numbers.setdefault(name, np.full(self._count, np.nan))[item] = number
        self._having = {claim: np.array(items) for claim, items in having.items()}
        self._numbers = numbers

    def of(self, said: Said) -> NDArray[np.bool_]:
        """Where the sentence is true. An item without the number lies on neither side of a bound. bool [I]."""
        if isinstance(said.about, Bound):
            numbers = self._numbers[said.about.attribute]
            return numbers < said.about.number if said.positive else numbers >= said.about.number
        true = np.full(self._count, not said.positive)
        true[self._having[said.about]] = said.positive
        return true
