"""The batch re-index: a checkpoint and a catalogue become a verified bundle, published in one step.

A catalogue that has not changed makes no new bundle, and whoever runs this every few minutes should not feel it: that
is settled by digests alone (reindex_inputs.py). Only where there is something to do is the job imported
(reindex_job.py), and torch and transformers with it, which take longer than all the rest of this.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from index.columns import ColumnKind
from model.checkpoint_files import fingerprint
from training import run_reports
from training.data import hash_files
from training.live_changes import ChangeLog, last_number
from training.reindex_inputs import MadeFrom, published_from

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
    device: Callable[[], str] = lambda: "cpu",
    kinds: Mapping[str, ColumnKind] | None = None,
    console: Console | None = None,
    log: ChangeLog | None = None,
) -> Reindexed:
    """Publish a bundle of the catalogue in `data`, live changes in `log` folded in, encoded with `run`'s checkpoint.

    `device` is asked where there is something to encode; `kinds` overrides inferred column kinds. Raises DataError,
    CheckpointError, BundleError, BackboneError, and whatever the log raises.
    """
    console = console or Console(stderr=True)
    checkpoint = run / CHECKPOINT if (run / CHECKPOINT).is_dir() else run
    inputs = MadeFrom(
        fingerprint(checkpoint),
        hash_files(data),
        last_number(log, bundles),
        dict(kinds or {}),
        run_reports.digest(checkpoint.parent),
    )
    before = published_from(bundles, inputs)
    if before is not None:
        console.print(f"nothing changed: {before.bundle_id} stays, 0 of {before.items:,} items encoded")
        return Reindexed(before.bundle_id, before.items, 0, before.items)

    from training.reindex_job import make_bundle

    made = make_bundle(checkpoint, data, bundles, device(), kinds, console, log)
    result = Reindexed(made.bundle_id, made.items, made.encoded, made.items - made.encoded)
    console.print(
        f"published {result.bundle_id}: {result.items:,} items, {result.encoded:,} encoded, {result.reused:,} reused"
    )
    return result
