"""How long reading a sentence takes where no encoder is needed: milliseconds of one thread's CPU, each sentence once.

CPU time, not wall time: what else runs on the machine is not the parser's, and reading waits for nothing.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from benchmarks._outcome import Check
from service.constraints import Vocabulary, parse

LIMITS = {"p50_ms": 1.0, "p99_ms": 2.0}


def read_times(sentences: Iterable[str], vocabulary: Vocabulary) -> dict[str, float]:
    """Percentiles over the different sentences; the first few are read before the clock runs."""
    different = list(dict.fromkeys(sentences))
    for sentence in different[:5]:
        parse(sentence, vocabulary)
    taken = []
    for sentence in different:
        started = time.thread_time()
        parse(sentence, vocabulary)
        taken.append(1000 * (time.thread_time() - started))
    p50, p99 = np.percentile(taken, (50, 99)) if taken else (0.0, 0.0)
    return {"cases": float(len(different)), "p50_ms": float(p50), "p99_ms": float(p99)}


def checks(rows: Sequence[Mapping[str, object]]) -> Iterator[Check]:
    """What must be reached, of every row that has times."""
    for row in rows:
        for name, limit in LIMITS.items():
            if name in row:
                yield Check(f"{row['data']}.parse.{name}", round(float(str(row[name])), 3), "ms", "<=", limit)
