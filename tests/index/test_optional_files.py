"""Parts that a bundle may have: kept as they were, left out where there are none, refused where they do not fit."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from index.bundle import BundleError, BundleWriter, open_bundle, write_arrays
from index.catalog import Catalogue
from index.partition import Partition

VECTORS = np.array([[1, 0], [0, 1], [1, 1], [2, 0]], np.float32)
CELLS = Partition(
    centroids=np.array([[1, 0], [0, 1]], np.float32),
    offsets=np.array([0.5, 0.5], np.float32),
    starts=np.array([0, 3, 4]),
    rows=np.array([0, 2, 3, 1], np.int32),
    longest=2.0,
    probes=1,
    recall=0.75,
)
ARRAYS = {"centroids": CELLS.centroids, "offsets": CELLS.offsets, "starts": CELLS.starts, "rows": CELLS.rows}


def write(root: Path, popularity: np.ndarray | None = None, cells: Partition | None = None) -> BundleWriter:
    writer = BundleWriter(root, "b")
    catalogue = Catalogue.from_records([{"item_id": f"i{row}"} for row in range(4)])
    write_arrays(writer.folder, catalogue, VECTORS, VECTORS, [[]] * 4, None, popularity, cells)
    return writer


def seal(writer: BundleWriter) -> None:
    writer.seal(encoder_fingerprint="f", data_hash="d")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    seal(write(tmp_path, np.array([3, 0, 1, 0.5]), CELLS))
    bundle = open_bundle(tmp_path, "b")
    assert bundle.popularity is not None
    assert bundle.popularity.dtype == np.float32
    assert bundle.popularity.tolist() == [3, 0, 1, 0.5]
    assert bundle.partition is not None
    for name, array in ARRAYS.items():
        assert np.array_equal(getattr(bundle.partition, name), array)
    assert (bundle.partition.longest, bundle.partition.probes, bundle.partition.recall) == (2.0, 1, 0.75)


def test_a_bundle_without_them_is_whole(tmp_path: Path) -> None:
    seal(write(tmp_path))
    bundle = open_bundle(tmp_path, "b")
    assert (bundle.popularity, bundle.partition) == (None, None)
    assert sorted(bundle.manifest.files) == ["catalogue.parquet", "columns.json", "items.safetensors"]


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        ("popularity", {"popularity": np.ones(3, np.float32)}, "it is of 3 items, the bundle of 4"),
        ("popularity", {"popularity": np.ones(4)}, "'popularity' is missing, or is not float32 with 1 axes"),
        ("popularity", {"popularity": np.array([1, 2, 3, np.nan], np.float32)}, "finite and not negative"),
        ("popularity", {"popularity": np.array([1, 2, 3, -1], np.float32)}, "finite and not negative"),
        ("partition", ARRAYS, "tensor 'measured' is missing"),
        ("partition", ARRAYS | {"measured": np.array([2.0, 1.0])}, "measured holds 2 numbers instead of 3"),
        ("partition", ARRAYS | {"measured": np.array([2.0, 9.0, 1.0])}, "probes, recall or longest"),
        (
            "partition",
            ARRAYS | {"measured": np.array([2.0, 1, 1]), "rows": np.array([0, 1, 2], np.int32)},
            "starts do not rise from 0 to the number of rows",
        ),
        (
            "partition",
            ARRAYS | {"measured": np.array([2.0, 1, 1]), "centroids": np.ones((2, 3), np.float32)},
            "it is of vectors 3 wide, the bundle of 2",
        ),
    ],
)
def test_a_part_that_does_not_fit_is_refused_by_name(
    tmp_path: Path, name: str, arrays: dict[str, np.ndarray], message: str
) -> None:
    writer = write(tmp_path)
    save_file(arrays, writer.folder / f"{name}.safetensors")
    with pytest.raises(BundleError, match=message) as caught:
        seal(writer)
    assert f"{name}.safetensors cannot be used" in str(caught.value)
    writer.discard()
