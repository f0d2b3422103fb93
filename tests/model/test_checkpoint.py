"""Checkpoints: what is loaded encodes as what was saved; whatever does not belong is refused by name."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from model.bi_tuning import BiTuning
from model.checkpoint import (
    CONFIG,
    VOCABULARY,
    WEIGHTS,
    CheckpointError,
    fingerprint,
    load_checkpoint,
    save_checkpoint,
)
from model.collaborative import Collaborative
from model.fusion import Fusion
from model.laser import Laser
from model.vectors import History
from tests.tiny import save_tiny_backbone, tiny_backbone, tiny_collaborative, tiny_laser

IDS = ("a", "b", "c", "d", "e")
RECORDS = [{"item_id": item_id, "title": f"thing {item_id}", "brand": "Acme"} for item_id in (*IDS, "new")]


@pytest.fixture
def laser(tmp_path: Path) -> Laser:
    """A tiny Laser whose backbone lies beside it."""
    return tiny_laser(IDS, tmp_path / "backbone")


@pytest.fixture
def folder(laser: Laser, tmp_path: Path) -> Path:
    save_checkpoint(laser, tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def answers(laser: Laser) -> tuple[np.ndarray, np.ndarray]:
    """Item vectors, one of them of an item that nobody met, and user vectors."""
    items = laser.encode_items(RECORDS)
    history = History(("a", "c", None), tuple(items.token_ids[:3]), items.text_vectors[:3], (9, 10))
    return items.vectors, laser.encode_users([history])


def rewrite(path: Path, change: Callable[[dict], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_what_is_loaded_encodes_as_what_was_saved(laser: Laser, folder: Path) -> None:
    loaded = load_checkpoint(folder, dtype="float32")
    for before, after in zip(answers(laser), answers(loaded), strict=True):
        np.testing.assert_array_equal(before, after)
    assert loaded.config == laser.config
    assert loaded.width == laser.width
    assert not torch.equal(loaded.item_side.suffix, loaded.user_side.suffix)  # both sides are kept
    assert loaded.collaborative.item_ids == IDS


def test_columns_keep_their_order_whatever_the_sources_are_called(laser: Laser, folder: Path) -> None:
    """The columns of a new item are those of known ones, in their order."""
    collaborative = tiny_collaborative(IDS, ("sasrec", "gru4rec", "bert4rec"))
    rng = np.random.default_rng(0)
    weights = {"bert4rec": 0.4, "gru4rec": 0.3, "popularity": 0.5, "sasrec": 0.2}
    fused = Fusion(collaborative, rng.random(5).astype("f4"), None, weights)
    fused.keep_texts(rng.normal(size=(5, 32)).astype("f4"), np.ones(5, int))
    ours = replace(laser, fusion=fused)
    save_checkpoint(ours, folder)
    for before, after in zip(answers(ours), answers(load_checkpoint(folder, dtype="float32")), strict=True):
        np.testing.assert_array_equal(before, after)


def test_states_and_scores_may_come_from_different_rounds_of_one_recommender(
    laser: Laser, folder: Path
) -> None:
    states, scores = tiny_collaborative(IDS), tiny_collaborative(IDS)
    with torch.no_grad():
        scores.recommenders["sasrec"].table.weight.add_(1.0)
    fused = Fusion(scores, weights={"sasrec": 1.0})
    fused.keep_texts(np.eye(5, 32, dtype="f4"), np.ones(5, int))
    save_checkpoint(replace(laser, collaborative=states, fusion=fused), folder)
    loaded = load_checkpoint(folder, dtype="float32")
    apart = loaded.fusion.table() - loaded.collaborative.recommenders["sasrec"].item_vectors.numpy()
    np.testing.assert_allclose(apart, 1.0, atol=1e-6)
    assert set(loaded.fusion.collaborative.recommenders) == {"sasrec"}  # what weighs nothing is not kept


def test_items_that_were_never_trained_stay_cold(laser: Laser, folder: Path) -> None:
    known = Collaborative(laser.collaborative.recommenders, IDS, np.array([1, 1, 0, 1, 0], dtype=bool))
    save_checkpoint(replace(laser, collaborative=known), folder)
    loaded = load_checkpoint(folder, dtype="float32").collaborative
    assert loaded.warm.tolist() == [True, True, False, True, False]
    assert loaded.row("c") is None


@pytest.mark.parametrize("whiten", [True, False])
@pytest.mark.parametrize("read_out", ["residual", "suffix"])
def test_a_laser_without_sources_fusion_or_whitening_comes_back(
    laser: Laser, folder: Path, whiten: bool, read_out: str
) -> None:
    config = replace(laser.config, sources=(), whiten=whiten, read_out=read_out)  # type: ignore[arg-type]
    side = BiTuning(config, (), laser.backbone.width)
    bare = replace(
        laser,
        config=config,
        item_side=side,
        user_side=side,
        fusion=Fusion(laser.collaborative),
        whitening=laser.whitening if whiten else None,
    )
    save_checkpoint(bare, folder)
    for before, after in zip(answers(bare), answers(load_checkpoint(folder, dtype="float32")), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_sentence_head_comes_back(laser: Laser, folder: Path) -> None:
    config = replace(laser.config, sentence_head=True)
    widths = [laser.collaborative.state_widths[name] for name in config.sources]
    sides = [BiTuning(config, widths, laser.backbone.width) for _ in range(2)]
    assert sides[1].sentence_head is not None
    torch.nn.init.normal_(sides[1].sentence_head.gain.weight)
    save_checkpoint(replace(laser, config=config, item_side=sides[0], user_side=sides[1]), folder)
    loaded = load_checkpoint(folder, dtype="float32")
    assert loaded.user_side.sentence_head is not None
    assert torch.equal(loaded.user_side.sentence_head.gain.weight, sides[1].sentence_head.gain.weight)


def test_neighbours_come_back_whole(laser: Laser, folder: Path) -> None:
    loaded = load_checkpoint(folder, dtype="float32").fusion
    assert laser.fusion.neighbours is not None
    assert loaded.neighbours is not None
    assert loaded.weights == laser.fusion.weights
    for matrix in ("weights", "gram"):
        before, after = getattr(laser.fusion.neighbours, matrix), getattr(loaded.neighbours, matrix)
        for ours, theirs in zip(before, after, strict=True):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype
    assert loaded.neighbours.solved.dtype == bool
    settings = ("decay", "text_strength", "penalty", "new_item_gain", "attached")
    assert [getattr(loaded.neighbours, name) for name in settings] == [0.5, 6.0, 1.0, 3.0, 4]


def test_arrays_that_lie_with_gaps_are_saved_as_they_are(laser: Laser, folder: Path) -> None:
    popularity = np.random.default_rng(0).normal(size=(3, 5)).astype("f4").T[:, 0]
    fused = Fusion(laser.collaborative, popularity, None, {"popularity": 1.0})
    fused.keep_texts(np.eye(5, 32, dtype="f4"), np.ones(5, int))
    save_checkpoint(replace(laser, fusion=fused), folder)
    np.testing.assert_array_equal(load_checkpoint(folder, dtype="float32").fusion.popularity, popularity)


def test_the_fingerprint_is_that_of_the_files(laser: Laser, folder: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(folder, dtype="float32")
    assert loaded.fingerprint == fingerprint(folder)
    save_checkpoint(loaded, tmp_path / "again")
    assert fingerprint(tmp_path / "again") == loaded.fingerprint
    with torch.no_grad():
        loaded.user_side.suffix[0] += 1e-3
    save_checkpoint(loaded, tmp_path / "moved")
    assert fingerprint(tmp_path / "moved") != loaded.fingerprint


def test_a_checkpoint_is_replaced_whole(laser: Laser, folder: Path) -> None:
    (folder / "leftover").write_text("of the old one")
    save_checkpoint(laser, folder)
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG, VOCABULARY, WEIGHTS]
    assert [path.name for path in folder.parent.glob("checkpoint*")] == ["checkpoint"]


@pytest.mark.parametrize("failing", ["save_file", "_replace"])
def test_a_save_that_fails_leaves_the_old_checkpoint(
    laser: Laser, folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    before = fingerprint(folder)

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"model.checkpoint.{failing}", fail)
        with pytest.raises(OSError, match="no space left"):
            save_checkpoint(laser, folder)
    assert fingerprint(folder) == before
    load_checkpoint(folder, dtype="float32")
    save_checkpoint(laser, folder)  # what was left beside it is in nobody's way
    assert [path.name for path in folder.parent.glob("checkpoint*")] == ["checkpoint"]


def test_what_was_replaced_is_deleted_only_after_the_new_one_stands(
    laser: Laser, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.name.endswith(".writing"):
            raise OSError("killed")
        return rename(path, target)

    before = fingerprint(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="killed"):
            save_checkpoint(laser, folder)
    assert fingerprint(folder.with_name("checkpoint.replaced")) == before


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, VOCABULARY])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_checkpoint(folder, dtype="float32")


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, VOCABULARY])
def test_a_damaged_file_is_named(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(folder, dtype="float32")


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY])
def test_json_that_is_no_object_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("[1, 2]")
    with pytest.raises(CheckpointError, match=f"{name} does not hold a JSON object"):
        load_checkpoint(folder, dtype="float32")


@pytest.mark.parametrize("name", [WEIGHTS, VOCABULARY])
def test_a_file_of_another_checkpoint_is_named(laser: Laser, folder: Path, tmp_path: Path, name: str) -> None:
    """Of the same shapes, so that nothing but its digest tells it apart."""
    known = Collaborative(laser.collaborative.recommenders, tuple("edcba"), np.ones(5, dtype=bool))
    with torch.no_grad():
        laser.user_side.suffix.neg_()
    save_checkpoint(replace(laser, collaborative=known), tmp_path / "other")
    (folder / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(CheckpointError, match=f"{name} is not the file"):
        load_checkpoint(folder, dtype="float32")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format=99), "config.json has format 99; this version reads 3"),
        (lambda d: d.pop("format"), "config.json has format None"),
        (lambda d: d["laser"].update(colour="red"), "LaserConfig has no setting colour"),
        (lambda d: d["laser"]["m_former"].update(top_k=9), "m_former.top_k must lie in 1..2"),
        (lambda d: d.update(laser=[]), "does not describe a Laser"),
        (lambda d: d.pop("laser"), "does not describe a Laser"),
        (lambda d: d.pop("backbone_fingerprint"), "does not describe a Laser"),
        (lambda d: d.update(id_recommenders=3), "does not describe a Laser"),
        (lambda d: d["id_recommenders"]["states/sasrec"].update(kind="x"), "kind must be sasrec"),
        (lambda d: d.update(files="x"), "does not describe a Laser"),
        (lambda d: d.pop("fusion"), "do not belong together"),
        (lambda d: d["fusion"].update(weights=["x"]), "do not belong together"),
        (lambda d: d["laser"]["m_former"].update(width=32), "do not belong together"),
        (lambda d: d["laser"].update(sources=["bert4rec"]), "do not belong together"),
        (lambda d: d["id_recommenders"]["states/sasrec"].update(items=7), "do not belong together"),
    ],
)
def test_a_configuration_that_fits_nothing_is_refused(
    folder: Path, change: Callable[[dict], object], message: str
) -> None:
    rewrite(folder / CONFIG, change)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(folder, dtype="float32")


@pytest.mark.parametrize("change", [{"warm": [99]}, {"item_ids": ["a"]}, {"warm": None}])
def test_a_vocabulary_of_another_shape_is_refused(folder: Path, change: dict[str, object]) -> None:
    rewrite(folder / CONFIG, lambda document: document.pop("files"))
    rewrite(folder / VOCABULARY, lambda document: document.update(change))
    with pytest.raises(CheckpointError, match="do not belong together"):
        load_checkpoint(folder, dtype="float32")


def test_a_tensor_that_is_missing_is_refused(folder: Path) -> None:
    rewrite(folder / CONFIG, lambda document: document.pop("files"))
    whole = load_file(folder / WEIGHTS)
    for name in ("user_side.suffix", "whitening.map", "neighbours.gram.rows"):
        save_file({key: tensor for key, tensor in whole.items() if key != name}, folder / WEIGHTS)
        with pytest.raises(CheckpointError, match="do not belong together"):
            load_checkpoint(folder, dtype="float32")


def test_another_backbone_is_refused(folder: Path, tmp_path: Path) -> None:
    save_tiny_backbone(tmp_path / "backbone", seed=1)
    with pytest.raises(CheckpointError, match=r"fingerprint \w{12}\.\.\., but .*load the same weights"):
        load_checkpoint(folder, dtype="float32")
    with pytest.raises(CheckpointError, match="fingerprint"):
        load_checkpoint(folder, backbone=tiny_backbone(seed=1))
    given = tiny_backbone()  # the weights it was trained on, already in memory
    assert load_checkpoint(folder, backbone=given).backbone is given
