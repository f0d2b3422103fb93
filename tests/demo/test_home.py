"""The demo's folder: kept while what makes it is the same, made anew when not, never another's."""

import shutil
from pathlib import Path

import pytest

from demo.home import MAKERS, ROOT, DemoError, inputs_hash, prepare_home


def test_a_new_folder_is_made_and_kept_while_nothing_changes(tmp_path: Path) -> None:
    home = tmp_path / "runs" / "demo"
    prepare_home(home)
    (home / "bundles").mkdir()
    prepare_home(home)
    assert (home / "bundles").is_dir()


def test_what_another_version_made_is_removed(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    prepare_home(home)
    (home / "bundles").mkdir()
    (home / "inputs.json").write_text('{"sha256": "of another version"}')
    prepare_home(home)
    assert [path.name for path in home.iterdir()] == ["inputs.json"]


def test_a_folder_of_somebody_elses_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(DemoError, match="holds something other than the demo"):
        prepare_home(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_hash_follows_the_files_that_make_the_demo_and_no_others(tmp_path: Path) -> None:
    for package in MAKERS:
        shutil.copytree(ROOT / package, tmp_path / package)
    before = inputs_hash(tmp_path)
    assert before == inputs_hash()

    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "app.py").write_text("# another")
    (tmp_path / "demo" / "films.jsonl.swp").touch()
    assert inputs_hash(tmp_path) == before
    films = tmp_path / "demo" / "films.jsonl"
    films.write_text(films.read_text(encoding="utf-8").replace("Alien", "Aliem", 1), encoding="utf-8")
    assert inputs_hash(tmp_path) != before
