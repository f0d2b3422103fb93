"""The offline story end to end on a tiny world: its products, its refusals, and that being killed changes nothing."""

import json
import pkgutil
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import training.pipeline
from model.backbone import load_backbone
from model.checkpoint import fingerprint, load_checkpoint
from model.encoder import TextEncoder
from model.vectors import History
from tests.training.test_event_files import points
from tests.training_world import (
    ITEM_IDS,
    ITEMS,
    Made,
    checkerboard,
    quiet,
    record,
    with_other_tests,
    write_world,
)
from training.config import ConfigError, preset
from training.data import DataError, leave_one_out, load_dataset
from training.pipeline import Training, train
from training.run_folder import RunError, RunFolder
from training.train_id_recommenders import CrossFitted

RECORDS = [record(row) for row in range(ITEMS)]
STAGES = ["sasrec-1", "sasrec-2", "bert4rec-1", "bert4rec-2", "gru4rec-1", "gru4rec-2"]
STAGES += ["phase 1", "phase 2", "residual step", "sentences", "neighbours", "fusion", "done"]


def metrics(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def validations(run: Path) -> list[tuple[object, ...]]:
    return [
        (line["stage"], line.get("epoch"), line.get("loss"), line.get("validation")) for line in metrics(run)
    ]


def again(made: Made, out: Path, **options: object) -> Path:
    values: dict[str, object] = {"data": made.data, "overrides": made.overrides, "console": quiet()}
    return train(out=out, **(values | options))  # type: ignore[arg-type]


# What a run leaves ----------------------------------------------------------------------------------------------


def test_the_run_is_described(made: Made) -> None:
    described = json.loads((made.run / "run.json").read_text())
    assert (described["preset"], described["seed"]) == ("cpu", 0)
    assert described["data_hash"] == load_dataset(made.data).data_hash
    assert described["config"]["laser"]["text_fields"] == ["title", "year"]  # as the data set says
    assert described["config"]["training"]["phase1_epochs"] == 2
    assert described["torch"] == torch.__version__
    assert "git" in described


def test_every_line_of_metrics_is_json_and_the_stages_come_in_order(made: Made) -> None:
    lines = metrics(made.run)
    assert list(dict.fromkeys(line["stage"] for line in lines)) == STAGES
    assert [line["epoch"] for line in lines if line["stage"] == "phase 1"] == [-1, 0, 1]
    assert [line["epoch"] for line in lines if line["stage"] == "gru4rec-2"] == [0, 1, 2]
    assert all(0 <= line["validation"] <= 1 for line in lines if "validation" in line)
    assert lines[-1]["seconds"] > 0


def test_tensorboard_has_every_epoch_and_every_step_of_both_phases(made: Made) -> None:
    found = points(made.run / "tensorboard")
    told = [
        (line["epoch"] + 1, line["validation"]) for line in metrics(made.run) if line["stage"] == "phase 1"
    ]
    assert found["phase-1-by-epoch/validation"] == told
    names = {"loss", "contrastive", "balance", "learning-rate", "expert-1"}
    for phase in ("phase-1", "phase-2"):
        assert names <= {tag.partition("/")[2] for tag in found if tag.startswith(f"{phase}/")}
    assert len(found["gru4rec-2-by-epoch/loss"]) == 3


def test_the_run_has_a_page_about_its_training(made: Made) -> None:
    page = made.run / "reports" / "training.html"
    assert "Laser trained on checkerboard" in page.read_text()
    assert f"report: {page}" in made.said.replace("\n", "")


def test_the_estimate_and_each_epoch_are_said(made: Made) -> None:
    assert made.said.startswith("checkerboard: 60 users, 40 items. At most about ")
    assert "phase 2  epoch 1  loss " in made.said


def test_the_checkpoint_loads_and_answers(made: Made) -> None:
    laser = load_checkpoint(made.run / "checkpoint")
    items = laser.encode_items(RECORDS)
    assert items.vectors.shape == (ITEMS, laser.width)
    rows = [2, 22, 4]
    users = laser.encode_users(
        [
            History(
                tuple(ITEM_IDS[r] for r in rows),
                tuple(items.token_ids[r] for r in rows),
                items.text_vectors[rows],
            )
        ]
    )
    scores = users @ items.vectors.T
    assert np.isfinite(scores).all()
    assert laser.collaborative.item_ids == ITEM_IDS
    assert set(laser.collaborative.recommenders) == {"sasrec", "bert4rec", "gru4rec"}
    assert laser.whitening is not None
    sides = [dict(side.named_parameters()) for side in (laser.item_side, laser.user_side)]
    phase_2 = [line["validation"] for line in metrics(made.run) if line["stage"] == "phase 2"]
    moved = any(not torch.equal(sides[0][name], value) for name, value in sides[1].items())
    assert moved == (max(phase_2[1:]) > phase_2[0])


@pytest.mark.parametrize("cross_fit", [True, False])
def test_recommenders_of_the_prefix_are_cross_fitted_and_those_of_the_fusion_final(
    made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cross_fit: bool
) -> None:
    pairs: dict[str, CrossFitted] = {}
    inner = Training.train_id_recommenders

    def watched(self: Training, text_vectors: np.ndarray) -> dict[str, CrossFitted]:
        pairs.update(inner(self, text_vectors))
        return pairs

    monkeypatch.setattr(Training, "train_id_recommenders", watched)
    shutil.copytree(made.run, tmp_path / "run")
    training_run = RunFolder(
        tmp_path / "run", json.loads((made.run / "run.json").read_text()), resume=True, console=quiet()
    )
    dataset = load_dataset(made.data)
    config = preset("cpu", {**made.overrides, "id_recommenders.cross_fit": str(cross_fit)})
    laser = Training(
        config, dataset, training_run, TextEncoder(config.laser, load_backbone(made.backbone)), 0
    ).run()
    for kind, pair in pairs.items():
        assert laser.collaborative.recommenders[kind] is (pair.cross_fitted if cross_fit else pair.final)
        assert laser.fusion.collaborative.recommenders[kind] is pair.final
    warm = np.zeros(ITEMS, dtype=bool)
    warm[np.unique(np.concatenate(leave_one_out(dataset.histories).train))] = True
    np.testing.assert_array_equal(laser.collaborative.warm, warm)


def test_the_item_matrix_a_run_ends_with_is_made_again_from_the_checkpoint(
    made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("model.backbone.resolve_dtype", lambda *_: torch.float32)
    fixed: list[np.ndarray] = []
    inner = Training.train_laser

    def watched(self: Training, *parts: object) -> object:
        *sides, matrix = inner(self, *parts)  # type: ignore[arg-type]
        fixed.append(matrix)
        return *sides, matrix

    monkeypatch.setattr(Training, "train_laser", watched)
    # Only some items are warm, and the year, a number, is part of the text.
    data = write_world(tmp_path / "data", [history[history != 7] for history in checkerboard(60)])
    checkpoint = again(made, tmp_path / "run", data=data)
    laser = load_checkpoint(checkpoint)
    assert laser.backbone.dtype == torch.float32
    assert laser.collaborative.row("i07") is None
    vectors = laser.encode_items(load_dataset(data).items).vectors
    np.testing.assert_allclose(vectors[:, : laser.backbone.width], fixed[0], atol=1e-5)


# Refusals -------------------------------------------------------------------------------------------------------


def test_an_existing_run_is_not_touched_without_resume(made: Made) -> None:
    before = {path: path.read_bytes() for path in made.run.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="already holds a run; continue it with --resume"):
        again(made, made.run)
    assert {path: path.read_bytes() for path in made.run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"seed": 1}, "seed"),
        ({"preset_name": "gpu"}, "preset"),
        ({"overrides": "more"}, "config.laser.decay"),
    ],
)
def test_resuming_with_other_settings_is_refused(made: Made, options: dict[str, object], what: str) -> None:
    if options.get("overrides") == "more":
        options = {"overrides": made.overrides | {"laser.decay": "0.5"}}
    with pytest.raises(RunError, match=f"was started with another {what}"):
        again(made, made.run, resume=True, **options)


