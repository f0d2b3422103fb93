"""The parts of the accuracy study: rows on disk, derived data, interventions, settings of ablations, and checks."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.accuracy_bench import ablations
from benchmarks.accuracy_bench.checks import checks
from benchmarks.accuracy_bench.derived import cold_items, with_users, without_items
from benchmarks.accuracy_bench.interventions import NO_PREFIX, NO_SUFFIX, SHUFFLED, changed_users
from benchmarks.accuracy_bench.store import Store
from tests.tiny import tiny_laser
from tests.training_world import ITEM_IDS, checkerboard, record, write_world
from training.config import preset
from training.data import leave_one_out, load_dataset
from training.evaluation_rows import ALONE, BEST, SUM, Subject
from training.finished_run import FinishedRun
from training.laser_scorers import LaserUsers

RECORDS = [record(row) for row in range(40)]


# Rows ---------------------------------------------------------------------------------------------------------------


def row(key: str, recipe: str = "r", **more: object) -> dict[str, object]:
    return {"key": key, "recipe": recipe, **more}


def test_rows_come_back_and_the_last_of_a_key_counts(tmp_path: Path) -> None:
    store = Store(tmp_path / "rows.jsonl")
    store.add(row("a/1", value=0.12345678, nested={"list": (1.00000049,)}))
    store.add(row("b"))
    store.add(row("a/2"))
    store.add(row("b", "changed"))
    again = Store(tmp_path / "rows.jsonl")
    for each in (store, again):
        assert each.get("a/1") == row("a/1", value=0.123457, nested={"list": [1.0]})
        assert each.get("b", "r") is None
        assert each.get("b", "changed") is not None
        assert [found["key"] for found in each.under("a/")] == ["a/1", "a/2"]
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 4


def test_a_row_that_was_cut_off_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    Store(path).add(row("a"))
    with path.open("a") as file:
        file.write('{"key": "b", "reci')
    store = Store(path)
    assert store.get("a") is not None
    assert store.get("b") is None
    store.add(row("c"))
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["a", "c"]


# Data ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Eight users of nine interactions, and one of two, whom nothing can be held out of."""
    return write_world(tmp_path / "source", [*checkerboard(8), np.array([0, 20])])


def histories(folder: Path) -> dict[str, list[str]]:
    dataset = load_dataset(folder)
    return {
        user: [dataset.item_ids[row] for row in rows]
        for user, rows in zip(dataset.user_ids, dataset.histories, strict=True)
    }


def test_a_part_of_the_users_keeps_their_histories_and_the_catalogue(source: Path, tmp_path: Path) -> None:
    part = with_users(source, tmp_path / "part", 3)
    kept, whole = histories(part), histories(source)
    assert len(kept) == 3
    assert all(whole[user] == history for user, history in kept.items())
    assert len(load_dataset(part).items) == 40
    everyone = histories(with_users(source, tmp_path / "all", 100))
    assert sorted(everyone) == [f"u{user:03d}" for user in range(8)]
    assert histories(with_users(source, tmp_path / "part", 5)) == kept, "what is there is not written again"


def test_cold_items_are_in_no_training_interaction_and_still_in_the_tests(
    source: Path, tmp_path: Path
) -> None:
    cold_folder = without_items(source, tmp_path / "cold", 0.5)
    cold, split = cold_items(cold_folder), leave_one_out(load_dataset(cold_folder).histories)
    assert len(cold) == 20
    trained = {ITEM_IDS[row] for rows in split.train for row in rows}
    assert not trained & cold
    whole, kept = histories(source), histories(cold_folder)
    for user, history in kept.items():
        assert history[-2:] == whole[user][-2:]
        assert history[:-2] == [item for item in whole[user][:-2] if item not in cold]
    assert {ITEM_IDS[target] for target in split.test.targets} & cold


def test_a_user_left_with_cold_items_alone_is_left_out(tmp_path: Path) -> None:
    source = write_world(tmp_path / "source", [np.array([0, 1, 2])] * 4)
    folder = without_items(source, tmp_path / "cold", 1.0)
    with (folder / "interactions.csv").open() as file:
        assert list(csv.reader(file)) == [["user_id", "item_id", "timestamp"]]


# Interventions ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def subject() -> Subject:
    laser = tiny_laser(ITEM_IDS)
    users = LaserUsers(laser, ITEM_IDS, laser.encode_items(RECORDS))
    return Subject(FinishedRun(Path(), laser, {}), users)


def test_shuffling_gives_each_user_the_states_of_another_and_the_own_text(subject: Subject) -> None:
    asked = [np.array([row, row + 20]) for row in range(6)]
    changed = dict(changed_users(subject, RECORDS, asked, seed=0))[SHUFFLED]
    own, given = [subject.users.history(rows) for rows in asked], [changed.history(rows) for rows in asked]
    assert sorted(history.item_ids for history in given) == sorted(history.item_ids for history in own)
    for before, after in zip(own, given, strict=True):
        assert after.item_ids != before.item_ids
        assert after.token_ids == before.token_ids
        np.testing.assert_array_equal(after.text_vectors, before.text_vectors)
    assert changed.items is subject.users.items


