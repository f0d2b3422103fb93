"""What the machine, or the container, lets this process have at most: memory and cores."""

import os
from pathlib import Path

# A container's limit as it sees it itself: cgroup version 2, then version 1.
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


CGROUP_SHARE = Path("/sys/fs/cgroup/cpu.max")  # microseconds of processor in a period, and the period


def memory_limit() -> int:
    """Bytes: the container's limit, or all the memory there is where that is less or no limit is set."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([total, *(limit for path in CGROUP_LIMITS if (limit := _number(path)) is not None)])


def usable_cores() -> float:
    """Cores: those this process may run on, or its container's share of the processor where that is less."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        quota, period = CGROUP_SHARE.read_text("ascii").split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else min(cores, int(quota) / int(period))


def _number(path: Path) -> int | None:
    """None where there is no such file, or it says "max"."""
    try:
        text = path.read_text("ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
