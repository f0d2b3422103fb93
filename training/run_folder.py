"""A run on disk and in the terminal: its description, its metrics as JSON lines, its progress bars.

run.json        configuration, seed, data hash, git hash, versions: what a resumed run must agree with
metrics.jsonl   one line a finished epoch or stage
tensorboard/    the same, and every step of both phases, as event files
state/          resumable state of each stage
checkpoint/     the result
"""

import json
import math
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from training.event_files import EventFiles


class RunError(Exception):
    """The run folder cannot be used; the message says why and what to do."""


class RunFolder:
    """One run's folder. Creating it anew refuses to overwrite a run; `resume` refuses another run's folder."""

    def __init__(self, folder: Path, description: Mapping[str, Any], resume: bool, console: Console) -> None:
        self.folder, self.console = folder, console
        self.state = folder / "state"
        described = folder / "run.json"
        if described.is_file():
            _agree(described, description, resume)
        else:
            self.state.mkdir(parents=True, exist_ok=True)
            aside = described.with_suffix(".writing")
            aside.write_text(
                json.dumps({**description, **_origin()}, indent=1, sort_keys=True), encoding="utf-8"
            )
            aside.replace(described)
        self._description = description
        self._events: EventFiles | None = None
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    @property
    def checkpoint(self) -> Path:
        """Where the finished checkpoint lies."""
        return self.folder / "checkpoint"

    def log(self, stage: str, metrics: Mapping[str, float]) -> None:
        """Append one line to metrics.jsonl (null where a number is not finite) and say it in the terminal."""
        finite = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        line = {"stage": stage, "time": round(time.time(), 3), **finite}
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")
        said = "  ".join(f"{name} {_short(value)}" for name, value in metrics.items())
        self.console.print(f"[bold]{stage}[/bold]  {said}")
        if self._events is not None:
            self._events.stage(stage, metrics)

    def scalars(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """The numbers of one step, for the event files."""
        if self._events is not None:
            self._events.step(stage, step, values)

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Progress bars and event files of everything reported inside."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            self._progress, self._tasks = progress, {}
            self._events = EventFiles(self.folder / "tensorboard", self._description)
            try:
                yield
            finally:
                self._events.close()
                self._events = self._progress = None

    def step(self, stage: str, done: int, total: int) -> None:
        """Move the bar of a stage; it disappears when the stage is done."""
        if self._progress is None:
            return
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)
        if done >= total:
            self._progress.remove_task(self._tasks.pop(stage))


def _agree(described: Path, description: Mapping[str, Any], resume: bool) -> None:
    if not resume:
        raise RunError(
            f"{described.parent} already holds a run; continue it with --resume, or choose another folder"
        )
    try:
        before = json.loads(described.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{described} is damaged ({error}); start anew in another folder") from error
    for key, value in description.items():
        if before.get(key) != value:
            raise RunError(
                f"{described.parent} was started with another {_difference(key, before.get(key), value)}; "
                "resume it unchanged, or start anew"
            )


def _difference(key: str, before: object, now: object) -> str:
    """The dotted name of the first setting that differs, and how."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                return _difference(f"{key}.{name}", before.get(name), now.get(name))
    return f"{key} ({before}, now {now})"


def _origin() -> dict[str, str]:
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    return {"git": git_hash(), **versions}


def git_hash() -> str:
    """The checkout's commit, "unknown" outside one."""
    root = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"
