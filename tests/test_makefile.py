"""The Makefile and .ci/run: what they would do, and what they say where they cannot.

`make --dry-run` prints the commands of a fresh checkout; .ci/run runs against stand-ins for the tools it calls.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TARGETS = ["help", "demo", "test", "check", "serve", "bench", "soak", "docs", "clean"]


def make(*words: str) -> subprocess.CompletedProcess[str]:
    outer = (
        "FAISS",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
        "PYTHON",
        "TORCH_INDEX_URL",
        "VENV",
        "WORKERS",
    )  # of a `make test`
    env = {name: text for name, text in os.environ.items() if name not in outer}
    return subprocess.run(["make", *words], cwd=ROOT, env=env, capture_output=True, text=True)


def fresh(tmp_path: Path, *words: str) -> list[str]:
    """The commands make would run where there is no environment yet."""
    done = make("--dry-run", f"VENV={tmp_path}/env", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("\\\n", " ").splitlines()


def test_a_soak_takes_an_hour_or_the_minutes_it_is_given(tmp_path: Path) -> None:
    for given, minutes in (([], "60"), (["MINUTES=2"], "2")):
        assert fresh(tmp_path, "soak", *given)[-1].endswith(f"/env/bin/laser bench soak --minutes {minutes}")


def test_help_lists_every_target_with_what_it_does() -> None:
    done = make()
    assert re.findall(r"^make (\w+) +\S.*$", done.stdout, re.MULTILINE) == TARGETS
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert phony is not None
    assert phony[1].split() == TARGETS


def test_a_fresh_make_test_installs_the_pinned_packages_once_then_checks_then_tests(tmp_path: Path) -> None:
    commands = [re.sub(r"\s+", " ", command) for command in fresh(tmp_path, "test")]
    env = f"{tmp_path}/env"
    steps = [command for command in commands if command.startswith(env) or " -m venv " in command]
    assert steps[0].endswith(f" -m venv {env}")
    install = "-m pip install --disable-pip-version-check --constraint constraints.txt --editable"
    assert steps[1:] == [
        f'{env}/bin/python {install} ".[cpu,minilm,tracing,train,test,docs]" --editable ./client',
        f"{env}/bin/ruff format --check .",
        f"{env}/bin/ruff check .",
        f"{env}/bin/mypy",
        f"{env}/bin/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder",
    ]


def test_the_tests_run_in_as_many_processes_as_are_asked_for(tmp_path: Path) -> None:
    assert "pytest --numprocesses=4 " in fresh(tmp_path, "test", "WORKERS=4")[-1]


def test_a_fresh_make_demo_installs_no_test_tools_and_runs_the_demo(tmp_path: Path) -> None:
    commands = fresh(tmp_path, "demo")
    assert commands[-1] == f"{tmp_path}/env/bin/laser demo"
    assert any('--editable ".[cpu,minilm,train]" --editable ./client' in command for command in commands)


def test_faiss_and_the_index_of_torch_can_be_chosen(tmp_path: Path) -> None:
    commands = "\n".join(fresh(tmp_path, "demo", "FAISS=gpu", "TORCH_INDEX_URL=https://example.org/whl"))
    assert ".[gpu,minilm,train]" in commands
    assert "--extra-index-url https://example.org/whl" in commands
    assert "index-url" not in "\n".join(fresh(tmp_path, "demo"))


def test_an_environment_that_is_there_is_used_as_it_is(tmp_path: Path) -> None:
    env = tmp_path / "env"
    (env / "bin").mkdir(parents=True)
    for name in ("bin/python", ".ready-to-run", ".ready-to-test"):
        (env / name).touch()
    assert fresh(tmp_path, "demo") == [f"{env}/bin/laser demo"]


@pytest.mark.parametrize("words", [["PYTHON="], ["PYTHON=false"], ["PYTHON=/nowhere/python3"]])
def test_without_a_python_that_will_do_make_says_what_it_needs(tmp_path: Path, words: list[str]) -> None:
    done = make("demo", f"VENV={tmp_path}/env", *words)
    assert done.returncode == 2
    assert "Laser needs Python 3.11 or newer with its venv module" in done.stderr
    assert not (tmp_path / "env").exists()


def run_ci(tmp_path: Path, tools: dict[str, str]) -> list[str]:
    """The lines .ci/run prints where these tools, shell scripts, are all there is besides the system's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in {"make": 'echo "make $*"', **tools}.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    for name in ("bash", "dirname", "env", "sh"):
        (folder / name).symlink_to(str(shutil.which(name)))
    script = [str(folder / "bash"), str(ROOT / ".ci/run")]
    done = subprocess.run(script, env={"PATH": str(folder)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_ci_takes_the_tools_that_are_there(tmp_path: Path) -> None:
    there = {"redis-server": "echo v=7", "chromium": "echo v=150", "promtool": "echo v=2; echo of today"}
    lines = run_ci(tmp_path, {**there, "apt-get": "exit 9", "id": "echo 0"})
    assert lines == [
        "redis-server is here: v=7",
        "chromium is here: v=150",
        "promtool is here: v=2",
        "make test",
    ]


@pytest.mark.parametrize(
    ("there", "wanted"),
    [({}, "redis-server chromium prometheus"), ({"redis-server": "echo v=7"}, "chromium prometheus")],
)
def test_ci_installs_what_is_missing_as_root_before_the_gate(
    tmp_path: Path, there: dict[str, str], wanted: str
) -> None:
    lines = run_ci(tmp_path, {**there, "apt-get": 'echo "apt-get $*"', "id": "echo 0"})
    install = f"apt-get install --yes --no-install-recommends {wanted}"
    assert lines[-3:] == ["apt-get update", install, "make test"]


def test_ci_goes_on_without_what_it_cannot_install(tmp_path: Path) -> None:
    said, gate = run_ci(tmp_path, {"apt-get": "exit 9", "id": "echo 1000"})
    assert "going on without" in said
    assert gate == "make test"
