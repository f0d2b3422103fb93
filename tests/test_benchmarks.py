"""Rounds of benchmarks, with small programs in the place of real ones."""

import json
from pathlib import Path

import pytest

import benchmarks
from benchmarks import BenchmarkError


def programs(folder: Path, **sources: str) -> Path:
    """A package of benchmarks, each of which first leaves a line in log.txt."""
    package = folder / "benchmarks_here"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, source in sources.items():
        log = f"import sys\nprint('{name}', *sys.argv[1:], file=open('log.txt', 'a'))\n"
        (package / f"{name}.py").write_text(log + source)
    return package


def log(package: Path) -> list[str]:
    return (package.parent / "log.txt").read_text().splitlines()


def test_one_benchmark_gets_its_options_and_its_status_comes_back(tmp_path: Path) -> None:
    package = programs(tmp_path, search="sys.exit(3)")
    assert benchmarks.run("search", ["--items", "10"], package) == 3
    assert log(package) == ["search --items 10"]


def test_a_name_that_is_none_is_refused_with_those_there_are(tmp_path: Path) -> None:
    package = programs(tmp_path, search="", encode="")
    with pytest.raises(BenchmarkError, match="there is no benchmark 'serch'; there are: encode, search"):
        benchmarks.run("serch", folder=package)


def test_a_round_that_was_stopped_goes_on_with_the_rest(tmp_path: Path) -> None:
    package = programs(tmp_path, a="", b="sys.exit(1)", c="")
    assert benchmarks.run_round(package) == 1
    assert log(package) == ["a", "b"]
    assert json.loads((package / "work" / "round.json").read_text()) == ["a"]

    (package / "b.py").write_text("print('b, mended', file=open('log.txt', 'a'))")
    assert benchmarks.run_round(package) == 0
    assert log(package) == ["a", "b", "b, mended", "c"]

    assert benchmarks.run_round(package) == 0, "the next round begins with the first again"
    assert log(package)[4:] == ["a", "b, mended", "c"]


def test_a_requirement_that_is_missed_stops_no_round(tmp_path: Path) -> None:
    package = programs(tmp_path, a="sys.exit(3)", b="")
    assert benchmarks.run_round(package) == 3
    assert log(package) == ["a", "b"]
    assert not (package / "work" / "round.json").exists()
