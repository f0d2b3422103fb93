"""A bundle of three items, for the tests of bundles."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from index.bundle import BundleWriter, write_arrays
from index.catalog import Catalogue
from index.neighbours import Neighbours

RECORDS = [
    {"item_id": "a", "title": "Alien", "year": 1979, "genres": ["Horror"]},
    {"item_id": "ж", "title": "Солярис", "year": 1972, "genres": ["Drama", "Science Fiction"]},
    {"item_id": "c", "title": "Contact", "year": 1997, "genres": []},
]
VECTORS = np.arange(12, dtype=np.float32).reshape(3, 4)
TEXT_VECTORS = np.eye(3, 5, dtype=np.float32)
TOKENS = [[7, 8, 9], [], [101]]
NEIGHBOURS = Neighbours(
    np.array([0, 2, 2, 3]), np.array([1, 2, 0], np.int32), np.array([0.5, 0.25, 2.0], np.float32), 0.8
)


def write_parts(folder: Path) -> None:
    write_arrays(folder, Catalogue.from_records(RECORDS), VECTORS, TEXT_VECTORS, TOKENS, NEIGHBOURS)
    (folder / "checkpoint" / "item").mkdir(parents=True)
    (folder / "checkpoint" / "item" / "weights.safetensors").write_bytes(b"opaque")


def make(root: Path, bundle_id: str) -> Path:
    with BundleWriter(root, bundle_id) as writer:
        write_parts(writer.folder)
        return writer.seal(encoder_fingerprint="f1", data_hash="d1", last_change=7, metrics={"ndcg@10": 0.1})


def reseal(folder: Path, change: Callable[[Path], None]) -> None:
    """Change a part and make the manifest fit it again, so that only the check of the part itself can find
    it."""
    root, bundle_id = folder.parent, folder.name
    with BundleWriter(root, "scratch") as writer:
        folder.rename(root / "old")
        for path in (root / "old").iterdir():
            if path.name != "manifest.json":
                path.rename(writer.folder / path.name)
        change(writer.folder)
        writer.bundle_id = bundle_id
        writer.seal(encoder_fingerprint="f1", data_hash="d1")


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir() if path.name != ".lock"}
