"""The re-index job on a tiny checkpoint: what is encoded, what is reused, and that a bundle stands alone."""

import gc
import io
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from index import partition
from index.bundle import BundleError, BundleWriter, current_id, list_bundles, open_bundle, publish
from index.columns import ColumnKind
from index.manifest import Manifest, verify_files
from model.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from model.laser import Laser
from model.vectors import History
from tests.tiny import tiny_laser
from tests.training_world import ITEM_IDS, ITEMS, quiet, record, write_world
from training import reindex_parts
from training.data import DataError, Dataset, load_dataset
from training.reindex import Reindexed, reindex
from training.reindex_inputs import CONTENTS, MadeFrom

RECORDS = [record(row) for row in range(ITEMS)]


def loaded(checkpoint: Path) -> Laser:
    """As re-indexing and the service load one."""
    laser = load_checkpoint(checkpoint)
    laser.backbone.fuse()
    return laser


def again(home: Path, **options: object) -> Reindexed:
    return reindex(home / "run", home / "data", home / "bundles", console=quiet(), **options)  # type: ignore[arg-type]


def changed(home: Path, records: list[dict[str, object]]) -> None:
    """Other items under the same interactions, as far as these items are still there."""
    known = {item["item_id"] for item in records}
    write_world(home / "data", [np.array([n for n, i in enumerate(ITEM_IDS) if i in known][:5])], records)


def test_the_first_run_encodes_and_publishes_everything(home: Path, laser: Laser) -> None:
    made = again(home)
    assert (made.items, made.encoded, made.reused) == (ITEMS, ITEMS, 0)
    assert current_id(home / "bundles") == made.bundle_id
    bundle = open_bundle(home / "bundles")
    assert bundle.catalogue.item_ids == ITEM_IDS
    assert bundle.catalogue.record(3) == RECORDS[3]
    assert bundle.manifest.data_hash == load_dataset(home / "data").data_hash
    assert bundle.manifest.encoder_fingerprint == load_checkpoint(home / "run" / "checkpoint").fingerprint
    expected = loaded(home / "run" / "checkpoint").encode_items(RECORDS)
    np.testing.assert_array_equal(bundle.vectors, expected.vectors)
    np.testing.assert_array_equal(bundle.text_vectors, expected.text_vectors)
    assert [bundle.token_ids[row].tolist() for row in range(ITEMS)] == expected.token_ids
    assert bundle.vectors.shape == (ITEMS, laser.width)


def spoken_for(home: Path, row: int) -> dict[int, float]:
    """Rows that this one speaks for in the published bundle, and how much."""
    neighbours = open_bundle(home / "bundles").neighbours
    span = slice(neighbours.starts[row], neighbours.starts[row + 1])
    return dict(zip(neighbours.rows[span].tolist(), neighbours.weights[span].tolist(), strict=True))


def test_the_bundle_holds_the_checkpoints_neighbours(home: Path) -> None:
    """The tiny checkpoint's are a ring, each item speaking for the next, weighted 0.2 in the score."""
    again(home)
    for row in range(ITEMS):
        assert spoken_for(home, row) == {(row + 1) % ITEMS: pytest.approx(0.2)}
    assert open_bundle(home / "bundles").neighbours.decay == 0.5


def test_a_checkpoint_without_neighbours_makes_a_bundle_without(home: Path, tmp_path: Path) -> None:
    shutil.rmtree(home / "run")
    save_checkpoint(tiny_laser(ITEM_IDS, tmp_path / "backbone", fused=False), home / "run")
    made = again(home)
    assert not (home / "bundles" / made.bundle_id / "neighbours.safetensors").exists()
    assert spoken_for(home, 0) == {}


def test_the_bundle_knows_how_often_each_item_was_taken(home: Path) -> None:
    write_world(home / "data", [np.array([0, 1, 1, 3]), np.array([1, 2])], RECORDS)
    again(home)
    popularity = open_bundle(home / "bundles").popularity
    assert popularity is not None
    assert popularity[:5].tolist() == [1, 3, 1, 1, 0]
    assert popularity.sum() == 6


