"""How much memory there is left, before something large is loaded that could do without."""

from collections.abc import Iterator
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")  # version 2, as a container sees its own


def available_memory(meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> int | None:
    """Bytes that this process can still have: the machine's, or its container's where those are fewer.

    None where the system does not say, as on anything but Linux.
    """
    return min(_known(meminfo, cgroup), default=None)


def _known(meminfo: Path, cgroup: Path) -> Iterator[int]:
    for line in _read(meminfo).splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024
    limit, used = _read(cgroup / "memory.max").strip(), _read(cgroup / "memory.current").strip()
    if limit.isdigit() and used.isdigit():  # "max" is no limit
        yield max(int(limit) - int(used) + _reclaimable(cgroup), 0)


def _reclaimable(cgroup: Path) -> int:
    """Pages of files that nobody used lately: the system takes them back before it refuses anything."""
    for line in _read(cgroup / "memory.stat").splitlines():
        name, _, size = line.partition(" ")
        if name == "inactive_file":
            return int(size)
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except OSError:
        return ""
