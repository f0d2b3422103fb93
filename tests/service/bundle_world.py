"""More bundles of the small world, of the same Laser, each with items that tell which one they are from; and users."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from index.bundle import Bundle, BundleWriter, open_bundle, write_arrays
from index.catalog import Catalogue
from model.laser import Laser
from model.vectors import History


def add_bundle(
    root: Path,
    bundle_id: str,
    like: str = "first",
    items: int | None = None,
    change: Callable[[Path], None] | None = None,
    encoder: str | None = None,
) -> Path:
    """A bundle with the first `items` of another one, every title followed by "@" and the bundle's id. Not published.

    `change` is done to its folder before it is sealed; `encoder` is a fingerprint to claim instead of the right one.
    """
    source = open_bundle(root, like)
    kept = source.manifest.items if items is None else items
    records = [
        record | {"title": f"{str(record['title']).partition('@')[0]}@{bundle_id}"}
        for record in source.catalogue.records()[:kept]
    ]
    with BundleWriter(root, bundle_id) as writer:
        write_arrays(
            writer.folder,
            Catalogue.from_records(records),
            source.vectors[:kept],
            source.text_vectors[:kept],
            [source.token_ids[row].tolist() for row in range(kept)],
            source.neighbours if items is None else None,
        )
        (writer.folder / "checkpoint").mkdir()
        for path in (source.folder / "checkpoint").iterdir():
            (writer.folder / "checkpoint" / path.name).write_bytes(path.read_bytes())
        if change is not None:
            change(writer.folder)
        claimed = encoder or source.manifest.encoder_fingerprint
        return writer.seal(encoder_fingerprint=claimed, data_hash=source.manifest.data_hash)


def histories_of(bundle: Bundle, laser: Laser, count: int) -> list[History]:
    """Users with one to five items, those with an odd number with a sentence."""
    rows = [list(range(first % 7, first % 7 + 1 + first % 5)) for first in range(count)]
    return [
        History(
            tuple(bundle.catalogue.item_ids[row] for row in some),
            tuple(bundle.token_ids[row].tolist() for row in some),
            np.asarray(bundle.text_vectors[some]),
            laser.tokenize_constraint("a quiet one") if len(some) % 2 else (),
        )
        for some in rows
    ]


def backbone_named(name: Path) -> Callable[[Path], None]:
    """A change: the checkpoint names another backbone."""

    def change(folder: Path) -> None:
        path = folder / "checkpoint" / "config.json"
        document = json.loads(path.read_text())
        document["laser"]["backbone"]["name"] = str(name)
        path.write_text(json.dumps(document))

    return change
