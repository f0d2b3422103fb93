"""What a process and those it started hold in memory, as Linux counts it, with what they share counted once."""

import re
from collections import Counter
from contextlib import suppress
from typing import NamedTuple

from service.memory import PROC, descendants

KIB = 1024
ANONYMOUS = re.compile(
    r"^Pss_Anon:\s+(\d+) kB$", re.MULTILINE
)  # each page divided by the processes that have it
MAPPING = re.compile(
    r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ [1-9][0-9]* +(?P<path>[^\n]+)$.*?"
    r"^Rss: +(?P<resident>\d+) kB$.*?^Anonymous: +(?P<own>\d+) kB$",
    re.MULTILINE | re.DOTALL,
)


class Memory(NamedTuple):
    """MiB. `resident` counts mapped files too."""

    resident: float
    anonymous: float


def memory_of(process: int) -> Memory:
    """Of a process and all its descendants. Raises OSError where there is no such process."""
    anonymous, files = _anonymous(process), _files(process)
    for child in descendants(process):
        with suppress(OSError):  # it has ended meanwhile
            anonymous += _anonymous(child)
            files |= _files(child)  # the larger part of each file
    return Memory((anonymous + files.total()) / KIB, anonymous / KIB)


def _anonymous(process: int) -> int:
    """KiB that no file stands behind."""
    rollup = (PROC / str(process) / "smaps_rollup").read_text(encoding="ascii")
    return sum(map(int, ANONYMOUS.findall(rollup)))


def _files(process: int) -> Counter[str]:
    """KiB of each mapped file that are in memory as they are in the file."""
    files: Counter[str] = Counter()
    for mapping in MAPPING.finditer((PROC / str(process) / "smaps").read_text(encoding="utf-8")):
        files[mapping["path"]] += int(mapping["resident"]) - int(mapping["own"])
    return files
