"""The run folder: what it says about a run, whose folder it may be, and one valid JSON line a report."""

import io
import json
import re
import subprocess
from pathlib import Path

import pytest
import torch
from rich.console import Console

from training.run_folder import RunError, RunFolder, git_hash

DESCRIPTION = {
    "preset": "cpu",
    "seed": 0,
    "config": {"laser": {"decay": 0.7, "sources": []}},
    "data_hash": "ab",
}


def quiet() -> Console:
    return Console(file=io.StringIO(), width=200, force_terminal=False)


def lines(folder: Path) -> list[dict[str, object]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = (folder / "metrics.jsonl").read_text()
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def test_a_new_run_is_described_with_where_it_came_from(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "a" / "run", DESCRIPTION, resume=False, console=quiet())
    described = json.loads((tmp_path / "a" / "run" / "run.json").read_text())
    assert {key: described[key] for key in DESCRIPTION} == DESCRIPTION
    assert described["torch"] == torch.__version__
    assert set(described) - set(DESCRIPTION) == {"git", "python", "torch", "machine"}
    assert run.state.is_dir()
    assert run.checkpoint == run.folder / "checkpoint"
    assert sorted(path.name for path in run.folder.iterdir()) == ["run.json", "state"]


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    RunFolder(tmp_path, DESCRIPTION, resume=False, console=quiet())
    with pytest.raises(
        RunError, match="already holds a run; continue it with --resume, or choose another folder"
    ):
        RunFolder(tmp_path, DESCRIPTION, resume=False, console=quiet())


def test_resuming_goes_on_and_keeps_the_first_description(tmp_path: Path) -> None:
    RunFolder(tmp_path, DESCRIPTION, resume=True, console=quiet())  # nothing there yet: a new run
    before = json.loads((tmp_path / "run.json").read_text()) | {"git": "an earlier commit"}
    (tmp_path / "run.json").write_text(json.dumps(before))
    RunFolder(tmp_path, DESCRIPTION, resume=True, console=quiet())
    assert json.loads((tmp_path / "run.json").read_text()) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 1}, r"another seed \(0, now 1\)"),
        ({"data_hash": "cd"}, r"another data_hash \(ab, now cd\)"),
        ({"preset": "gpu"}, r"another preset \(cpu, now gpu\)"),
        (
            {"config": {"laser": {"decay": 0.8, "sources": []}}},
            r"another config\.laser\.decay \(0\.7, now 0\.8\)",
        ),
        ({"config": {"laser": {"decay": 0.7}}}, r"another config\.laser\.sources \(\[\], now None\)"),
    ],
)
def test_another_runs_folder_is_refused_with_what_differs(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    RunFolder(tmp_path, DESCRIPTION, resume=False, console=quiet())
    with pytest.raises(RunError, match=f"was started with {said}; resume it unchanged, or start anew"):
        RunFolder(tmp_path, DESCRIPTION | change, resume=True, console=quiet())


def test_a_damaged_description_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"seed": 0')
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        RunFolder(tmp_path, DESCRIPTION, resume=True, console=quiet())


def test_a_report_is_one_line_of_json_and_one_for_people(tmp_path: Path) -> None:
    console = quiet()
    run = RunFolder(tmp_path, DESCRIPTION, resume=False, console=console)
    run.log("phase 1", {"epoch": 3, "loss": 0.123456789})
    run.log("fusion", {"TF-IDF mean": 0.25, "users": 1_000_000})
    first, second = lines(tmp_path)
    assert isinstance(first.pop("time"), float)
    assert first == {"stage": "phase 1", "epoch": 3, "loss": 0.123456789}
    assert second["TF-IDF mean"] == 0.25
    assert console.file.getvalue() == (  # type: ignore[attr-defined]
        "phase 1  epoch 3  loss 0.1235\nfusion  TF-IDF mean 0.25  users 1000000\n"
    )


def test_a_number_that_is_not_finite_is_null(tmp_path: Path) -> None:
    run = RunFolder(tmp_path, DESCRIPTION, resume=False, console=quiet())
    run.log("phase 1", {"epoch": 0, "loss": float("nan"), "validation": float("-inf")})
    (line,) = lines(tmp_path)
    assert (line["epoch"], line["loss"], line["validation"]) == (0, None, None)


def test_lines_are_added_to_those_of_the_interrupted_run(tmp_path: Path) -> None:
    for epoch in range(2):
        run = RunFolder(tmp_path, DESCRIPTION, resume=True, console=quiet())
        run.log("phase 1", {"epoch": epoch})
    assert [line["epoch"] for line in lines(tmp_path)] == [0, 1]


def test_a_bar_appears_moves_and_goes(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    run = RunFolder(tmp_path, DESCRIPTION, resume=False, console=console)
    run.step("items", 1, 4)  # outside of progress(): nothing to move
    with run.progress():
        run.step("items", 1, 4)
        assert run._progress is not None
        (task,) = run._progress.tasks
        assert (task.description, task.completed, task.total) == ("items", 1, 4)
        run.step("items", 3, 4)
        assert task.completed == 3
        run.step("items", 4, 4)
        assert run._progress.tasks == []
        run.step("items", 2, 4)  # the same stage again, for the next epoch
        assert len(run._progress.tasks) == 1
    assert run._progress is None


def test_the_commit_is_the_checkouts_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", git_hash())

    def no_git(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", no_git)
    assert git_hash() == "unknown"
    monkeypatch.undo()
    outside = subprocess.CompletedProcess([], 128, stdout="", stderr="fatal: not a git repository")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: outside)
    assert git_hash() == "unknown"
