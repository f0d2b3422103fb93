"""The evaluation on a checkerboard world, where the item after next is always the right one and Markov knows it."""

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import save_file

from model.checkpoint import load_checkpoint, save_checkpoint
from model.id_recommenders import IdRecommender, Kind, build_id_recommender
from model.vectors import History
from tests.tiny import tiny_laser
from training import train_id_recommenders
from training.collective_ease import PlacedNeighbours
from training.data import Dataset, leave_one_out, load_dataset
from training.evaluate import evaluate, make_table
from training.finished_run import open_run
from training.metrics import history_mask, target_ranks
from training.ranking import summarise
from training.report_table import EvaluationTable
from training.run_folder import RunError
from training.run_ranks import RunRanks
from training.scorers import IdScorer
from training.train_id_recommenders import IdTrainingConfig

ITEMS = 40
ITEM_IDS = [f"i{n:02d}" for n in range(ITEMS)]
ROWS = [
    "popularity",
    "Markov (first order)",
    "item-kNN",
    "EASE",
    "TF-IDF, mean",
    "TF-IDF, maximum",
    "frozen text, mean",
    "frozen text, maximum",
    "SASRec",
    "SASRec (text-initialised)",
    "GRU4Rec (text-initialised)",
    "EASE with text (Laser's neighbours)",
    "simple sum",
    "Laser alone, zero-shot",
    "Laser alone",
    "Laser (best configuration, fused)",
]


def write_world(folder: Path, users: int = 60) -> Path:
    """Red items and blue items in turn; a user stays on one colour and takes the next item of it, five times."""
    folder.mkdir()
    text = {"name": "checkerboard", "timestamp": "position", "text": ["title"]}
    (folder / "dataset.json").write_text(json.dumps(text))
    with (folder / "items.jsonl").open("w") as file:
        for row, item_id in enumerate(ITEM_IDS):
            file.write(
                json.dumps({"item_id": item_id, "title": ("red", "blue")[row % 2] + f" x{row}"}) + "\n"
            )
    with (folder / "interactions.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["user_id", "item_id", "timestamp"])
        for user in range(users):
            for step in range(5):
                table.writerow([f"u{user:02d}", ITEM_IDS[(user + 2 * step) % ITEMS], step])
    return folder


def write_run(folder: Path, dataset: Dataset, fused: bool = True, seed: int = 0) -> Path:
    """A finished run with a tiny random Laser."""
    laser = tiny_laser(ITEM_IDS, folder / "backbone", fused=fused)
    trained = {"kinds": ["sasrec", "gru4rec"], "width": 16, "text_start": 0.1}
    description = {"data_hash": dataset.data_hash, "seed": seed, "config": {"id_recommenders": trained}}
    (folder / "run.json").write_text(json.dumps(description))
    save_checkpoint(laser, folder / "checkpoint")
    (folder / "state").mkdir()
    for kind, model in final_recommenders().items():
        best = {f"best/{name}": value for name, value in model.named_parameters()}
        save_file(best, folder / "state" / f"{kind}-2.state")
    return folder


def final_recommenders() -> dict[str, IdRecommender]:
    """What the run trained: the GRU is in no checkpoint, since its fusion weight is 0."""
    config = IdTrainingConfig(width=16)
    torch.manual_seed(4)
    kinds: tuple[Kind, ...] = ("sasrec", "gru4rec")
    return {kind: build_id_recommender(config.shape(kind, ITEMS)).eval() for kind in kinds}


def quiet() -> Console:
    return Console(file=io.StringIO())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Dataset]:
    """Run folder, data folder and the data."""
    root = tmp_path_factory.mktemp("evaluation")
    data = write_world(root / "data")
    dataset = load_dataset(data)
    return write_run(root / "run", dataset), data, dataset


@pytest.fixture(scope="module")
def table(world: tuple[Path, Path, Dataset]) -> EvaluationTable:
    run, data, _ = world
    return evaluate([run], data, console=quiet())


def test_the_table_has_every_row_once_and_in_order(table: EvaluationTable) -> None:
    assert [row.name for row in table.rows] == ROWS
    assert (table.data, table.users, table.items, table.seeds) == ("checkerboard", 60, ITEMS, (0,))


def test_in_the_checkerboard_world_markov_is_always_right(table: EvaluationTable) -> None:
    served = {row.name: row.served for row in table.rows}
    assert served["Markov (first order)"] == (1.0, 1.0, 1.0)
    assert served["item-kNN"].recall == 1.0
    assert served["popularity"].recall < 0.5
    assert served["simple sum"].ndcg > 0.9
    assert served["TF-IDF, mean"].recall > served["popularity"].recall


