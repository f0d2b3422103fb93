"""What the machine, or the container, lets this process have: memory, what is left of it, and cores."""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")  # a container's own, as it sees it itself
LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # version 2, then version 1
SHARE = "cpu.max"  # microseconds of processor in a period, and the period


def memory_limit(cgroup: Path = CGROUP) -> int:
    """Bytes: the container's limit, or all the memory there is where that is less or no limit is set."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([total, *(limit for name in LIMITS if (limit := _number(cgroup / name)) is not None)])


def available_memory(meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> int | None:
    """Bytes that this process can still have: the machine's, or its container's where those are fewer.

    To be asked before something large is loaded that could be done without. None where the system does not say, as
    on anything but Linux.
    """
    return min(_left(meminfo, cgroup), default=None)


def usable_cores(cgroup: Path = CGROUP) -> float:
    """Cores: those this process may run on, or its container's share of the processor where that is less."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    quota, _, period = _text(cgroup / SHARE).partition(" ")
    return min(cores, int(quota) / int(period)) if quota.isdecimal() and period.isdecimal() else cores


def has_cuda() -> bool:
    """Whether there is a CUDA device that torch can use. Only a machine with a driver has torch loaded to say so."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()


def _left(meminfo: Path, cgroup: Path) -> Iterator[int]:
    kilobytes = _entry(meminfo, "MemAvailable:")
    if kilobytes is not None:
        yield kilobytes * 1024
    limit, used = _number(cgroup / LIMITS[0]), _number(cgroup / "memory.current")
    if limit is not None and used is not None:
        # Pages of files that nobody used lately: the system takes them back before it refuses anything.
        reclaimable = _entry(cgroup / "memory.stat", "inactive_file") or 0
        yield max(limit - used + reclaimable, 0)


def _number(path: Path) -> int | None:
    """None where there is no such file, or it says "max"."""
    text = _text(path)
    return int(text) if text.isdecimal() else None


def _entry(path: Path, name: str) -> int | None:
    """The number behind a name in a file of such lines; None where there is no such file, or line."""
    entries = (line.split() for line in _text(path).splitlines())
    return next((int(words[1]) for words in entries if words[:1] == [name]), None)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return ""
