"""Compiled filters, kept as bitmaps: a filter that comes again costs the unpacking of n bits.

Filters are values, so equal ones are one entry, whoever sent them. The least recently used entries go when the bitmaps
and the filters themselves take more than the given bytes. A cache is of one bundle's catalogue. Of a live catalogue,
which changes all the time, it keeps what holds for the bundle's rows, and compiles the filter for the appended rows
each time: those are few. Rows that were hidden since may be True in a mask; whoever searches masks them besides.

Letters: n rows of the bundle, m appended.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import numpy as np

from index.catalog import Catalogue
from index.conditions import Filter, Match, Part
from index.filters import compile_mask
from index.live_catalogue import LiveCatalogue

OVERHEAD = 200  # bytes of an entry or a condition besides its texts, roughly


class FilterCache:
    """Masks of filters over one catalogue. Any number of threads may ask."""

    def __init__(
        self, catalogue: Catalogue, most_bytes: int, seen: Callable[[bool], None] = lambda hit: None
    ) -> None:
        """`catalogue` is the bundle's; `seen` is told of every question whether its answer was kept."""
        self.bytes = 0
        self._catalogue = catalogue
        self._most = most_bytes
        self._seen = seen
        self._kept: OrderedDict[Filter, np.ndarray] = OrderedDict()  # uint8 [n / 8], by when it was last used
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def mask(self, filter: Filter, catalogue: Catalogue) -> np.ndarray:
        """bool [n], or [n + m] of a live catalogue; a fresh array. The catalogue is the cache's own or based on it."""
        mask = self._of_bundle(filter)
        if catalogue is self._catalogue:
            return mask
        assert isinstance(catalogue, LiveCatalogue)
        assert catalogue.base is self._catalogue
        return np.concatenate([mask, compile_mask(filter, catalogue.appended)])

    def _of_bundle(self, filter: Filter) -> np.ndarray:
        with self._lock:
            bits = self._kept.get(filter)
            if bits is not None:
                self._kept.move_to_end(filter)
        self._seen(bits is not None)
        if bits is not None:
            return np.unpackbits(bits, count=len(self._catalogue)).view(bool)
        mask = compile_mask(filter, self._catalogue)
        self._keep(filter, np.packbits(mask))
        return mask

    def _keep(self, filter: Filter, bits: np.ndarray) -> None:
        size = bits.nbytes + _size(filter)
        if size > self._most:
            return
        with self._lock:
            if filter in self._kept:  # another thread was as quick
                return
            self._kept[filter] = bits
            self.bytes += size
            while self.bytes > self._most:
                dropped, old = self._kept.popitem(last=False)
                self.bytes -= old.nbytes + _size(dropped)


def _size(part: Part) -> int:
    """About how many bytes a filter takes itself."""
    if isinstance(part, Filter):
        return OVERHEAD + sum(_size(each) for each in (*part.must, *part.should, *part.must_not))
    values = part.values if isinstance(part, Match) else ()
    return OVERHEAD + sum(len(str(value)) + 50 for value in values)
