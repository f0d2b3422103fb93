"""Programs that measure Laser against peers and limits: `laser bench NAME` runs benchmarks/NAME.py.

Each prints a table and, as its last line, one JSON object that it also writes to
benchmarks/results/NAME.json: {"benchmark", "command", "commit", "machine", "data", "seed",
"checks": [{"name", "value", "unit", "op", "target"}], "rows": [...]}. A value is measured or absent.

A round runs all of them, one after another. It remembers in benchmarks/work/round.json which have finished,
so a round that was interrupted goes on with the rest.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks._outcome import MISSED

FOLDER = Path(__file__).parent


class BenchmarkError(Exception):
    """There is no such benchmark; the message names those there are."""


def names(folder: Path = FOLDER) -> list[str]:
    """All benchmarks, in the order of their names."""
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def run(name: str, arguments: Sequence[str] = (), folder: Path = FOLDER) -> int:
    """Run one benchmark in the project's root and return its exit status. Raises BenchmarkError."""
    if name not in names(folder):
        known = ", ".join(names(folder)) or "none"
        raise BenchmarkError(f"there is no benchmark {name!r}; there are: {known}")
    command = [sys.executable, "-m", f"{folder.name}.{name}", *arguments]
    return subprocess.run(command, cwd=folder.parent).returncode


def run_round(folder: Path = FOLDER) -> int:
    """Run what this round has not finished. Returns 0, or MISSED if a benchmark says so of a requirement.

    At any other status the round stops, and it is returned.
    """
    state = folder / "work" / "round.json"
    finished: list[str] = json.loads(state.read_text(encoding="utf-8")) if state.is_file() else []
    outcome = 0
    for name in names(folder):
        if name in finished:
            print(f"{name}: finished earlier in this round", file=sys.stderr)
            continue
        status = run(name, folder=folder)
        if status not in (0, MISSED):
            return status
        outcome = max(outcome, status)
        finished.append(name)
        state.parent.mkdir(exist_ok=True)
        state.write_text(json.dumps(finished), encoding="utf-8")
    state.unlink(missing_ok=True)
    return outcome
