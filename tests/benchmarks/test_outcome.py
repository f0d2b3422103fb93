"""The JSON every benchmark ends with."""

import json
from pathlib import Path

import pytest

from benchmarks._outcome import Check, publish


def test_a_check_passes_at_its_target_and_an_unmeasured_one_neither_passes_nor_fails() -> None:
    assert Check("speed", 2.0, "ms", "<=", 2.0).passed is True
    assert Check("speed", 2.1, "ms", "<=", 2.0).passed is False
    assert Check("recall", 0.5, "", ">=", 0.5).passed is True
    assert Check("recall", 0.4, "", ">=", 0.5).passed is False
    assert Check("recall", None, "", ">=", 0.5).passed is None


def test_the_last_line_is_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks = [Check("recall", 0.4, "share", ">=", 0.5)]
    publish("sample", "laser bench sample", "abc", {"toys": "12"}, [0, 1], checks, [{"key": "a"}], tmp_path)
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert json.loads((tmp_path / "sample.json").read_text()) == printed
    assert printed["checks"] == [{"name": "recall", "value": 0.4, "unit": "share", "op": ">=", "target": 0.5}]
    assert set(printed) == {"benchmark", "command", "commit", "machine", "data", "seed", "checks", "rows"}
    assert printed["machine"]["cores"] >= 1
    assert [path.name for path in tmp_path.iterdir()] == ["sample.json"]
