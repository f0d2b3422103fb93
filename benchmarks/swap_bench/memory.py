"""What a process holds in memory, as Linux counts it."""

import re
from pathlib import Path
from typing import NamedTuple

KIB = 1024
LINE = re.compile(r"^(VmRSS|RssAnon):\s+(\d+) kB$", re.MULTILINE)


class Memory(NamedTuple):
    """MiB. `resident` counts mapped files too."""

    resident: float
    anonymous: float


def memory_of(process: int) -> Memory:
    """Raises OSError where there is no such process."""
    sizes = dict(LINE.findall(Path(f"/proc/{process}/status").read_text(encoding="ascii")))
    return Memory(int(sizes["VmRSS"]) / KIB, int(sizes["RssAnon"]) / KIB)