def test_laser_rows_are_the_inner_products_of_the_served_vectors(
    world: tuple[Path, Path, Dataset], table: EvaluationTable
) -> None:
    run, _, dataset = world
    laser, test = load_checkpoint(run / "checkpoint"), leave_one_out(dataset.histories).test
    items = laser.encode_items(dataset.items)
    users = laser.encode_users(
        [
            History(
                tuple(ITEM_IDS[row] for row in rows),
                tuple(items.token_ids[row] for row in rows),
                items.text_vectors[rows],
            )
            for rows in test.histories
        ]
    )
    by_name = {row.name: row for row in table.rows}
    arrays = laser.neighbours(ITEM_IDS, items.text_vectors)
    assert arrays is not None
    boosts = PlacedNeighbours(arrays).score(test.histories)
    parts = {"Laser alone": users[:, :32] @ items.vectors[:, :32].T}
    parts["Laser (best configuration, fused)"] = users @ items.vectors.T + boosts
    for name, scores in parts.items():
        seen = history_mask(test.histories, ITEMS)
        served, unmasked = target_ranks(scores, test.targets, seen), target_ranks(scores, test.targets)
        np.testing.assert_allclose(by_name[name].served, summarise(served), rtol=1e-4)
        np.testing.assert_allclose(by_name[name].plain, summarise(unmasked), rtol=1e-4)
    assert laser.width > 32
    assert boosts.max() > 0


def test_id_recommender_rows_are_the_runs_own_whatever_the_checkpoint_kept(
    world: tuple[Path, Path, Dataset], table: EvaluationTable
) -> None:
    test = leave_one_out(world[2].histories).test
    by_name = {row.name: row for row in table.rows}
    for kind, model in final_recommenders().items():
        ranks = target_ranks(IdScorer(kind, model).score(test.histories), test.targets)
        row = by_name[{"sasrec": "SASRec", "gru4rec": "GRU4Rec"}[kind] + " (text-initialised)"]
        np.testing.assert_allclose(row.unmasked, summarise(ranks), rtol=1e-5)


def test_without_the_runs_state_the_checkpoints_recommenders_stand_in(
    world: tuple[Path, Path, Dataset], tmp_path: Path
) -> None:
    run = write_run(tmp_path, world[2])
    shutil.rmtree(run / "state")
    assert set(open_run(run, world[2], "cpu").id_recommenders(ITEMS)) == {"sasrec"}


def test_comparisons_are_against_the_baselines_that_matter(table: EvaluationTable) -> None:
    pairs = {(found.name, found.against): found for found in table.comparisons}
    assert set(pairs) == {
        ("Laser alone", "Laser alone, zero-shot"),
        ("Laser alone", "SASRec"),
        ("Laser alone", "EASE"),
        ("Laser alone", "simple sum"),
        ("Laser (best configuration, fused)", "Markov (first order)"),
        ("Laser (best configuration, fused)", "EASE"),
        ("Laser (best configuration, fused)", "EASE with text (Laser's neighbours)"),
        ("Laser (best configuration, fused)", "simple sum"),
    }
    rows = {row.name: row for row in table.rows}
    for (name, against), found in pairs.items():
        assert found.ndcg.mean == pytest.approx(rows[name].served.ndcg - rows[against].served.ndcg)
        assert found.ndcg.low <= found.ndcg.mean <= found.ndcg.high
    assert pairs["Laser alone", "simple sum"].ndcg.high < 0  # random weights against the right answer


def test_the_sum_uses_what_knows_the_answer(table: EvaluationTable) -> None:
    (weights,) = table.sum_weights
    assert max(weights.values()) == 1.0
    assert weights["item-kNN"] + weights["EASE"] > 0


def test_text_and_json_say_the_same(table: EvaluationTable) -> None:
    text = table.text()
    assert "checkerboard: 60 test users, 40 items, seed 0" in text
    assert "| Markov (first order)" in text
    assert "1.0000" in text
    assert "Laser alone against simple sum, as served: NDCG@10 -" in text
    plain = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    always_right = {"recall": 1.0, "ndcg": 1.0, "mrr": 1.0}
    assert plain["rows"][1] == {
        "name": "Markov (first order)",
        "served": always_right,
        "unmasked": always_right,
        "unmasked_without_penalty": always_right,
        "penalties": [],
        "intervals": {key: {"mean": 1.0, "low": 1.0, "high": 1.0} for key in ("recall", "ndcg")},
        "served_by_seed": [always_right],
    }
    assert plain["comparisons"][0]["against"] == "Laser alone, zero-shot"
    with_penalty = {row["name"] for row in plain["rows"] if row["penalties"]}
    assert with_penalty == {"simple sum", "Laser (best configuration, fused)"}


