"""The job of a re-index: encode what is new, put a bundle together, publish it.

Only items that are new, or whose text changed, are encoded; the others' vectors are taken from the published bundle
if the same checkpoint made it. Neighbours are placed anew for the whole catalogue each time, because any item may gain
a new one. Changes that a service took meanwhile are folded in (live_changes.py).

Letters: I items.
"""

import gc
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from index.bundle import Bundle, BundleError, BundleWriter, open_bundle, write_arrays
from index.bundle_pointer import point
from index.catalog import Catalogue
from index.columns import ColumnKind
from index.neighbours import Neighbours
from model.checkpoint import load_checkpoint
from model.laser import Laser
from model.vectors import EncodedItems
from training import run_reports
from training.data import load_dataset
from training.live_changes import ChangeLog, Record, fold, read_changes, trim_log
from training.reindex_inputs import MadeFrom
from training.reindex_parts import PROBES, RECALL, partitioned, popularity
from training.side_by_side import encode_side_by_side


class Made(NamedTuple):
    """A bundle that was made and published, and how many of its items were encoded for it."""

    bundle_id: str
    items: int
    encoded: int


@contextmanager
def heap_left_alone() -> Iterator[None]:
    """What there is already (torch and transformers, half a million objects) is no concern of the garbage collector
    meanwhile: the job makes records and token lists by the thousand, which would send it there again and again."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@heap_left_alone()
def make_bundle(
    checkpoint: Path,
    data: Path,
    bundles: Path,
    device: str,
    kinds: Mapping[str, ColumnKind] | None,
    console: Console,
    log: ChangeLog | None,
) -> Made:
    """Make the bundle and publish it. Raises as `training.reindex.reindex` does."""
    with ThreadPoolExecutor(max_workers=1) as aside:  # weights are read and hashed while the data is parsed
        loading = aside.submit(load_checkpoint, checkpoint, device=device)
        dataset = load_dataset(data)
        live = read_changes(log, bundles)
        records = fold(dataset.items, live.changes)
        catalogue = Catalogue.from_records(records, kinds)
        before = _published(bundles)
        laser = loading.result()
    if before is not None and before.manifest.encoder_fingerprint != laser.fingerprint:
        before = None
    laser.fuse()
    old_rows = _reusable(catalogue, before, laser)
    encoded = _encode(records, old_rows, before, laser, console)
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
        shutil.copytree(checkpoint, writer.folder / "checkpoint")
        run_reports.copy_pages(checkpoint.parent, writer.folder)
        reports = run_reports.digest(checkpoint.parent)
        inputs = MadeFrom(laser.fingerprint, dataset.data_hash, live.last, dict(kinds or {}), reports)
        inputs.write(writer.folder)
        writer.seal(
            encoder_fingerprint=laser.fingerprint,
            data_hash=dataset.data_hash,
            last_change=live.last,
            metrics={} if partition is None else {RECALL: partition.recall, PROBES: partition.probes},
        )
    point(bundles, bundle_id)  # sealing has verified it
    if log is not None:
        trim_log(log, bundles)
    return Made(bundle_id, len(catalogue), int((old_rows < 0).sum()))


def _published(bundles: Path) -> Bundle | None:
    """The published bundle, if it is whole."""
    try:
        return open_bundle(bundles)
    except BundleError:
        return None


def _reusable(catalogue: Catalogue, before: Bundle | None, laser: Laser) -> NDArray[np.int64]:
    """For each item the row of the old bundle that holds its encoding, -1 where it must be encoded. [I]."""
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
    records: Sequence[Record],
    old_rows: NDArray[np.int64],
    before: Bundle | None,
    laser: Laser,
    console: Console,
) -> EncodedItems:
    new = np.flatnonzero(old_rows < 0)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("encoding items", total=len(new))
        fresh = encode_side_by_side(
            laser, [records[int(row)] for row in new], lambda count: progress.advance(task, count)
        )
    if before is None:
        return fresh
    token_ids: list[list[int]] = [[] for _ in range(len(records))]
    text_vectors = np.empty((len(records), fresh.text_vectors.shape[1]), dtype=np.float32)
    vectors = np.empty((len(records), fresh.vectors.shape[1]), dtype=np.float32)
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
