"""The OpenAPI document in the repository is the application's, and the command that writes it says what is wrong."""

import json
from pathlib import Path

import pytest

from service.openapi import COMMAND, document, main

FILE = Path(__file__).parent.parent.parent / "docs" / "openapi.json"
Captured = pytest.CaptureFixture[str]


def test_the_file_is_what_the_application_says() -> None:
    same = FILE.read_text(encoding="utf-8") == document()
    assert same, f"the API has changed: run `{COMMAND} docs/openapi.json` and look at the difference"


def test_settings_change_nothing_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = document()
    monkeypatch.setenv("LASER_HOST", "0.0.0.0")
    monkeypatch.setenv("LASER_MAX_K", "7")
    monkeypatch.setenv("LASER_KEYS_FILE", str(tmp_path / "missing.json"))
    assert document() == before


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    target = tmp_path / "openapi.json"
    assert main([str(target)]) == 0
    assert target.read_text(encoding="utf-8") == document()
    assert json.loads(document())["openapi"] == "3.1.0"


def test_the_command_says_in_one_line_what_is_wrong(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([]) == 2
    assert main([str(tmp_path / "no" / "openapi.json")]) == 2
    monkeypatch.setenv("LASER_PORT", "70000")
    assert main([str(tmp_path / "openapi.json")]) == 2
    first, second, third = capsys.readouterr().err.splitlines()
    assert first == f"laser: name the file to write: {COMMAND} docs/openapi.json"
    assert second.endswith("No such file or directory: '" + str(tmp_path / "no" / "openapi.json") + "'")
    assert third.startswith("laser: LASER_PORT=70000: ")
