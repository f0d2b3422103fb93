"""Variants of a bundle that tell themselves apart: every title ends with "@" and the variant's id.

Their rows are in another order each, so that a row number taken from one and looked up in another gives the wrong item.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from index.bundle import BundleWriter, open_bundle, publish, write_arrays
from index.catalog import Catalogue
from index.manifest import Manifest

MARK = "@"


def write_variants(bundles: Path, root: Path, names: tuple[str, ...]) -> Manifest:
    """Make the published bundle of `bundles` into variants under `root`, the first of them published.

    Returns the manifest of what they were made from. Raises BundleError.
    """
    source = open_bundle(bundles)
    records = source.catalogue.records()
    for number, name in enumerate(names):
        order = np.roll(np.arange(len(records)), number * len(records) // len(names))
        marked = [{**records[row], "title": f"{records[row].get('title', '')}{MARK}{name}"} for row in order]
        with BundleWriter(root, name) as writer:
            kinds = {column.name: column.kind for column in source.catalogue.columns.values()}
            write_arrays(
                writer.folder,
                Catalogue.from_records(marked, kinds),
                source.vectors[order],
                source.text_vectors[order],
                [source.token_ids[int(row)].tolist() for row in order],
            )
            shutil.copytree(source.folder / "checkpoint", writer.folder / "checkpoint")
            writer.seal(
                encoder_fingerprint=source.manifest.encoder_fingerprint, data_hash=source.manifest.data_hash
            )
    publish(root, names[0])
    return source.manifest


def made_by(items: list[Mapping[str, str]]) -> set[str]:
    """The variants that the items of an answer are from."""
    return {item["title"].rpartition(MARK)[2] for item in items}
