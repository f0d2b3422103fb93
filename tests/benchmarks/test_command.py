"""What the benchmarks that start a service share: options, what is said without a bundle, how they end."""

import json
from argparse import Namespace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks._command import finish, service_parser
from benchmarks._outcome import MISSED, Check
from index.bundle import Manifest

NAMES = ("contract", "freshness", "redis_gone", "restarts", "service_speed", "soak", "swap")
Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("name", NAMES)
def test_without_a_bundle_it_says_how_to_get_one(name: str, tmp_path: Path, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        import_module(f"benchmarks.{name}").main(["--bundles", f"{tmp_path}/none"])
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    wrong = f"argument --bundles: no {tmp_path}/none; `laser demo` makes the demo's"
    assert said == f"laser bench {name}: error: {wrong}"


def test_the_killed_service_needs_a_home(tmp_path: Path, capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        import_module("benchmarks.kill").main(["--home", f"{tmp_path}/none"])
    assert "`laser demo` makes" in capsys.readouterr().err


def test_options_of_all_and_of_one(tmp_path: Path, capsys: Captured) -> None:
    parser = service_parser("name", "What it does.\n\nMore of it.")
    parser.add_argument("--rate", type=float, default=2.0)
    given = parser.parse_args(["--bundles", str(tmp_path), "--seed", "3"])
    assert (given.bundles, given.seed, given.rate, given.out.name) == (tmp_path, 3, 2.0, "results")
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    text = capsys.readouterr().out
    assert text.startswith("usage: laser bench name ")
    assert "What it does." in text
    assert "More of it." not in text


@pytest.mark.parametrize(("value", "status"), [(1.0, 0), (3.0, MISSED), (None, MISSED)])
def test_the_end_prints_publishes_and_says_whether_all_was_reached(
    value: float | None, status: int, tmp_path: Path, capsys: Captured
) -> None:
    manifest = Manifest("b1", datetime.now(UTC).isoformat(), "encoder", "data-hash", 0, 0, {}, {})
    given = Namespace(seed=4, rate=10.0, swaps=200, share=0.5, out=tmp_path)
    checks = [Check("slowness", value, "s", "<=", 2.0)]
    rows = [{"key": "one", "seconds": 7}]
    assert finish("swap", given, ("swaps", "rate", "share"), manifest, checks, rows) == status
    said = capsys.readouterr()
    outcome = json.loads(said.out)
    assert outcome == json.loads((tmp_path / "swap.json").read_text())
    assert outcome["command"] == "laser bench swap --swaps 200 --rate 10 --share 0.5 --seed 4"
    assert (outcome["data"], outcome["rows"]) == ({"b1": "data-hash"}, rows)
    assert outcome["checks"][0]["value"] == value
    assert "slowness" in said.err
    assert {1.0: "reached", 3.0: "missed", None: "not measured"}[value] in said.err