def test_the_plain_sasrec_is_trained_once_and_kept(
    world: tuple[Path, Path, Dataset], table: EvaluationTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data, _ = world
    assert (run / "evaluation" / "baseline-sasrec.state").is_file()

    def no_epoch(*arguments: object) -> float:
        raise AssertionError("trained again")

    monkeypatch.setattr(train_id_recommenders, "_epoch", no_epoch)
    again = evaluate([run], data, console=quiet())
    assert again.rows == table.rows


def test_the_ranks_of_a_run_are_kept_in_its_folder(
    world: tuple[Path, Path, Dataset], table: EvaluationTable
) -> None:
    run, _, dataset = world
    kept = RunRanks.load(run / "evaluation" / "ranks.npz")
    assert list(kept.ranks) == ROWS
    assert (kept.seed, kept.data_hash) == (0, dataset.data_hash)
    assert kept.users.tolist() == list(range(60))
    assert make_table(dataset, [kept]) == table


def test_the_report_is_written_beside_the_table(
    world: tuple[Path, Path, Dataset], table: EvaluationTable, tmp_path: Path
) -> None:
    run, data, _ = world
    assert evaluate([run], data, console=quiet(), report=tmp_path / "out").rows == table.rows
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "<h1>Laser on checkerboard</h1>" in page
    assert "Who gets which expert" in page
    assert (run / "reports" / "evaluation.html").read_text(encoding="utf-8") == page


def test_a_quick_look_ranks_some_users_by_what_needs_no_training_of_its_own(
    world: tuple[Path, Path, Dataset], tmp_path: Path
) -> None:
    data, dataset = world[1:]
    run = write_run(tmp_path, dataset)
    table = evaluate([run], data, console=quiet(), users=12)
    trained_or_encoded = {"frozen text, mean", "frozen text, maximum", "SASRec", "simple sum"}
    assert [row.name for row in table.rows] == [name for name in ROWS if name not in trained_or_encoded]
    assert (table.users, table.sum_weights) == (12, ({},))
    assert {row.name: row.served for row in table.rows}["Markov (first order)"] == (1.0, 1.0, 1.0)
    assert "note: a quick look at some of the users, without SASRec" in table.text()
    assert "weights of the simple sum" not in table.text()
    assert not (run / "evaluation").exists(), "nothing that a full evaluation would take for its own"
    page = (run / "reports" / "evaluation.html").read_text(encoding="utf-8")
    assert "A quick look: 12 of 60 people, drawn at random" in page
    assert "simple sum" not in page.replace("the simple sum of all", "")
    assert "to the sum" not in page


def test_a_quick_look_leaves_the_page_of_a_full_evaluation(
    world: tuple[Path, Path, Dataset], table: EvaluationTable
) -> None:
    run, data, _ = world
    page = run / "reports" / "evaluation.html"
    before = page.read_text(encoding="utf-8")
    assert "60 people" in before
    evaluate([run], data, console=quiet(), users=12)
    assert page.read_text(encoding="utf-8") == before


def test_several_runs_are_averaged_by_user(world: tuple[Path, Path, Dataset], tmp_path: Path) -> None:
    run, data, dataset = world
    second = write_run(tmp_path, dataset, seed=1)
    both = evaluate([run, second], data, console=quiet())
    assert both.seeds == (0, 1)
    assert "mean of seeds 0, 1" in both.text()
    alone = [
        RunRanks.load(folder / "evaluation" / "ranks.npz").ranks["SASRec"].served for folder in (run, second)
    ]
    assert not np.array_equal(*alone), "each seed has a SASRec of its own"
    row = {row.name: row for row in both.rows}["SASRec"]
    assert row.served.mrr == pytest.approx(float(np.mean([1 / ranks for ranks in alone])))
    assert [metrics.recall for metrics in row.served_by_seed] == [
        pytest.approx(float((ranks <= 10).mean())) for ranks in alone
    ]
    assert len(both.sum_weights) == 2
    with pytest.raises(RunError, match="different seeds, not 0, 0"):
        evaluate([run, run], data, console=quiet())


def test_the_estimate_comes_first(world: tuple[Path, Path, Dataset]) -> None:
    console = quiet()
    run, data, _ = world
    evaluate([run], data, console=console)
    assert "60 test users, 40 items: about 1 min and 1.2 GiB on this machine" in console.file.getvalue()


def test_a_faithful_run_adds_its_row_and_a_run_without_fusion_has_no_fused_one(
    world: tuple[Path, Path, Dataset], tmp_path: Path
) -> None:
    run, data, dataset = world
    plain = write_run(tmp_path, dataset, fused=False)
    names = [row.name for row in evaluate([plain], data, faithful=[run], console=quiet()).rows]
    assert names[-3:] == ["Laser alone, zero-shot", "Laser alone", "Laser (faithful)"]
    with pytest.raises(RunError, match="1 runs but 2 faithful ones"):
        evaluate([plain], data, faithful=[run, run], console=quiet())


def test_a_run_of_other_data_or_without_an_end_is_refused(
    world: tuple[Path, Path, Dataset], tmp_path: Path
) -> None:
    run, data, dataset = world
    other = write_world(tmp_path / "other", users=59)
    with pytest.raises(RunError, match="other data"):
        evaluate([run], other, console=quiet())
    with pytest.raises(RunError, match="no run"):
        evaluate([tmp_path], data, console=quiet())
    (tmp_path / "run.json").write_text(json.dumps({"data_hash": dataset.data_hash}))
    with pytest.raises(RunError, match="no checkpoint yet"):
        evaluate([tmp_path], data, console=quiet())
