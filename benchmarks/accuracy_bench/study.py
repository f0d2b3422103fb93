"""What all parts of the study share: where data and runs lie, how a run is trained once, and what identifies it."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from training.config import preset
from training.data import Dataset, leave_one_out, load_dataset
from training.evaluate import encode, evaluate
from training.evaluation_rows import Subject, TableRows
from training.finished_run import open_run
from training.pipeline import train
from training.run_ranks import FOLDER, RANKS_FILE, RunRanks
from training.task_bars import TaskBars

LASER_FILE = "laser.npz"  # ranks of the run's own rows alone, where the baselines are not asked for


class Job(NamedTuple):
    """One row to be measured. `recipe` changes with everything that decides it besides code and machine."""

    key: str
    recipe: str
    measure: Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Study:
    """`data` holds the data folders, `work` what is derived from them: smaller data, and runs. `overrides` apply to
    every run."""

    data: Path
    work: Path
    seeds: tuple[int, ...] = (0, 1, 2)
    preset: str = "cpu"
    overrides: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    console: Console = field(default_factory=lambda: Console(stderr=True))

    def folder(self, name: str) -> Path:
        """The data folder of that name, one of the study's own or one derived from it."""
        derived = self.work / "data" / name
        return derived if derived.is_dir() else self.data / name

    def recipe(self, data: str, seed: int, changes: Mapping[str, str] | None = None, base: str = "") -> str:
        """Short hash of a run's configuration, data and seed.

        How sentences are trained counts where it is named: no row without a sentence depends on it, to the bit.
        """
        settings = {**self.overrides, **(changes or {})}
        config = preset(base or self.preset, settings).to_dict()
        if not any(name.startswith("sentences.") for name in settings):
            config.pop("sentences", None)
        return digest([config, data_hash(self.folder(data)), seed])

    def place(self, data: str, seed: int, changes: Mapping[str, str] | None = None, base: str = "") -> Path:
        """Where the run of a configuration lies, trained or not."""
        return self.work / "runs" / f"{data}-{seed}-{self.recipe(data, seed, changes, base)}"

    def run(
        self,
        data: str,
        seed: int,
        changes: Mapping[str, str] | None = None,
        base: str = "",
        states_from: Path | None = None,
        states: str = "*rec-*.state",
    ) -> Path:
        """The finished run of a configuration: `base` (a preset) with `changes`. Trained, or gone on with, if need be.

        `states_from` is a run of the same data and seed whose stages named by `states` are the same, the ID
        recommenders unless said otherwise; they are copied.
        """
        run = self.place(data, seed, changes, base)
        if (run / "checkpoint").is_dir():
            return run
        if states_from is not None and not run.exists():
            (run / "state").mkdir(parents=True)
            for state in sorted((states_from / "state").glob(states)):
                shutil.copy(state, run / "state" / state.name)
        changes = {**self._spared(data), **self.overrides, **(changes or {})}
        train(self.folder(data), run, base or self.preset, seed, True, self.device, changes, self.console)
        return run

    def _spared(self, data: str) -> Mapping[str, str]:
        """What is left out of runs on derived data: no row of theirs depends on it, to the bit."""
        return {"sentences.epochs": "0"} if (self.work / "data" / data).is_dir() else {}

    def ranks(self, data: str, seed: int) -> RunRanks:
        """Ranks by every row of the table for the default configuration, measured unless they lie in the run."""
        run = self.run(data, seed)
        if not (run / FOLDER / RANKS_FILE).is_file():
            evaluate([run], self.folder(data), self.device, console=self.console)
        return RunRanks.load(run / FOLDER / RANKS_FILE)

    def laser_ranks(self, data: str, run: Path) -> RunRanks:
        """Ranks by the run's own rows alone, without penalties on the seen."""
        path = run / FOLDER / LASER_FILE
        if not path.is_file():
            dataset = load_dataset(self.folder(data))
            subject = self.subject(dataset, run)
            split = leave_one_out(dataset.histories)
            bars = TaskBars(self.console)
            rows = TableRows(dataset, split, subject, None, bars)
            with bars.shown():
                rows.rank_laser(with_penalty=False)
            RunRanks(subject.seed, dataset.data_hash, split.test.users, rows.ranks).save(path)
        return RunRanks.load(path)

    def subject(self, dataset: Dataset, run: Path) -> Subject:
        """The run's Laser with the data set's items encoded."""
        bars = TaskBars(self.console)
        with bars.shown():
            return encode(open_run(run, dataset, self.device), dataset, bars)


@cache
def data_hash(folder: Path) -> str:
    """The data set's hash, read once: nothing changes the data while the study runs."""
    return load_dataset(folder).data_hash


def digest(parts: Sequence[Any]) -> str:
    """Twelve digits of a sha256 over JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
