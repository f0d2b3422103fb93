"""Every example runs as its page says, and prints what its page shows, but for what the model decides."""

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.examples.conftest import ROOT, USERS
from tests.service.world import Running

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OF_THE_MODEL = re.compile(r"( {3}|\d+\. )")  # how a line begins that names recommended films
LONGEST_PAGE = 50  # lines: one screen


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, content) of the page's code blocks."""
    return [(match[1], match[2]) for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of a page in `folder`."""
    inherited: Mapping[str, str] = os.environ
    env = {**inherited, "PYTHONPATH": str(ROOT / "client"), "PYTHONWARNINGS": "error", **environment}
    return subprocess.run(
        shlex.split(command), cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def certain(output: str) -> list[str]:
    """The lines of an output, those about recommended films only as far as they are certain to be there."""
    return ["(film)" if OF_THE_MODEL.match(line) else line for line in output.splitlines()]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_does_what_its_page_says(example: Path, checkout: Path, films: Running) -> None:
    (_, command), (kind, shown) = blocks(example.with_suffix(".md"))
    assert kind == "text"
    assert command.startswith(f".venv/bin/python examples/{example.name}")
    done = run(command, checkout, LASER_URL=films.url)
    assert done.returncode == 0, done.stderr
    assert certain(done.stdout) == certain(shown.replace("3000", str(USERS)))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_fits_on_a_screen_and_is_listed(example: Path) -> None:
    page = example.with_suffix(".md").read_text(encoding="utf-8")
    assert len(page.splitlines()) <= LONGEST_PAGE
    assert f"[{example.stem}]({example.stem}.md)" in (ROOT / "examples/README.md").read_text(encoding="utf-8")


def test_the_batch_job_wrote_ten_films_for_everybody(checkout: Path, films: Running) -> None:
    (_, command), _ = blocks(ROOT / "examples/batch_job.md")
    run(command, checkout, LASER_URL=films.url)
    lines = (checkout / "recommendations.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == USERS
    assert lines[0].startswith('{"user_id": "u00001", "items": ["')
    assert all(len(re.findall(r'"[a-z0-9-]+-\d{4}"', line)) == 10 for line in lines)


def test_without_a_service_the_last_line_says_so(checkout: Path) -> None:
    done = run(".venv/bin/python examples/first_recommendation.py", checkout, LASER_URL="http://127.0.0.1:1")
    assert done.returncode == 1
    assert "got no answer from http://127.0.0.1:1, asked 4 times" in done.stderr.splitlines()[-1]


def test_the_clients_page_shows_code_that_runs(films: Running, capsys: pytest.CaptureFixture[str]) -> None:
    snippets = [code for kind, code in blocks(ROOT / "client/README.md") if kind == "python"]
    for code in snippets:
        exec(compile(code.replace("http://127.0.0.1:8000", films.url), "client/README.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert len(snippets) == 2
    assert [line[:2] for line in said[:5]] == ["1 ", "2 ", "3 ", "4 ", "5 "]
    assert said[5].startswith("5 ")
    assert len(said) == 8
