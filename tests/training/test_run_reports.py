"""The pages about a run: written when it is trained and evaluated, and taken into the bundles made from it."""

import json
from pathlib import Path

import pytest

from training.report import write_training_report
from training.report.insight import stage_seconds
from training.run_reports import copy_pages, digest

HOSTILE = "<script>alert(1)</script>"
LINES = [
    {"stage": "sasrec-1", "epoch": 0, "loss": 6.0, "validation": 0.05, "seconds": 2.0},
    {"stage": "sasrec-2", "epoch": 0, "loss": 6.0, "validation": 0.0625, "seconds": 1.0},
    {"stage": "sasrec-2", "epoch": 1, "loss": 5.0, "validation": 0.125, "seconds": 50.0},
    {"stage": "sasrec-2", "epoch": 1, "loss": 5.0, "validation": 0.125, "seconds": 5.0},  # a resumed run's
    {"stage": "phase 1", "epoch": -1, "validation": 0.25},
    {"stage": "phase 1", "epoch": 0, "loss": 9.0, "validation": 0.125, "seconds": 52.0},
    {"stage": "fusion", "validation": 0.5},
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    described = {"preset": "demo", "seed": 3, "git": HOSTILE, "config": {"laser": {"decay": 0.7}}}
    (folder / "run.json").write_text(json.dumps(described))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return folder


def test_seconds_of_a_stage_are_those_of_its_epochs(run: Path) -> None:
    assert stage_seconds(run / "metrics.jsonl") == {"sasrec-1": 2.0, "sasrec-2": 6.0, "phase 1": 52.0}
    assert stage_seconds(run / "nothing.jsonl") == {}


def test_the_training_page_says_what_it_reached_when_and_with_what(run: Path) -> None:
    page = write_training_report(run, f"Films {HOSTILE}")
    assert page == run / "reports" / "training.html"
    text = page.read_text()
    assert "<script" not in text
    assert "Laser trained on Films &lt;script&gt;" in text
    assert "Preset demo, seed 3, 4 epochs." in text
    assert "<dt>As served</dt><dd>.5000<small>" in text
    assert "<dt>Laser alone</dt><dd>.2500<small>phase 1, before its first epoch</small>" in text
    assert "<dt>Best ID recommender</dt><dd>.1250<small>sasrec-2, after epoch 2</small>" in text
    assert "<dt>Epochs took</dt><dd>1.0 min<small>" in text
    assert '<th scope="row">phase 1</th><td>1</td><td>.2500</td><td>52.0</td>' in text
    assert '<th scope="row">laser.decay</th><td>0.7</td>' in text
    assert "default-src 'none'; style-src 'sha256-" in text.replace("&#x27;", "'")


def test_a_run_that_trained_nothing_still_has_its_settings(run: Path) -> None:
    (run / "metrics.jsonl").unlink()
    text = write_training_report(run, "Films").read_text()
    assert "What it was made with" in text
    assert "How it learned" not in text


def test_pages_are_copied_and_told_apart(run: Path, tmp_path: Path) -> None:
    assert digest(run) == ""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    copy_pages(run, bundle)
    assert list(bundle.iterdir()) == []
    write_training_report(run, "Films")
    first = digest(run)
    (run / "reports" / "evaluation.html").write_text("good")
    (run / "reports" / "other.html").write_text("not ours")
    assert digest(run) != first != ""
    copy_pages(run, bundle)
    assert sorted(path.name for path in (bundle / "reports").iterdir()) == [
        "evaluation.html",
        "training.html",
    ]
    assert (bundle / "reports" / "evaluation.html").read_text() == "good"


def test_a_link_is_no_page(run: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    (run / "reports").mkdir()
    (run / "reports" / "training.html").symlink_to(tmp_path / "secret")
    assert digest(run) == ""
