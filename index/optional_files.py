"""Parts that a bundle may have: its items' neighbours, how popular they are, the partition for searching many.

Each is a safetensors file of its own. A bundle without one is whole: it was made from a plain checkpoint, without
interactions, of few items, or by an older version.
"""

from collections.abc import Callable, Mapping, Sized
from pathlib import Path
from typing import TypeVar

import numpy as np
from safetensors.numpy import save_file

from index.manifest import BundleError, Manifest
from index.neighbours import Neighbours
from index.partition import Partition
from index.tensors import all_finite, map_tensors

NEIGHBOURS = "neighbours.safetensors"
POPULARITY = "popularity.safetensors"
PARTITION = "partition.safetensors"
INDEX_AGAIN = "Index again, or choose another bundle"
UNUSABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)  # what a damaged file raises when read

Arrays = Mapping[str, np.ndarray]
Part = TypeVar("Part", bound=Sized)


def write_neighbours(folder: Path, neighbours: Neighbours) -> None:
    """The weights between catalogue rows."""
    weights = {"starts": neighbours.starts, "rows": neighbours.rows, "weights": neighbours.weights}
    save_file(weights | {"decay": np.array([neighbours.decay], np.float64)}, folder / NEIGHBOURS)


def write_popularity(folder: Path, popularity: np.ndarray) -> None:
    """How often each item was taken, float32 [n]."""
    save_file({"popularity": np.ascontiguousarray(popularity, np.float32)}, folder / POPULARITY)


def write_partition(folder: Path, partition: Partition) -> None:
    """The cells, and what was measured of them."""
    arrays = {name: getattr(partition, name) for name in ("centroids", "offsets", "starts", "rows")}
    measured = np.array([partition.longest, partition.probes, partition.recall], np.float64)
    save_file(arrays | {"measured": measured}, folder / PARTITION)


def read_neighbours(folder: Path, manifest: Manifest) -> Neighbours:
    """The mapped weights; none for a bundle without that file. Raises BundleError naming the file."""

    def part(arrays: Arrays) -> Neighbours:
        return Neighbours(
            tensor(arrays, "starts", np.int64, 1),
            tensor(arrays, "rows", np.int32, 1),
            tensor(arrays, "weights", np.float32, 1),
            float(_numbers(arrays, "decay", 1)[0]),
        )

    found = _read(folder, manifest, NEIGHBOURS, part)
    return Neighbours.empty(manifest.items) if found is None else found


def read_popularity(folder: Path, manifest: Manifest) -> np.ndarray | None:
    """float32 [n], finite, >= 0; None for a bundle without that file. Raises BundleError naming the file."""

    def part(arrays: Arrays) -> np.ndarray:
        popularity = tensor(arrays, "popularity", np.float32, 1)
        if not all_finite(popularity) or popularity.min(initial=0.0) < 0:
            raise ValueError("popularity must be finite and not negative")
        return popularity

    return _read(folder, manifest, POPULARITY, part)


def read_partition(folder: Path, manifest: Manifest, width: int) -> Partition | None:
    """The cells of vectors of this width; None for a bundle without that file. Raises BundleError naming the file."""

    def part(arrays: Arrays) -> Partition:
        longest, probes, recall = _numbers(arrays, "measured", 3).tolist()
        centroids = tensor(arrays, "centroids", np.float32, 2)
        if centroids.shape[1] != width:
            raise ValueError(f"it is of vectors {centroids.shape[1]} wide, the bundle of {width}")
        return Partition(
            centroids,
            tensor(arrays, "offsets", np.float32, 1),
            tensor(arrays, "starts", np.int64, 1),
            tensor(arrays, "rows", np.int32, 1),
            longest,
            int(probes),
            recall,
        )

    return _read(folder, manifest, PARTITION, part)


def tensor(arrays: Arrays, name: str, kind: type[np.generic], dimensions: int) -> np.ndarray:
    """An array of a file. Raises ValueError where it is missing or of another kind."""
    array = arrays.get(name)
    if array is None or array.dtype != kind or array.ndim != dimensions:
        raise ValueError(f"tensor {name!r} is missing, or is not {kind.__name__} with {dimensions} axes")
    return array


def _numbers(arrays: Arrays, name: str, count: int) -> np.ndarray:
    array = tensor(arrays, name, np.float64, 1)
    if len(array) != count:
        raise ValueError(f"{name} holds {len(array)} numbers instead of {count}")
    return array


def _read(folder: Path, manifest: Manifest, name: str, part: Callable[[Arrays], Part]) -> Part | None:
    """One part, made of the mapped arrays of its file."""
    if name not in manifest.files:
        return None
    try:
        found = part(map_tensors(folder / name))
        if len(found) != manifest.items:
            raise ValueError(f"it is of {len(found)} items, the bundle of {manifest.items}")
    except UNUSABLE as error:
        raise BundleError(f"{folder / name} cannot be used: {error}. {INDEX_AGAIN}") from error
    return found