def test_without_the_suffix_term_the_weighted_mean_is_left(subject: Subject) -> None:
    rows = np.array([3, 7])
    changed = dict(changed_users(subject, RECORDS, [rows], seed=0))[NO_SUFFIX]
    decay = float(torch.sigmoid(subject.laser.user_side.decay_logit))
    mean = decay * changed.items.text_vectors[3] + changed.items.text_vectors[7]
    np.testing.assert_allclose(changed.vectors([rows])[0], mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(changed.items.vectors, changed.items.text_vectors, atol=1e-5)


def test_without_a_prefix_states_change_nothing(subject: Subject) -> None:
    rows = np.array([3, 7])
    changed = dict(changed_users(subject, RECORDS, [rows], seed=0))[NO_PREFIX]
    whole, bare = subject.users.vectors([rows])[0, :32], changed.vectors([rows])[0]
    assert np.abs(whole - bare).max() > 1e-3
    history = changed.history(rows)
    stateless = changed.laser.encode_users([history._replace(item_ids=(None, None))])[0]
    np.testing.assert_allclose(stateless, bare, atol=1e-6)
    before = subject.laser.encode_users([history._replace(item_ids=(None, None))])[0, :32]
    assert np.abs(before - whole).max() > 1e-3, "with a prefix they do"


# Ablations ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ablations.ABLATIONS)
def test_an_ablation_names_settings_that_exist_and_trains_as_many_epochs(name: str) -> None:
    config = preset("cpu", {**ablations.budget(), **ablations.ABLATIONS[name]})
    assert config.training.phase1_epochs + config.training.phase2_epochs == sum(ablations.EPOCHS)
    assert config.training.patience >= sum(ablations.EPOCHS), "nothing stops early"
    if name != ablations.REFERENCE:
        assert config != preset("cpu", ablations.budget()), "it changes something"


# Checks -------------------------------------------------------------------------------------------------------------


def metrics(value: float) -> dict[str, dict[str, float]]:
    means = {"recall": value, "ndcg": value / 2, "mrr": value / 4}
    return {"served": means, "unmasked": means}


def headline(data: str, best: float, low: float) -> dict[str, object]:
    return row(
        f"headline/{data}/mean",
        rows=[
            {"name": BEST, **metrics(best)},
            {"name": ALONE, **metrics(0.2)},
            {"name": SUM, **metrics(0.1)},
        ],
        comparisons=[{"name": BEST, "against": SUM, "ndcg": {"low": low}}],
    )


def test_checks_are_read_from_the_rows(tmp_path: Path) -> None:
    store = Store(tmp_path / "rows.jsonl")
    store.add(headline("scientific", best=0.16, low=0.001))
    store.add(headline("toys", best=0.1, low=-0.001))
    lost = [
        {"against": against, "ndcg": {"low": low}}
        for against, low in ((SHUFFLED, 0.01), (NO_SUFFIX, 0.0), (NO_PREFIX, -0.01))
    ]
    store.add(row("interventions/scientific/mean", comparisons=lost))
    unharmed = {"name": ALONE, "against": ALONE, "ndcg": {"mean": 0.02, "low": -0.004}}
    said = {"rows": [{"name": ALONE, **metrics(0.2)}], "comparisons": [unharmed]}
    store.add(row("instructions/scientific", **said))
    store.add(row("cold-start/scientific", comparisons={"cold": {"recall": {"mean": 0.0}}}))
    store.add(row("ablations/scientific/a", seconds=500.0, resumed=True))
    store.add(row("ablations/scientific/b", seconds=400.0, resumed=False))
    found = {check.name: (check.value, check.passed) for check in checks(store, ("scientific", "toys"))}
    assert found == {
        "scientific.served.recall@10": (0.16, True),
        "scientific.served.ndcg@10": (0.08, False),
        "scientific.served.mrr": (0.04, False),
        "scientific.unmasked.recall@10": (0.16, True),
        "scientific.unmasked.ndcg@10": (0.08, False),
        "scientific.alone.ndcg@10": (0.1, True),
        "scientific.ndcg@10_above_simple_sum_low": (0.001, True),
        "toys.ndcg@10_above_simple_sum_low": (-0.001, False),
        "toys.ndcg@10_over_simple_sum": (1.0, False),
        "scientific.alone.lost_by_shuffled_states_low": (0.01, True),
        "scientific.alone.lost_by_no_suffix_low": (0.0, False),
        "scientific.alone.lost_by_no_prefix_low": (-0.01, False),
        "scientific.sentences.ndcg@10_change_low": (pytest.approx(-0.05), False),  # of 0.08 without
        "scientific.cold.recall@10_above_zero_shot": (0.0, True),
        "ablations.slowest": (400.0, True),
    }


def test_what_is_not_measured_has_no_value(tmp_path: Path) -> None:
    found = checks(Store(tmp_path / "rows.jsonl"), ("scientific", "beauty"))
    assert {check.value for check in found} == {None}
    assert {"beauty.served.recall@10", "beauty.served.ndcg@10"} <= {check.name for check in found}
