"""Bundles: what is written is read again, published, listed and described."""

from pathlib import Path

import numpy as np
import pytest

from index.bundle import (
    BundleError,
    BundleWriter,
    current_id,
    list_bundles,
    open_bundle,
    publish,
    write_arrays,
)
from index.catalog import Catalogue
from tests.index.small_bundles import RECORDS, TEXT_VECTORS, TOKENS, VECTORS, make, names, write_parts


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = make(tmp_path, "one")
    assert folder == tmp_path / "one"
    bundle = open_bundle(tmp_path, "one")
    assert bundle.catalogue.records() == RECORDS
    assert bundle.vectors.tolist() == VECTORS.tolist()
    assert bundle.text_vectors.tolist() == TEXT_VECTORS.tolist()
    assert [bundle.token_ids[row].tolist() for row in range(3)] == TOKENS
    assert (bundle.vectors.dtype, bundle.token_ids.flat.dtype) == (np.float32, np.int32)
    assert (bundle.folder / "checkpoint" / "item" / "weights.safetensors").read_bytes() == b"opaque"
    manifest = bundle.manifest
    assert (manifest.bundle_id, manifest.items, manifest.last_change) == ("one", 3, 7)
    assert (manifest.encoder_fingerprint, manifest.data_hash, manifest.metrics) == (
        "f1",
        "d1",
        {"ndcg@10": 0.1},
    )
    assert set(manifest.files) == {
        "catalogue.parquet",
        "columns.json",
        "items.safetensors",
        "neighbours.safetensors",
        "checkpoint/item/weights.safetensors",
    }
    assert manifest.files["checkpoint/item/weights.safetensors"].bytes == 6


def test_arrays_are_mapped_and_cannot_be_written(tmp_path: Path) -> None:
    make(tmp_path, "one")
    bundle = open_bundle(tmp_path, "one")
    assert isinstance(bundle.vectors.base.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        bundle.vectors[0, 0] = 1


def test_neighbours_are_read_as_they_were_written(tmp_path: Path) -> None:
    make(tmp_path, "one")
    neighbours = open_bundle(tmp_path, "one").neighbours
    assert neighbours.starts.tolist() == [0, 2, 2, 3]
    assert neighbours.rows.tolist() == [1, 2, 0]
    assert neighbours.weights.tolist() == [0.5, 0.25, 2.0]
    assert neighbours.decay == 0.8  # to the last digit
    assert neighbours.boosts([0, 2]).rows.tolist() == [0, 1, 2]
    assert isinstance(neighbours.weights.base.base, np.memmap)


def test_a_bundle_without_neighbours_has_empty_ones(tmp_path: Path) -> None:
    """As every bundle was before there were neighbours."""
    with BundleWriter(tmp_path, "plain") as writer:
        write_arrays(writer.folder, Catalogue.from_records(RECORDS), VECTORS, TEXT_VECTORS, TOKENS)
        writer.seal(encoder_fingerprint="f", data_hash="d")
    bundle = open_bundle(tmp_path, "plain")
    assert set(bundle.manifest.files) == {"catalogue.parquet", "columns.json", "items.safetensors"}
    assert len(bundle.neighbours) == 3
    assert bundle.neighbours.boosts([0, 1, 2]).rows.tolist() == []


def test_a_bundle_of_no_items(tmp_path: Path) -> None:
    with BundleWriter(tmp_path, "none") as writer:
        write_arrays(writer.folder, Catalogue.from_records([]), np.zeros((0, 4)), np.zeros((0, 5)), [])
        writer.seal(encoder_fingerprint="f", data_hash="d")
    assert len(open_bundle(tmp_path, "none").token_ids) == 0


def test_publish_moves_the_pointer_and_nothing_else(tmp_path: Path) -> None:
    assert current_id(tmp_path) is None
    with pytest.raises(BundleError, match=r"current does not exist: .* Run `laser reindex` first"):
        open_bundle(tmp_path)
    make(tmp_path, "one")
    assert current_id(tmp_path) is None
    publish(tmp_path, "one")
    make(tmp_path, "two")
    assert current_id(tmp_path) == "one"
    publish(tmp_path, "two")
    assert (current_id(tmp_path), open_bundle(tmp_path).manifest.bundle_id) == ("two", "two")
    publish(tmp_path, "one")
    assert current_id(tmp_path) == "one"
    assert [manifest.bundle_id for manifest in list_bundles(tmp_path)] == ["one", "two"]
    assert names(tmp_path) == {"one", "two", "current"}


def test_bundles_are_listed_although_one_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert list_bundles(tmp_path / "nowhere") == []
    make(tmp_path, "one")
    make(tmp_path, "two")
    (tmp_path / "one" / "manifest.json").write_text("{}")
    assert [manifest.bundle_id for manifest in list_bundles(tmp_path)] == ["two"]
    assert "manifest.json" in caplog.text


@pytest.mark.parametrize(
    "bundle_id", ["", "..", "a/b", "/etc", "a.b", "a b", "x" * 65, "é", "one\n", "current", "Current"]
)
def test_ids_that_could_leave_the_root_are_refused(bundle_id: str, tmp_path: Path) -> None:
    for call in (BundleWriter, open_bundle, publish):
        with pytest.raises(BundleError, match="bundle id"):
            call(tmp_path, bundle_id)
    assert names(tmp_path) == set()


def test_a_pointer_to_a_bundle_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "current").write_bytes(b"gone\n")
    with pytest.raises(BundleError, match=r"gone does not exist: there is no bundle 'gone'"):
        open_bundle(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_fingerprint": " "}, "encoder_fingerprint"),
        ({"data_hash": ""}, "data_hash"),
        ({"last_change": -1}, "last_change"),
        ({"metrics": {"ndcg": float("nan")}}, "metric 'ndcg'"),
    ],
)
def test_what_a_seal_must_say(change: dict[str, object], message: str, tmp_path: Path) -> None:
    with BundleWriter(tmp_path, "one") as writer:
        write_parts(writer.folder)
        with pytest.raises(BundleError, match=message):
            writer.seal(**{"encoder_fingerprint": "f", "data_hash": "d", **change})  # type: ignore[arg-type]
    assert names(tmp_path) == set()
