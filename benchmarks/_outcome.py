"""What every benchmark ends with: checks against their targets, one JSON file, and the same object as its last line."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
MISSED = 3  # exit status of a benchmark that ran to its end and misses a requirement; a crash is 1, wrong options are 2


class Check(NamedTuple):
    """One requirement: a measured value (None: not measured) against its target."""

    name: str
    value: float | None
    unit: str
    op: Literal[">=", "<="]
    target: float

    @property
    def passed(self) -> bool | None:
        """None where nothing was measured."""
        if self.value is None:
            return None
        return self.value >= self.target if self.op == ">=" else self.value <= self.target


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpu = Path("/proc/cpuinfo")
    if cpu.is_file():
        names = [
            line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if "model name" in line
        ]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
    }


def publish(
    benchmark: str,
    command: str,
    commit: str,
    data: Mapping[str, str],
    seed: int | Sequence[int],
    checks: Sequence[Check],
    rows: Sequence[Mapping[str, Any]],
    folder: Path = RESULTS,
) -> dict[str, Any]:
    """Write `folder`/`benchmark`.json and print the same object as one line. `data` names each data set's hash."""
    outcome = {
        "benchmark": benchmark,
        "command": command,
        "commit": commit,
        "machine": machine(),
        "data": dict(data),
        "seed": seed,
        "checks": [check._asdict() for check in checks],
        "rows": list(rows),
    }
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{benchmark}.writing"
    aside.write_text(json.dumps(outcome, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    aside.replace(folder / f"{benchmark}.json")
    print(json.dumps(outcome, allow_nan=False))
    return outcome
