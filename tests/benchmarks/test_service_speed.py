"""The service benchmark's judgement, and a short run of it on a small world."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.service_bench.client import Sample
from benchmarks.service_bench.fast_loss import Ndcg, ndcg_of
from benchmarks.service_bench.holdings import held_mib
from benchmarks.service_bench.phases import Phase, Saturation, outside
from benchmarks.service_bench.requests import Asked
from benchmarks.service_speed import Measured, checks, main, rows
from index.bundle import open_bundle
from model.checkpoint import load_checkpoint
from tests.service.world import write_bundle

TIMING = "parse;dur=0.20, wait;dur=2.00, encode;dur=10.00, search;dur=1.00, total;dur=13.80"


def phase(key: str, seconds: list[float], status: int = 200, timing: str = "") -> Phase:
    return Phase(key, [Sample(status, float(n), each, timing) for n, each in enumerate(seconds)])


def measured() -> Measured:
    over = phase("over", [0.4, 0.4]).samples + phase("over", [0.01] * 4, 429).samples
    return Measured(
        saturation=Saturation([4.0, 2.0, 8.0], [phase("s", [1.0]), phase("s", [0.5]), phase("s", [0.25])]),
        alone=phase("alone", [0.015], timing=TIMING),
        quiet=phase("quiet", [0.1] * 99 + [0.2]),
        busy=phase("busy", [0.25]),
        over=Phase("over", over),
        healthz=phase("healthz", [0.004, 0.003]),
        repeated=phase("repeated", [0.002]),
        resident=700.0,
        held=200.0,
        ndcg=Ndcg(0.08, 0.06),
    )


def test_outside_is_what_is_left_of_a_request_seen_by_its_client() -> None:
    assert outside(Sample(200, 0.0, 0.015, TIMING)) == pytest.approx(0.002)


def test_every_requirement_is_a_check() -> None:
    found = {check.name: (check.value, check.op, check.target) for check in checks(measured())}
    assert found == {
        "requests/s over the encoder's prompts/s": (0.5, ">=", 0.80),  # of 1/4, 2/2, 4/8
        "outside p50": (pytest.approx(2.0), "<=", 1.5),
        "repeated request p50": (2.0, "<=", 3.0),
        "p99 over p50 at 70 %": (2.0, "<=", 3.0),
        "429 p99 at 3x": (10.0, "<=", 20.0),
        "answers/s at 3x over saturation": (pytest.approx(2 / 3.01 / 2), ">=", 0.90),
        "p99 at 3x over that at 80 %": (1.6, "<=", 2.0),
        "healthz p99 at 3x": (4.0, "<=", 50.0),
        "resident memory": (700.0, "<=", 700.0),
    }


def test_what_was_not_measured_is_absent() -> None:
    nothing = Phase("nothing", [])
    found = {check.name: check.value for check in checks(measured()._replace(over=nothing, alone=nothing))}
    assert [name for name, value in found.items() if value is None] == [
        "outside p50",
        "429 p99 at 3x",
        "p99 at 3x over that at 80 %",
    ]


def test_the_rows_tell_every_phase_memory_and_what_the_fast_path_loses() -> None:
    table = {str(row["key"]): row for row in rows(measured())}
    assert table["over"]["statuses"] == "200: 2 429: 4"
    assert table["encoder alone 2"]["answers_per_s"] == 2.0
    assert table["memory"] == {"key": "memory", "resident_mib": 700.0, "held_mib": 200.0}
    assert table["fast path"]["ndcg_loss"] == 0.25


def test_the_fast_path_is_judged_by_what_was_taken_next(tmp_path: Path) -> None:
    bundle = open_bundle(write_bundle(tmp_path))
    laser = load_checkpoint(bundle.folder / "checkpoint", dtype="float32")
    found = ndcg_of(bundle, laser, Asked([[1], [2, 3]], [1, 2], ""))
    assert found == Ndcg(0.0, 0.0)  # what was taken is seen, and never comes back
    everything = [[1]] * 41
    found = ndcg_of(bundle, laser, Asked(everything, list(range(41)), ""))
    best = sum(1 / np.log2(rank + 1) for rank in range(1, 11)) / 41
    assert found == pytest.approx((best, best))  # each of ten places is held by one of them


def test_what_must_be_held_is_weights_vectors_and_tokens(tmp_path: Path) -> None:
    bundle = open_bundle(write_bundle(tmp_path))
    laser = load_checkpoint(bundle.folder / "checkpoint", dtype="float32")
    arrays = bundle.vectors.nbytes + bundle.text_vectors.nbytes
    weights = sum(p.numel() * 4 for p in laser.backbone.parameters())
    assert (arrays + weights) / 2**20 < held_mib(bundle, laser) < (arrays + weights) / 2**20 + 1


@pytest.mark.slow
def test_a_short_run_measures_every_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundles = write_bundle(tmp_path)
    data = tmp_path / "data"
    write_data(data, open_bundle(bundles).catalogue.item_ids)
    arguments = ["--data", str(data), "--bundles", str(bundles), "--seconds", "0.5", "--out", str(tmp_path)]
    assert main(arguments) == 0
    outcome = json.loads(capsys.readouterr().out.splitlines()[-1])
    values = {check["name"]: check["value"] for check in outcome["checks"]}
    assert {name for name, value in values.items() if value is None} <= {"429 p99 at 3x"}
    statuses = {row["key"]: row.get("statuses", "") for row in outcome["rows"]}
    assert statuses["one at a time"].startswith("200: ")
    assert json.loads((tmp_path / "service_speed.json").read_text()) == outcome


def write_data(folder: Path, item_ids: tuple[str, ...]) -> None:
    """Users who take four items each, one after another."""
    folder.mkdir()
    lines = [json.dumps({"item_id": item_id, "title": f"thing {item_id}"}) for item_id in item_ids]
    (folder / "items.jsonl").write_text("\n".join(lines) + "\n")
    taken = [
        f"u{user},{item_ids[(user + step) % len(item_ids)]},{step}" for user in range(30) for step in range(4)
    ]
    (folder / "interactions.csv").write_text("\n".join(["user_id,item_id,timestamp", *taken]) + "\n")
    info = {"name": "small", "timestamp": "position", "text": ["title"]}
    (folder / "dataset.json").write_text(json.dumps(info))