def test_a_bundle_of_before_there_was_popularity_is_made_anew_without_encoding(home: Path) -> None:
    first = again(home)
    folder = home / "bundles" / first.bundle_id
    bundle = open_bundle(home / "bundles")
    with BundleWriter(home / "bundles", "old") as writer:
        shutil.copytree(folder, writer.folder, dirs_exist_ok=True)
        for name in ("popularity.safetensors", "made_from.json", "manifest.json"):
            (writer.folder / name).unlink()
        writer.seal(
            encoder_fingerprint=bundle.manifest.encoder_fingerprint, data_hash=bundle.manifest.data_hash
        )
    publish(home / "bundles", "old")
    made = again(home)
    assert (made.encoded, made.reused) == (0, ITEMS)
    assert open_bundle(home / "bundles").popularity is not None
    assert again(home).bundle_id == made.bundle_id


def test_many_items_get_cells_whose_measured_recall_the_manifest_states(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The world is small, so every cell is read; what counts is that it is built, measured and stored."""
    monkeypatch.setattr(reindex_parts, "BUILD_FROM", ITEMS)
    monkeypatch.setattr(partition, "MOST_READ", 1.0)
    again(home)
    bundle = open_bundle(home / "bundles")
    assert bundle.partition is not None
    assert len(bundle.partition) == ITEMS
    assert bundle.manifest.metrics == {
        "approximate_recall_at_10": bundle.partition.recall,
        "approximate_cells_read": bundle.partition.probes,
    }
    monkeypatch.setattr(reindex_parts, "BUILD_FROM", ITEMS + 1)
    again(home, kinds={"brand": ColumnKind.TEXT})
    smaller = open_bundle(home / "bundles")
    assert (smaller.partition, smaller.manifest.metrics) == (None, {})


def test_nothing_changed_makes_no_new_bundle(home: Path) -> None:
    first = again(home)
    said = Console(file=io.StringIO(), width=200)
    second = reindex(home / "run", home / "data", home / "bundles", console=said)
    assert second == Reindexed(first.bundle_id, ITEMS, encoded=0, reused=ITEMS)
    assert len(list_bundles(home / "bundles")) == 1
    assert said.file.getvalue() == (  # type: ignore[attr-defined]
        f"nothing changed: {first.bundle_id} stays, 0 of 40 items encoded\n"
    )


def test_nothing_changed_is_found_without_torch_and_without_reading_the_catalogue(home: Path) -> None:
    first = again(home)
    code = """
import pathlib, sys
from training.reindex import reindex
home = pathlib.Path(sys.argv[1])
print(reindex(home / "run", home / "data", home / "bundles").bundle_id)
assert not {"torch", "transformers", "training.reindex_job"} & sys.modules.keys()
"""
    ran = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{first.bundle_id}\n"


def test_a_bundle_of_another_version_is_made_anew_without_encoding(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later versions may put more into it."""
    first = again(home)
    monkeypatch.setattr(MadeFrom.__init__, "__defaults__", (CONTENTS + 1,))
    second = again(home)
    assert second == Reindexed(second.bundle_id, ITEMS, encoded=0, reused=ITEMS)
    assert second.bundle_id != first.bundle_id
    assert again(home).bundle_id == second.bundle_id


def test_one_changed_title_encodes_exactly_that_item(home: Path) -> None:
    again(home)
    before = open_bundle(home / "bundles")
    changed(home, [item | ({"title": "green z"} if row == 7 else {}) for row, item in enumerate(RECORDS)])
    said = Console(file=io.StringIO(), width=200)
    made = reindex(home / "run", home / "data", home / "bundles", console=said)
    assert (made.encoded, made.reused) == (1, ITEMS - 1)
    assert f"published {made.bundle_id}: 40 items, 1 encoded, 39 reused\n" in said.file.getvalue()  # type: ignore[attr-defined]
    after = open_bundle(home / "bundles")
    others = np.arange(ITEMS) != 7
    np.testing.assert_array_equal(after.vectors[others], before.vectors[others])
    np.testing.assert_array_equal(after.text_vectors[others], before.text_vectors[others])
    assert not np.allclose(after.vectors[7], before.vectors[7])
    assert not np.allclose(after.text_vectors[7], before.text_vectors[7])
    assert after.catalogue.title(7) == "green z"
    for row in range(ITEMS):
        assert (after.token_ids[row].tolist() == before.token_ids[row].tolist()) == (row != 7)


def test_an_attribute_that_is_no_text_changes_the_catalogue_and_encodes_nothing(home: Path) -> None:
    first = again(home)
    changed(home, [item | {"year": 1900} for item in RECORDS])  # the checkpoint reads title and brand
    second = again(home)
    assert second.bundle_id != first.bundle_id
    assert (second.encoded, second.reused) == (0, ITEMS)
    assert open_bundle(home / "bundles").catalogue.attributes(0)["year"] == 1900


def test_a_page_about_the_run_comes_along_and_encodes_nothing(home: Path) -> None:
    first = again(home)
    (home / "run" / "reports").mkdir()
    (home / "run" / "reports" / "evaluation.html").write_text("good")
    second = again(home)
    assert second.bundle_id != first.bundle_id
    assert (second.encoded, second.reused) == (0, ITEMS)
    bundle = open_bundle(home / "bundles")
    assert (bundle.folder / "reports" / "evaluation.html").read_text() == "good"
    assert "reports/evaluation.html" in bundle.manifest.files
    assert again(home).bundle_id == second.bundle_id


def test_a_title_counts_even_where_the_text_fields_do_not_name_it(home: Path, laser: Laser) -> None:
    shutil.rmtree(home / "run")
    save_checkpoint(replace(laser, config=replace(laser.config, text_fields=("brand",))), home / "run")
    again(home)
    changed(home, [RECORDS[0] | {"title": "green z"}, *RECORDS[1:]])
    assert again(home).encoded == 1


def test_a_deleted_item_is_gone_and_the_others_move_with_their_vectors(home: Path) -> None:
    again(home)
    before = open_bundle(home / "bundles")
    changed(home, [*RECORDS[:3], *RECORDS[4:]])
    made = again(home)
    assert (made.items, made.encoded, made.reused) == (ITEMS - 1, 0, ITEMS - 1)
    after = open_bundle(home / "bundles")
    assert after.catalogue.row("i03") is None
    np.testing.assert_array_equal(after.vectors, np.delete(before.vectors, 3, axis=0))
    assert after.token_ids[3].tolist() == before.token_ids[4].tolist()
    assert spoken_for(home, 2) == {}  # what it spoke for is gone
    assert spoken_for(home, 3) == {4: pytest.approx(0.2)}  # i04, one row up


def test_items_in_another_order_keep_their_vectors(home: Path) -> None:
    again(home)
    before = open_bundle(home / "bundles")
    changed(home, RECORDS[::-1])
    assert again(home).encoded == 0
    np.testing.assert_array_equal(open_bundle(home / "bundles").vectors, before.vectors[::-1])


def test_a_new_item_is_cold_and_still_gets_a_vector(home: Path) -> None:
    again(home)
    changed(home, [*RECORDS, {"item_id": "new", "title": "red xa", "brand": "red", "year": 2026}])
    made = again(home)
    assert (made.items, made.encoded, made.reused) == (ITEMS + 1, 1, ITEMS)
    bundle, laser = open_bundle(home / "bundles"), load_checkpoint(home / "run" / "checkpoint")
    assert laser.collaborative.row("new") is None
    assert np.isfinite(bundle.vectors[ITEMS]).all()
    z = bundle.vectors[ITEMS, : laser.backbone.width]
    assert np.linalg.norm(z) == pytest.approx(1, abs=1e-3)
    assert np.abs(bundle.vectors[ITEMS, laser.backbone.width :]).sum() > 0  # columns predicted from its text
    attached = spoken_for(home, ITEMS)
    assert len(attached) > 0  # neighbours by its text, though all other items were reused
    for row in attached:
        assert spoken_for(home, row)[ITEMS] > 0
        assert spoken_for(home, row)[(row + 1) % ITEMS] == pytest.approx(0.2)


def test_another_checkpoint_encodes_everything_again(home: Path, laser: Laser) -> None:
    first = again(home)
    other = load_checkpoint(home / "run" / "checkpoint")
    with torch.no_grad():
        other.item_side.suffix.add_(1.0)
    shutil.rmtree(home / "run")
    save_checkpoint(other, home / "run" / "checkpoint")
    second = again(home)
    assert (second.encoded, second.reused) == (ITEMS, 0)
    manifests = {manifest.bundle_id: manifest for manifest in list_bundles(home / "bundles")}
    assert len({manifest.encoder_fingerprint for manifest in manifests.values()}) == 2
    assert manifests[first.bundle_id].data_hash == manifests[second.bundle_id].data_hash
    assert current_id(home / "bundles") == second.bundle_id


def test_kinds_of_columns_can_be_corrected_without_encoding_and_taken_back(home: Path) -> None:
    again(home)
    assert open_bundle(home / "bundles").catalogue.columns["brand"].kind is ColumnKind.CATEGORICAL
    corrected = again(home, kinds={"brand": ColumnKind.TEXT})
    assert corrected.encoded == 0
    assert open_bundle(home / "bundles").catalogue.columns["brand"].kind is ColumnKind.TEXT
    assert again(home, kinds={"brand": ColumnKind.TEXT}).bundle_id == corrected.bundle_id
    assert again(home).bundle_id != corrected.bundle_id
    assert open_bundle(home / "bundles").catalogue.columns["brand"].kind is ColumnKind.CATEGORICAL


def test_a_bundle_serves_without_the_run_and_the_data_it_was_made_from(home: Path) -> None:
    again(home)
    for folder in ("run", "data"):
        shutil.rmtree(home / folder)
    bundle = open_bundle(home / "bundles")
    laser = loaded(bundle.folder / "checkpoint")
    assert laser.fingerprint == bundle.manifest.encoder_fingerprint
    np.testing.assert_array_equal(laser.encode_items(RECORDS).vectors, bundle.vectors)
    rows = [2, 22, 4]
    history = History(
        tuple(ITEM_IDS[row] for row in rows),
        tuple(bundle.token_ids[row].tolist() for row in rows),
        bundle.text_vectors[rows],
    )
    scores = laser.encode_users([history]) @ bundle.vectors.T
    assert scores.shape == (1, ITEMS)
    assert np.isfinite(scores).all()
    assert np.ptp(scores) > 0


def test_a_bundle_is_verified_once_on_its_way_into_service(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its files are read for it: a job that publishes what it has just sealed does not read them again."""
    verified: list[str] = []

    def verify(folder: Path, manifest: Manifest) -> None:
        verified.append(manifest.bundle_id)
        verify_files(folder, manifest)

    monkeypatch.setattr("index.bundle_files.verify_files", verify)
    made = again(home)
    assert verified == [made.bundle_id]


def test_the_garbage_collector_leaves_alone_what_was_there_before_the_job(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_alone: list[int] = []

    def load(folder: Path) -> Dataset:
        left_alone.append(gc.get_freeze_count())
        return load_dataset(folder)

    monkeypatch.setattr("training.reindex_job.load_dataset", load)
    again(home)
    assert left_alone[0] > 1000
    assert gc.get_freeze_count() == 0


def test_a_job_that_dies_leaves_the_published_bundle_as_it_was(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = again(home)
    changed(home, [RECORDS[0] | {"title": "green z"}, *RECORDS[1:]])

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("training.reindex_job.shutil.copytree", full)
        with pytest.raises(OSError, match="no space left"):
            again(home)
    assert current_id(home / "bundles") == first.bundle_id
    assert [path.name for path in (home / "bundles").iterdir() if path.is_dir()] == [first.bundle_id]
    assert again(home).encoded == 1


def test_a_damaged_bundle_is_not_reused(home: Path) -> None:
    first = again(home)
    with (home / "bundles" / first.bundle_id / "items.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    assert again(home).encoded == ITEMS
    assert open_bundle(home / "bundles").manifest.items == ITEMS


def test_a_folder_without_a_checkpoint_or_data_is_refused(home: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        reindex(home / "data", home / "data", home / "bundles", console=quiet())
    with pytest.raises(DataError):
        reindex(home / "run", home / "run", home / "bundles", console=quiet())
    with pytest.raises(BundleError, match="no bundle is published"):
        open_bundle(home / "bundles")