def test_resuming_with_other_data_is_refused(made: Made, tmp_path: Path) -> None:
    other = write_world(tmp_path / "data", checkerboard(59))
    with pytest.raises(RunError, match="was started with another data_hash"):
        again(made, made.run, resume=True, data=other)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"laser.prompt.max_tokens": "14"},
            r"laser\.prompt: a prompt of 14 tokens cannot hold the instruction",
        ),
        ({"laser.decay": "2"}, r"laser\.decay=2: decay must lie in \(0, 1\)"),
        ({"laser.text_fields": "brand"}, r"laser\.text_fields: .*dataset\.json"),
        ({"laser.sentence_head": "true"}, r"laser\.sentence_head: sentences\.epochs decides"),
    ],
)
def test_settings_that_cannot_run_are_refused_before_a_folder_is_made(
    made: Made, overrides: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        again(made, tmp_path / "run", overrides=made.overrides | overrides)
    assert not (tmp_path / "run").exists()


def test_data_without_anything_to_train_on_are_refused(made: Made, tmp_path: Path) -> None:
    short = write_world(tmp_path / "data", checkerboard(20, length=4))
    with pytest.raises(DataError, match="no user has the five interactions that training needs"):
        again(made, tmp_path / "run", data=short)
    assert not (tmp_path / "run").exists()
    write_world(tmp_path / "data", [*checkerboard(20, length=4), *checkerboard(1, length=5)])
    fast = {"training.phase1_epochs": "0", "training.phase2_epochs": "0", "id_recommenders.epochs": "1"}
    assert again(made, tmp_path / "run", data=tmp_path / "data", overrides=made.overrides | fast).is_dir()


# The same, whatever happens -------------------------------------------------------------------------------------


def test_test_targets_decide_nothing(made: Made, tmp_path: Path) -> None:
    poisoned = write_world(tmp_path / "data", with_other_tests(checkerboard(60)))
    assert load_dataset(poisoned).data_hash != load_dataset(made.data).data_hash
    checkpoint = again(made, tmp_path / "run", data=poisoned)
    assert fingerprint(checkpoint) == made.fingerprint
    assert validations(tmp_path / "run") == validations(made.run)


def test_another_seed_is_another_result(made: Made, tmp_path: Path) -> None:
    fast = {"laser.sources": "", "id_recommenders.kinds": "", "training.phase2_epochs": "0"}
    seeds = [
        fingerprint(again(made, tmp_path / f"run{n}", overrides=made.overrides | fast, seed=seed))
        for n, seed in enumerate((0, 0, 1))
    ]
    assert seeds[0] == seeds[1] != seeds[2]


KILLED_IN_PHASE_1 = """
import json, os, signal, sys
from pathlib import Path
from rich.console import Console
from training.pipeline import train
from training.train_laser import LaserTrainer

inner, calls = LaserTrainer._loss, iter(range(6))  # four batches an epoch: the second epoch has begun

def loss(*arguments):
    if next(calls, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return inner(*arguments)

LaserTrainer._loss = loss
data, out, overrides = sys.argv[1:]
train(Path(data), Path(out), overrides=json.loads(overrides), console=Console(quiet=True))
"""


def test_a_run_killed_by_the_system_is_resumed_to_the_same_checkpoint(made: Made, tmp_path: Path) -> None:
    words = [str(made.data), str(tmp_path / "run"), json.dumps(made.overrides)]
    root = Path(training.pipeline.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", KILLED_IN_PHASE_1, *words], cwd=root, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not (tmp_path / "run" / "checkpoint").exists()
    assert [line["epoch"] for line in metrics(tmp_path / "run") if line["stage"] == "phase 1"] == [-1, 0]
    checkpoint = again(made, tmp_path / "run", resume=True)
    assert fingerprint(checkpoint) == made.fingerprint
    assert validations(tmp_path / "run") == validations(made.run)  # no epoch is there twice


class Killed(Exception):
    """Stands for the end of the process."""


def dies(after: int, inner: Callable[..., object]) -> Callable[..., object]:
    calls = iter(range(after))

    def function(*arguments: object, **named: object) -> object:
        if next(calls, None) is None:
            raise Killed
        return inner(*arguments, **named)

    return function


def test_a_run_killed_in_every_stage_is_resumed_to_the_same_checkpoint(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [
        ("training.train_id_recommenders:next_item_loss", 9),  # sasrec-1, within its last epoch
        ("training.train_id_recommenders:cloze_loss", 14),  # bert4rec-2, within its first epoch
        ("training.train_laser:LaserTrainer.item_matrix", 0),  # before anything of phase 1 is there
        ("training.train_laser:LaserTrainer.validation_ndcg", 2),  # phase 1, after its second epoch
        ("training.train_laser:LaserTrainer.phase2", 0),  # between the phases
        ("training.train_laser:LaserTrainer.validation_ndcg", 2),  # phase 2, after its second epoch
        ("training.sentence_phase:SentencePhase.told_apart", 3),  # the sentences, after their second epoch
        ("training.fit_fusion:candidate_pool", 0),
        ("training.pipeline:save_checkpoint", 0),  # with nothing left to train
    ]
    for number, (place, after) in enumerate(places):
        with monkeypatch.context() as patch:
            patch.setattr(place.replace(":", "."), dies(after, pkgutil.resolve_name(place)))
            with pytest.raises(Killed):
                again(made, tmp_path / "run", resume=number > 0)
    assert list(dict.fromkeys(line["stage"] for line in metrics(tmp_path / "run"))) == STAGES[:-1]
    assert fingerprint(again(made, tmp_path / "run", resume=True)) == made.fingerprint


def test_a_phase_of_the_sentences_changes_nothing_but_what_sentences_do(made: Made, tmp_path: Path) -> None:
    spoken = {"sentences.learning_rate": "0.02", "sentences.batch_size": "16"}
    folders = []
    for name, epochs in (("silent", "0"), ("spoken", "8")):
        without = shutil.ignore_patterns("sentences.state")
        shutil.copytree(made.run / "state", tmp_path / name / "state", ignore=without)
        changes = spoken | {"sentences.epochs": epochs}
        folders.append(again(made, tmp_path / name, overrides=made.overrides | changes))
    assert "sentences" not in {line["stage"] for line in metrics(tmp_path / "silent")}
    before, after = (load_checkpoint(folder) for folder in folders)
    assert (before.config.sentence_head, after.config.sentence_head) == (False, True)
    quiet = [History((ITEM_IDS[2],), ([5, 6],), np.ones((1, 32), np.float32))]
    said = [quiet[0]._replace(constraint=before.tokenize_constraint("no red"))]
    np.testing.assert_array_equal(before.encode_items(RECORDS).vectors, after.encode_items(RECORDS).vectors)
    np.testing.assert_array_equal(before.encode_users(quiet), after.encode_users(quiet))
    assert not np.allclose(before.encode_users(said), after.encode_users(said))


# Other shapes ---------------------------------------------------------------------------------------------------


def test_without_fusion_the_vector_is_z(made: Made, tmp_path: Path) -> None:
    changes = {"fusion.sources": "", "training.phase1_epochs": "1", "training.phase2_epochs": "1"}
    checkpoint = again(made, tmp_path / "run", preset_name="faithful", overrides=made.overrides | changes)
    laser = load_checkpoint(checkpoint)
    assert laser.width == laser.backbone.width == 32
    assert laser.config.read_out == "suffix"
    assert set(laser.collaborative.recommenders) == {"bert4rec"}
    vectors = laser.encode_items(RECORDS).vectors
    assert vectors.shape == (ITEMS, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert "fusion" not in {line["stage"] for line in metrics(tmp_path / "run")}


def test_a_run_without_any_id_recommender_trains_and_is_fused_with_neighbours(
    made: Made, tmp_path: Path
) -> None:
    changes = {"laser.sources": "", "id_recommenders.kinds": "", "training.phase1_epochs": "1"}
    laser = load_checkpoint(again(made, tmp_path / "run", overrides=made.overrides | changes))
    assert laser.item_side.m_former is None
    assert laser.collaborative.recommenders == {}
    assert set(laser.fusion.weights) <= {"neighbours", "popularity"}
    assert np.isfinite(laser.encode_items(RECORDS).vectors).all()
    assert np.isfinite(laser.encode_users([History((), (), np.zeros((0, 32), np.float32))])).all()
