"""The batch re-index job: a checkpoint and a catalogue become a verified bundle, published in one step.

Only items that are new, or whose text changed, are encoded; the others' vectors are taken from the published bundle
if the same checkpoint made it. Neighbours are placed anew for the whole catalogue each time, because any item may gain
a new one. Changes that a service took meanwhile are folded in (live_changes.py). A catalogue that has not changed at
all makes no new bundle.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from index.bundle import Bundle, BundleError, BundleWriter, open_bundle, publish, write_arrays
from index.catalog import Catalogue
from index.columns import ColumnKind
from index.neighbours import Neighbours
from model.checkpoint import fingerprint, load_checkpoint
from model.encoder import EncodedItems
from model.laser import Laser
from training.data import load_dataset
from training.live_changes import ChangeLog, fold, read_changes, trim_log
from training.reindex_parts import PROBES, RECALL, partitioned, popularity

CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class Reindexed:
    """What a re-index did: the bundle that is published now, and how many items were encoded for it."""

    bundle_id: str
    items: int
    encoded: int
    reused: int


def reindex(
    run: Path,
    data: Path,
    bundles: Path,
    device: str = "cpu",
    kinds: Mapping[str, ColumnKind] | None = None,
    console: Console | None = None,
    log: ChangeLog | None = None,
) -> Reindexed:
    """Encode the catalogue of `data`, live changes in `log` folded in, with the checkpoint of `run`; publish it.

    `kinds` overrides inferred column kinds. Raises DataError, CheckpointError, BundleError, BackboneError, and whatever
    the log raises.
    """
    console = console or Console(stderr=True)
    checkpoint = run / CHECKPOINT if (run / CHECKPOINT).is_dir() else run
    made_by = fingerprint(checkpoint)
    dataset = load_dataset(data)
    live = read_changes(log, bundles)
    catalogue = Catalogue.from_records(fold(dataset.items, live.changes), kinds)
    before = _published(bundles, made_by)
    if before is not None and _same(before, catalogue, dataset.data_hash, live.last):
        console.print(
            f"nothing changed: {before.manifest.bundle_id} stays, 0 of {len(catalogue):,} items encoded"
        )
        return Reindexed(before.manifest.bundle_id, len(catalogue), 0, len(catalogue))
    laser = load_checkpoint(checkpoint, device=device)
    laser.backbone.fuse()
    old_rows = _reusable(catalogue, before, laser)
    encoded = _encode(catalogue, old_rows, before, laser, console)
    partition = partitioned(catalogue, encoded, dataset, laser, console)
    bundle_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{laser.fingerprint[:8]}"
    with BundleWriter(bundles, bundle_id) as writer:
        write_arrays(
            writer.folder,
            catalogue,
            encoded.vectors,
            encoded.text_vectors,
            encoded.token_ids,
            _neighbours(catalogue, encoded, laser),
            popularity(catalogue, dataset),
            partition,
        )
        shutil.copytree(checkpoint, writer.folder / CHECKPOINT)
        writer.seal(
            encoder_fingerprint=laser.fingerprint,
            data_hash=dataset.data_hash,
            last_change=live.last,
            metrics={} if partition is None else {RECALL: partition.recall, PROBES: partition.probes},
        )
    publish(bundles, bundle_id)
    if log is not None:
        trim_log(log, bundles)
    reused = int((old_rows >= 0).sum())
    result = Reindexed(bundle_id, len(catalogue), len(catalogue) - reused, reused)
    console.print(
        f"published {bundle_id}: {result.items:,} items, {result.encoded:,} encoded, {result.reused:,} reused"
    )
    return result


def _same(before: Bundle, catalogue: Catalogue, data_hash: str, last_change: int) -> bool:
    """Also that it has what older versions did not store."""
    manifest = before.manifest
    same = (manifest.data_hash, manifest.last_change) == (data_hash, last_change)
    return same and before.catalogue.columns == catalogue.columns and before.popularity is not None


def _published(bundles: Path, checkpoint: str) -> Bundle | None:
    """The published bundle, if it is whole and made by the checkpoint of this fingerprint."""
    try:
        bundle = open_bundle(bundles)
    except BundleError:
        return None
    return bundle if bundle.manifest.encoder_fingerprint == checkpoint else None


def _reusable(catalogue: Catalogue, before: Bundle | None, laser: Laser) -> NDArray[np.int64]:
    """For each item the row of the old bundle that holds its encoding, -1 where it must be encoded. [n]."""
    rows = np.full(len(catalogue), -1, dtype=np.int64)
    if before is None:
        return rows
    fields = tuple(dict.fromkeys(("title", *laser.text_fields)))  # a prompt has the title whatever the fields
    known = dict(zip(before.catalogue.item_ids, before.catalogue.content_hashes(fields), strict=True))
    hashes = catalogue.content_hashes(fields)
    for row, (item_id, digest) in enumerate(zip(catalogue.item_ids, hashes, strict=True)):
        old = before.catalogue.row(item_id)
        if old is not None and known[item_id] == digest:
            rows[row] = old
    return rows


def _encode(
    catalogue: Catalogue, old_rows: NDArray[np.int64], before: Bundle | None, laser: Laser, console: Console
) -> EncodedItems:
    new = np.flatnonzero(old_rows < 0)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("encoding items", total=len(new))
        fresh = laser.encode_items(
            [catalogue.record(int(row)) for row in new], progress=lambda count: progress.advance(task, count)
        )
    if before is None:
        return fresh
    token_ids: list[list[int]] = [[] for _ in range(len(catalogue))]
    text_vectors = np.empty((len(catalogue), fresh.text_vectors.shape[1]), dtype=np.float32)
    vectors = np.empty((len(catalogue), fresh.vectors.shape[1]), dtype=np.float32)
    kept = np.flatnonzero(old_rows >= 0)
    text_vectors[new], vectors[new] = fresh.text_vectors, fresh.vectors
    text_vectors[kept], vectors[kept] = before.text_vectors[old_rows[kept]], before.vectors[old_rows[kept]]
    for place, row in enumerate(new):
        token_ids[row] = fresh.token_ids[place]
    for row in kept:
        token_ids[row] = before.token_ids[int(old_rows[row])].tolist()
    return EncodedItems(token_ids, text_vectors, vectors)


def _neighbours(catalogue: Catalogue, encoded: EncodedItems, laser: Laser) -> Neighbours | None:
    """The checkpoint's neighbours between catalogue rows, new items attached by their text; None if it has none."""
    placed = laser.neighbours(catalogue.item_ids, encoded.text_vectors)
    return None if placed is None else Neighbours(*placed)
