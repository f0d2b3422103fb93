"""The folder of one bundle: writing its parts, and reading them only if they belong together and are
whole."""

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from index.catalog import Catalogue
from index.columns import CatalogueError
from index.manifest import MANIFEST, BundleError, Manifest, read_manifest, verify_files
from index.neighbours import Neighbours
from index.optional_files import (
    INDEX_AGAIN,
    UNUSABLE,
    read_neighbours,
    read_partition,
    read_popularity,
    tensor,
    write_neighbours,
    write_partition,
    write_popularity,
)
from index.partition import Partition
from index.tensors import TokenTable, all_finite, map_tensors

ARRAYS = "items.safetensors"


@dataclass(frozen=True, eq=False)
class Bundle:
    """A verified bundle. Arrays are read-only views of its files; row r of each belongs to row r of the
    catalogue."""

    manifest: Manifest
    folder: Path
    catalogue: Catalogue
    vectors: np.ndarray  # float32 [n, V], what the index stores
    text_vectors: np.ndarray  # float32 [n, D], the frozen backbone's view of the items' text
    token_ids: TokenTable
    neighbours: Neighbours  # between catalogue rows; empty where the bundle has none
    popularity: np.ndarray | None = None  # float32 [n], how often each item was taken
    partition: Partition | None = None  # for searching many items in part


def write_arrays(
    folder: Path,
    catalogue: Catalogue,
    vectors: np.ndarray,
    text_vectors: np.ndarray,
    token_ids: Sequence[Sequence[int]],
    neighbours: Neighbours | None = None,
    popularity: np.ndarray | None = None,
    partition: Partition | None = None,
) -> None:
    """Write the catalogue and its vectors [n, V], text_vectors [n, D], n lists of token ids, and of neighbours,
    popularity [n] and partition what there is."""
    tokens = TokenTable.from_lists(token_ids)
    catalogue.save(folder)
    arrays = {
        "vectors": np.ascontiguousarray(vectors, np.float32),
        "text_vectors": np.ascontiguousarray(text_vectors, np.float32),
        "token_ids": tokens.flat,
        "token_offsets": tokens.offsets,
    }
    save_file(arrays, folder / ARRAYS)
    if neighbours is not None:
        write_neighbours(folder, neighbours)
    if popularity is not None:
        write_popularity(folder, popularity)
    if partition is not None:
        write_partition(folder, partition)


def read_bundle(folder: Path, bundle_id: str) -> Bundle:
    """Verify every file of the bundle in `folder` and map its arrays. Raises BundleError naming the file."""
    manifest = manifest_of(folder, bundle_id)
    verify_files(folder, manifest)
    try:
        catalogue = Catalogue.load(folder)
    except CatalogueError as error:
        raise BundleError(f"{error}. {INDEX_AGAIN}") from error
    try:
        arrays = map_tensors(folder / ARRAYS)
        tokens = TokenTable(
            tensor(arrays, "token_ids", np.int32, 1), tensor(arrays, "token_offsets", np.int64, 1)
        )
        vectors, text_vectors = (tensor(arrays, name, np.float32, 2) for name in ("vectors", "text_vectors"))
        counts = {manifest.items, len(catalogue), len(vectors), len(text_vectors), len(tokens)}
        if len(counts) > 1:
            raise ValueError(f"the parts disagree on the number of items: {sorted(counts)}")
        for name, array in (("vectors", vectors), ("text_vectors", text_vectors)):
            if not all_finite(array):
                raise ValueError(f"{name} hold NaN or Infinity")
    except UNUSABLE as error:
        raise BundleError(f"{folder / ARRAYS} cannot be used: {error}. {INDEX_AGAIN}") from error
    return Bundle(
        manifest,
        folder,
        catalogue,
        vectors,
        text_vectors,
        tokens,
        read_neighbours(folder, manifest),
        read_popularity(folder, manifest),
        read_partition(folder, manifest, vectors.shape[1]),
    )


def manifest_of(folder: Path, bundle_id: str) -> Manifest:
    """The manifest alone, no file verified. Raises BundleError where it is damaged or of another bundle."""
    try:
        is_folder = stat.S_ISDIR(folder.lstat().st_mode)
    except FileNotFoundError:
        raise BundleError(
            f"{folder} does not exist: there is no bundle {bundle_id!r}. Choose one that is there"
        ) from None
    if not is_folder:
        raise BundleError(f"{folder} is a link or no folder. A bundle is a plain folder under its root")
    manifest = read_manifest(folder)
    if manifest.bundle_id != bundle_id:
        named = manifest.bundle_id
        raise BundleError(
            f"{folder / MANIFEST} is of bundle {named!r}, not {bundle_id!r}: do not rename bundles"
        )
    return manifest
