"""Bundles: immutable folders that hold everything but the backbone, and the pointer to the one that serves.

    root/current                the id of the published bundle; see bundle_pointer.py
    root/<id>/manifest.json     see manifest.py
    root/<id>/checkpoint/       opaque here: the model's weights, written and read by model/
    root/<id>/catalogue.parquet, columns.json, items.safetensors
    root/<id>/neighbours, popularity, partition .safetensors, where it has them (optional_files.py)
    root/<id>/...               what else its maker put there, verified with the rest
    root/.staging-*             a bundle being written; what a killed writer left is removed by the next one

A bundle is written aside, forced to disk, verified, and renamed into place; publishing renames a new pointer
over the old. A process killed anywhere leaves every published bundle and the pointer whole.
"""

import logging
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from types import TracebackType

from index.bundle_files import Bundle, manifest_of, read_bundle, write_arrays
from index.bundle_pointer import current_id, earlier_of, point, published_ids, step_back
from index.catalog import Catalogue
from index.durable import claim, locked, sync, sync_tree
from index.manifest import (
    MANIFEST,
    POINTER,
    BundleError,
    Manifest,
    check_id,
    describe_files,
)

__all__ = [
    "Bundle",
    "BundleError",
    "BundleWriter",
    "Manifest",
    "current_id",
    "list_bundles",
    "open_bundle",
    "publish",
    "roll_back",
    "write_arrays",
]

STAGING = ".staging-"

logger = logging.getLogger(__name__)


class BundleWriter:
    """Writes one bundle: put the files into `folder`, then `seal`. As a context manager it cleans up after a
    failure.

        with BundleWriter(root, "2026-03-01") as writer:
            write_arrays(writer.folder, catalogue, vectors, text_vectors, token_ids)
            laser.save(writer.folder / "checkpoint")
            writer.seal(encoder_fingerprint=laser.fingerprint, data_hash=dataset.data_hash)
    """

    def __init__(self, root: Path, bundle_id: str) -> None:
        """Makes the staging folder under `root`. Raises BundleError for an id that is malformed or taken."""
        _check_id(bundle_id)
        self.root, self.bundle_id = root, bundle_id
        self.folder = root / f"{STAGING}{bundle_id}-{token_hex(4)}"
        root.mkdir(parents=True, exist_ok=True)
        with locked(root):
            _remove_leftovers(root)
            _refuse_taken(root, bundle_id)
            self.folder.mkdir()
            self._claim = claim(self.folder)

    def seal(
        self,
        *,
        encoder_fingerprint: str,
        data_hash: str,
        last_change: int = 0,
        metrics: Mapping[str, float] | None = None,
    ) -> Path:
        """Describe, verify and move the bundle into place; it is not published yet. Returns its folder.

        Raises BundleError where the files do not make a bundle, or the id was taken meanwhile.
        """
        try:
            manifest = Manifest(
                bundle_id=self.bundle_id,
                created=datetime.now(UTC).isoformat(timespec="milliseconds"),
                encoder_fingerprint=encoder_fingerprint,
                data_hash=data_hash,
                items=len(Catalogue.load(self.folder)),
                last_change=last_change,
                metrics={name: float(value) for name, value in (metrics or {}).items()},
                files=describe_files(self.folder),
            )
        except ValueError as error:
            raise BundleError(f"bundle {self.bundle_id!r} cannot be sealed: {error}") from error
        (self.folder / MANIFEST).write_bytes(manifest.render())
        sync_tree(self.folder)
        read_bundle(self.folder, self.bundle_id)
        final = self.root / self.bundle_id
        with locked(self.root):
            _refuse_taken(self.root, self.bundle_id)
            self.folder.rename(final)
            sync(self.root)
        self._release()
        return final

    def discard(self) -> None:
        """Remove what was written, unless it is sealed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._release()

    def _release(self) -> None:
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def __enter__(self) -> "BundleWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def publish(root: Path, bundle_id: str) -> None:
    """Let `root/current` name this bundle, in one step. Raises BundleError, and changes nothing, unless it
    verifies."""
    open_bundle(root, bundle_id)
    point(root, bundle_id)


def roll_back(root: Path) -> str:
    """Publish again what was published before, and forget what is published now. Returns the id.

    Rolling back again goes further back. Raises BundleError, and changes nothing, where nothing was published before,
    or that bundle does not verify.
    """
    bundle_ids = published_ids(root)
    earlier = earlier_of(bundle_ids)
    open_bundle(root, earlier)
    step_back(root, bundle_ids)
    return earlier


def list_bundles(root: Path) -> list[Manifest]:
    """Manifests of the bundles under `root`, oldest first. One whose manifest is damaged is left out, with a
    warning."""
    found = []
    for folder in root.iterdir() if root.is_dir() else []:
        if folder.name.startswith(".") or folder.name == POINTER:
            continue
        try:
            found.append(manifest_of(folder, folder.name))
        except BundleError as error:
            logger.warning("bundle left out: %s", error)
    return sorted(found, key=lambda manifest: (manifest.created, manifest.bundle_id))


def open_bundle(root: Path, bundle_id: str | None = None) -> Bundle:
    """Verify a bundle, by default the published one, completely and map its arrays.

    Raises BundleError naming the file that is missing, damaged, unexpected or does not fit the others.
    """
    if bundle_id is None:
        bundle_id = current_id(root)
        if bundle_id is None:
            raise BundleError(
                f"{root / POINTER} does not exist: no bundle is published. Run `laser reindex` first"
            )
    _check_id(bundle_id)
    return read_bundle(root / bundle_id, bundle_id)


def _check_id(bundle_id: str) -> None:
    try:
        check_id(bundle_id)
    except ValueError as error:
        raise BundleError(str(error)) from error


def _refuse_taken(root: Path, bundle_id: str) -> None:
    if os.path.lexists(root / bundle_id):
        raise BundleError(f"{root / bundle_id} exists: bundles are never overwritten. Choose another id")


def _remove_leftovers(root: Path) -> None:
    """Staging folders that no living writer claims. Needs the lock on `root`: a new one is claimed before it
    is released."""
    for folder in root.glob(f"{STAGING}*"):
        handle = claim(folder) if folder.is_dir() and not folder.is_symlink() else None
        if handle is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)
