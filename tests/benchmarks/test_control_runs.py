"""Baselines, rows, checks and the curve: from cases to the figures that are published; and once through, for real."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks import control
from benchmarks.control_bench import curve, report, runs, speed
from benchmarks.control_bench.baselines import DirectSearch, Keywords
from benchmarks.control_bench.cases import Case, Expected, Relative
from benchmarks.control_bench.metrics import Judgement
from benchmarks.control_bench.runs import Bench, body, said_by
from benchmarks.control_bench.service import Service
from benchmarks.control_bench.truth import lenient_filter, oracle_filter
from index.bundle import BundleWriter, publish, write_arrays
from index.catalog import Catalogue
from model.checkpoint import load_checkpoint, save_checkpoint
from service.constraints import Vocabulary
from tests.benchmarks.control_world import records, world
from tests.tiny import tiny_laser

STANLEY = {"must": [{"key": "brand", "eq": "Stanley"}]}


def test_keywords_find_values_and_understand_nothing_else() -> None:
    keywords = Keywords(world().catalogue)
    assert keywords.filter("no STANLEY, please!") == {"must": [{"key": "brand", "in": ["Stanley"]}]}
    assert keywords.filter("science fiction by bolt or orion") == {
        "must": [
            {"key": "genres", "in": ["Science Fiction"]},
            {"key": "brand", "in": ["Bolt", "Orion"]},
        ]
    }
    assert keywords.filter("science by stanly under $5") is None
    assert keywords.filter("") is None


def test_of_overlapping_values_the_longest_is_found() -> None:
    rows = [{"item_id": name, "kind": name} for name in ("nail polish", "nail", "nail polish remover")]
    found = Keywords(Catalogue.from_records(rows)).filter("a nail polish and a nail")
    assert found == {"must": [{"key": "kind", "in": ["nail polish", "nail"]}]}


def bench() -> Bench:
    shop = world()
    unasked = cast(Any, None)  # neither is called by what is tested with it
    return Bench(shop, cast(Service, unasked), cast(DirectSearch, unasked), Keywords(shop.catalogue), 30)


def test_what_each_served_system_is_asked() -> None:
    wanted = STANLEY | {"must_not": [{"key": "brand", "eq": "Bolt"}]}
    case = Case("x", "C8", "cheap stanley", Expected(wanted, relative=Relative("year", "low")), user=3)
    lenient = {"must": [{"key": "year", "lte": 1977.4}, wanted]}
    history = {"history": [{"item_id": "i3"}, {"item_id": "i13"}], "k": 10}
    asked = {system: body(bench(), case, system) for system in runs.SERVED}
    assert asked == {
        "laser": {**history, "constraint": "cheap stanley", "constraint_mode": "strict"},
        "soft": {**history, "constraint": "cheap stanley", "constraint_mode": "soft"},
        "no sentence": history,
        "oracle filter": {
            **history,
            "filter": {"must": [*lenient["must"], {"key": "brand", "exists": True}]},
        },
        "lenient oracle": {**history, "filter": lenient},
        "keyword filter": {**history, "filter": {"must": [{"key": "brand", "in": ["Stanley"]}]}},
    }


def test_the_oracle_leaves_out_what_may_be_unwanted_and_the_lenient_one_does_not() -> None:
    unwanted = {"must_not": [{"key": "brand", "eq": "Bolt"}, {"key": "genres", "eq": "War"}]}
    assert oracle_filter(world(), Expected(unwanted), 0) == {
        **unwanted,
        "must": [{"key": "brand", "exists": True}, {"key": "genres", "exists": True}],
    }
    assert lenient_filter(world(), Expected(unwanted), 0) == unwanted


def test_a_held_out_sentence_is_said_by_users_of_whose_target_it_is_true() -> None:
    shop = world()  # user u takes item u + 20: users 1, 5 and 9 take one by Stanley
    true = said_by(shop, [Case("a", "C1", "stanley", Expected(STANLEY))], 2, 0, 30)
    assert len(true) == 2
    assert {case.user for case in true} < {1, 5, 9}
    never = {"must": [{"key": "price", "gt": 50}]}
    assert len(said_by(shop, [Case("b", "C3", "over 50", Expected(never))], 2, 0, 30)) == 2


def test_both_sides_of_a_pair_are_said_by_the_same_users() -> None:
    sides = [
        Case("a", "C6", "stanley", Expected(STANLEY), pair="p"),
        Case("b", "C6", "not stanley", Expected({"must_not": STANLEY["must"]}), pair="p"),
    ]
    said = said_by(world(), sides, 4, 0, 30)
    assert [case.user for case in said[:4]] == [case.user for case in said[4:]]


def test_nobody_compares_with_a_history_that_has_no_numbers() -> None:
    shop = world()
    three = type(shop)(shop.name, shop.catalogue, ((110, 111), (8, 10), (112,)), (3, 3, 3))
    cheaper = Case("a", "C8", "cheaper than usual", Expected(relative=Relative("price", "low", "history")))
    assert [case.user for case in said_by(three, [cheaper], 3, 0, 30)] == [1]


def test_rows_hold_what_a_system_can_be_judged_by() -> None:
    pair = Case("x", "C6", "", Expected(), 1, "p")
    judged = [(pair, Judgement(right=1.0, exact=0.0)), (pair, Judgement(right=1.0, exact=1.0))]
    assert list(runs.rows({"laser": judged, "keyword filter": judged})) == [
        {"system": "laser", "type": "C6", "cases": 2, "right": 1.0, "exact": 0.5, "pairs": 1.0},
        {"system": "keyword filter", "type": "C6", "cases": 2, "right": 1.0, "pairs": 1.0},
    ]


def row(system: str, type_: str, cases: int = 100, **measures: float) -> dict[str, object]:
    return {"data": "shop", "set": "built", "system": system, "type": type_, "cases": cases, **measures}


def test_checks_are_what_must_be_reached() -> None:
    rows = [
        row("laser", "C1", satisfied=0.99, ndcg=0.19, alarm=0.0),
        row("oracle filter", "C1", ndcg=0.2),
        row("soft", "C1", satisfied=0.3),
        row("soft", "C1", satisfied=0.4, weight=2.0),
        row("laser", "C2", violations=0.02, alarm=0.1, cases=50),
    ]
    found = {check.name: (check.value, check.op, check.target, check.passed) for check in report.checks(rows)}
    assert found == {
        "shop.built.C1.satisfied": (0.99, ">=", 0.98, True),
        "shop.built.C1.ndcg_of_oracle": (0.95, ">=", 0.97, False),
        "shop.built.C2.violations": (0.02, "<=", 0.01, False),
        "shop.built.C7.false_alarms": (0.0333, "<=", 0.02, False),
    }


def test_false_alarms_count_every_sentence_once() -> None:
    assert (
        report.false_alarms([row("laser", "C1", 300, alarm=0.0), row("laser", "C9", 100, alarm=0.4)]) == 0.1
    )
    assert report.false_alarms([row("laser", "C7")]) is None


def test_the_table_leaves_out_what_was_not_measured() -> None:
    lines = report.table([row("laser", "C1", satisfied=0.5)]).splitlines()
    assert lines[0].split() == ["data", "set", "type", "system", "cases", *report.COLUMNS]
    assert lines[1].split() == ["shop", "built", "C1", "laser", "100", "0.500"]


def test_the_first_run_stays_whatever_comes_later(tmp_path: Path) -> None:
    path = tmp_path / "first.json"
    assert report.keep_first_run(path, {"rows": [1]})
    assert not report.keep_first_run(path, {"rows": [2]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"rows": [1]}


def test_the_curve_has_a_point_a_weight_and_types_count_by_their_cases() -> None:
    rows = [
        row("soft", "C1", 30, weight=1.0, satisfied=0.8, ndcg=0.1),
        row("soft", "C2", 10, weight=1.0, satisfied=0.4),
        row("soft", "C1", 30, weight=0.0, satisfied=0.2, ndcg=0.2),
        row("laser", "C1", satisfied=1.0, ndcg=0.3),
    ]
    found = curve.points(rows)
    assert [point.weight for point in found] == [0.0, 1.0]
    assert found[0] == (0.0, 0.2, 0.2)
    assert found[1][1:] == pytest.approx((0.7, 0.1))
    drawn = curve.svg("films & co", found)
    assert drawn.count("<circle") == 2
    assert "films &amp; co" in drawn
    assert 'points="129.6,74.9 313.6,169.5"' in drawn
    with pytest.raises(ValueError, match="no point"):
        curve.svg("none", [])


def test_a_source_is_a_name_two_folders_and_perhaps_columns() -> None:
    assert control.source_of("a=data:bundles") == control.Source("a", Path("data"), Path("bundles"))
    assert control.source_of("a=d:b:x,y").columns == ("x", "y")
    for wrong in ("a", "a=d", "=d:b", "a=d:", "a=d:b:x:y"):
        with pytest.raises(ValueError, match="NAME=DATA:BUNDLES"):
            control.source_of(wrong)


def test_without_its_folders_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert control.main(["--on", f"shop={tmp_path / 'none'}:{tmp_path}"]) == 2
    assert "laser demo" in capsys.readouterr().err


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data folder and a published bundle of the small shop, with a real, tiny, random Laser."""
    folder = tmp_path_factory.mktemp("shop")
    data, root = folder / "data", folder / "bundles"
    data.mkdir()
    lines = [
        json.dumps({name: value for name, value in item.items() if value is not None}) for item in records()
    ]
    (data / "items.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    log = [f"u{u},i{row},{n}" for u in range(10) for n, row in enumerate((u, u + 10, u + 20))]
    (data / "interactions.csv").write_text(
        "user_id,item_id,timestamp\n" + "\n".join(log) + "\n", encoding="utf-8"
    )
    info = {"name": "shop", "timestamp": "position", "text": ["title", "brand", "genres"]}
    (data / "dataset.json").write_text(json.dumps(info), encoding="utf-8")
    catalogue = Catalogue.from_records(records())
    save_checkpoint(tiny_laser(catalogue.item_ids, folder / "backbone"), folder / "checkpoint")
    laser = load_checkpoint(folder / "checkpoint", dtype="float32")
    with BundleWriter(root, "first") as writer:
        encoded = laser.encode_items(records())
        write_arrays(writer.folder, catalogue, encoded.vectors, encoded.text_vectors, encoded.token_ids)
        save_checkpoint(laser, writer.folder / "checkpoint")
        writer.seal(encoder_fingerprint=laser.fingerprint, data_hash="0" * 64)
    publish(root, "first")
    return f"shop={data}:{root}"


def test_each_sentence_is_timed_once() -> None:
    times = speed.read_times(["no bolt", "under 5", "no bolt"], Vocabulary(world().catalogue))
    assert times["cases"] == 2
    assert 0 < times["p50_ms"] <= times["p99_ms"]


def test_a_parser_that_takes_too_long_misses_its_limit() -> None:
    rows = [{"data": "a", "p50_ms": 0.4, "p99_ms": 2.5}, {"data": "a", "satisfied": 1.0}]
    assert [(check.name, check.passed) for check in speed.checks(rows)] == [
        ("a.parse.p50_ms", True),
        ("a.parse.p99_ms", False),
    ]


def test_once_through(shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steer = "batch_wait_ms=0,1"  # any setting that is a number: what is steered is the service's affair
    options = ["--cases", "4", "--steer-cases", "2", "--steer", steer, "--results", str(tmp_path)]
    assert control.main(["--on", shop, *options]) == 0
    result = json.loads((tmp_path / "control.json").read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == result
    assert set(result) == {"benchmark", "command", "commit", "machine", "data", "seed", "checks", "rows"}
    [times] = [row for row in result["rows"] if row["set"] == "speed"]
    assert 0 < times["p50_ms"] <= times["p99_ms"]
    assert {"shop.parse.p50_ms", "shop.parse.p99_ms"} <= {check["name"] for check in result["checks"]}
    result["rows"].remove(times)
    assert {(row["system"], row["type"]) for row in result["rows"] if "weight" not in row} == {
        (system, f"C{n}")
        for system in (*runs.SERVED, *runs.DIRECT)
        for n in range(1, 10)
        if n != 7 or system in runs.OURS
    }
    assert {row["cases"] for row in result["rows"] if "weight" not in row} == {4, 8}
    assert {row["cases"] for row in result["rows"] if "weight" in row} == {2}
    assert {row["weight"] for row in result["rows"] if "weight" in row} == {0.0, 1.0}
    oracle = {row["type"]: row for row in result["rows"] if row["system"] == "oracle filter"}
    assert {oracle[type_]["satisfied"] for type_ in ("C1", "C2", "C3", "C4", "C5", "C8")} == {1.0}
    assert oracle["C9"]["overlap"] == 1.0
    assert (tmp_path / "control_soft_shop.svg").is_file()
    assert not list(tmp_path.glob("*first_run*")), "the shop has no held-out sentences"
