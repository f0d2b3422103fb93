"""The accuracy study from end to end on two tiny worlds, and what it does when it is started again."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks import accuracy
from benchmarks.accuracy_bench import ablations, low_resource
from tests.tiny import save_tiny_backbone
from tests.training_world import checkerboard, tiny_overrides, write_world
from training import plain_sasrec
from training.train_id_recommenders import IdTrainingConfig

pytestmark = pytest.mark.slow  # several runs, if tiny ones

SETTINGS = {
    "id_recommenders.kinds": "sasrec",
    "id_recommenders.epochs": "1",
    "laser.sources": "sasrec",
    "training.phase1_epochs": "1",
    "training.phase2_epochs": "1",
}
KEYS = [
    "headline/scientific/seed 0",
    "headline/scientific/seed 1",
    "headline/scientific/mean",
    "headline/beauty/seed 0",
    "headline/beauty/seed 1",
    "headline/beauty/mean",
    "interventions/scientific/seed 0",
    "interventions/scientific/seed 1",
    "interventions/scientific/mean",
    "faithful/scientific/seed 0",
    "instructions/scientific",
    "ablations/scientific/the default",
    "ablations/scientific/without MoE (K 1)",
    "cold-start/scientific",
    "low-resource/scientific/20 %",
    "low-resource/scientific/100 %",
    "transfer/beauty to scientific",
]


class Studied(NamedTuple):
    arguments: list[str]
    results: Path
    work: Path

    def rows(self) -> dict[str, dict[str, object]]:
        lines = (self.results / "accuracy.jsonl").read_text().splitlines()
        return {row["key"]: row for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Studied:
    root = tmp_path_factory.mktemp("study")
    backbone = save_tiny_backbone(root / "backbone")
    for name, seed in (("scientific", 0), ("beauty", 3)):
        write_world(root / "data" / name, checkerboard(40, seed=seed))
    settings = tiny_overrides(backbone) | SETTINGS
    arguments = ["--data", str(root / "data"), "--work", str(root / "work"), "--seeds", "0", "1"]
    arguments += ["--results", str(root / "results"), "--set", *(f"{k}={v}" for k, v in settings.items())]
    variants = dict(list(ablations.ABLATIONS.items())[:2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablations, "ABLATIONS", variants)
        patch.setattr(ablations, "EPOCHS", (1, 1))
        patch.setattr(low_resource, "SHARES", (20, 100))
        patch.setattr(plain_sasrec, "_TRAINING", IdTrainingConfig(kinds=("sasrec",), epochs=2))
        assert accuracy.main(arguments) == 0
        yield Studied(arguments, root / "results", root / "work")


def test_every_part_leaves_its_rows_in_order(studied: Studied) -> None:
    assert list(studied.rows()) == KEYS
    result = json.loads((studied.results / "accuracy.json").read_text())
    assert (result["benchmark"], result["seed"]) == ("accuracy", [0, 1])
    assert set(result["data"]) == {"scientific", "beauty"}
    assert [row["key"] for row in result["rows"]] == KEYS
    assert all(check["value"] is not None for check in result["checks"])


def test_the_headline_averages_the_seeds(studied: Studied) -> None:
    rows = studied.rows()
    of_seed = [
        {entry["name"]: entry["served"]["ndcg"] for entry in rows[f"headline/scientific/seed {seed}"]["rows"]}
        for seed in (0, 1)
    ]
    mean = {entry["name"]: entry["served"]["ndcg"] for entry in rows["headline/scientific/mean"]["rows"]}
    for name in ("SASRec", "Laser alone", "Laser (best configuration, fused)"):
        assert mean[name] == pytest.approx((of_seed[0][name] + of_seed[1][name]) / 2, abs=1e-5)
    assert rows["headline/scientific/mean"]["seeds"] == [0, 1]


def test_the_default_among_the_ablations_is_its_own_reference(studied: Studied) -> None:
    rows = studied.rows()
    reference = rows["ablations/scientific/the default"]
    assert all(pair["ndcg"]["mean"] == 0 for pair in reference["comparisons"])
    assert rows["ablations/scientific/without MoE (K 1)"]["rows"] != reference["rows"]


def test_who_says_nothing_is_answered_alike_with_and_without_the_sentence_head(studied: Studied) -> None:
    row = studied.rows()["instructions/scientific"]
    (pair,) = row["comparisons"]
    assert (pair["ndcg"]["low"], pair["ndcg"]["high"]) == (0, 0)


def test_what_no_row_of_derived_data_depends_on_is_not_trained(studied: Studied) -> None:
    with_sentences = {
        run.name.rpartition("-0-")[0]
        for run in (studied.work / "runs").glob("*-0-*")
        if "sentences" in json.loads((run / "run.json").read_text())["config"]
    }
    assert with_sentences == {"scientific", "beauty"}
    assert list((studied.work / "data").iterdir())


def test_low_resource_is_tested_on_all_users(studied: Studied) -> None:
    rows = studied.rows()
    assert rows["low-resource/scientific/20 %"]["users"] == 8
    assert rows["low-resource/scientific/100 %"]["users"] == 40
    with_all = {entry["name"]: entry for entry in rows["low-resource/scientific/100 %"]["rows"]}
    headline = {entry["name"]: entry for entry in rows["headline/scientific/seed 0"]["rows"]}
    assert with_all["simple sum"] == headline["simple sum"]


def test_cold_users_and_warm_users_are_told_apart(studied: Studied) -> None:
    row = studied.rows()["cold-start/scientific"]
    assert row["cold_items"] == 4
    assert 0 < row["cold_users"] < row["warm_users"]
    assert row["cold_users"] + row["warm_users"] == 40


def test_started_again_it_measures_only_what_has_no_row(
    studied: Studied, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = studied.results / "accuracy.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:12]) + lines[12][:40])  # killed while it wrote the cold start's row
    told: list[str] = []
    monkeypatch.setattr(accuracy.Store, "add", _told(accuracy.Store.add, told))
    assert accuracy.main(studied.arguments) == 0
    assert told == KEYS[12:]
    assert list(studied.rows()) == KEYS
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["benchmark"] == "accuracy"


def _told(add, told):  # type: ignore[no-untyped-def]
    def adding(self, row):  # type: ignore[no-untyped-def]
        told.append(row["key"])
        add(self, row)

    return adding


def test_a_changed_recipe_is_measured_anew(studied: Studied) -> None:
    before = studied.rows()["headline/scientific/seed 0"]["recipe"]
    changed = [*studied.arguments, "laser.decay=0.6"]
    changed += ["--parts", "headline", "--datasets", "scientific", "--seeds", "0"]
    assert accuracy.main(changed) == 0
    assert studied.rows()["headline/scientific/seed 0"]["recipe"] != before


def test_data_that_are_not_there_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert accuracy.main(["--data", str(tmp_path), "--datasets", "toys"]) == 2
    assert capsys.readouterr().err == f"accuracy: {tmp_path} has no data set toys; name its folder\n"
