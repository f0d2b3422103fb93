"""Startup, all or nothing: a bundle is verified, matched with its checkpoint, proven by a forward pass, or refused.

Every reason to refuse becomes one StartupError whose message is one line for a person. torch is loaded only where this
process computes: it and the models of transformers are three times the rest.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Union

from index.bundle import Bundle, BundleError, open_bundle
from index.item_index import open_index
from model.checkpoint_files import CheckpointError, fingerprint
from service.frozen_texts import FrozenTexts, TextReader
from service.known_texts import KnownTexts
from service.machine import has_cuda, usable_cores
from service.metrics import Metrics
from service.processes.laser import RemoteLaser, RemoteTexts
from service.processes.pool import Pool, PoolError
from service.recommender import Recommender
from service.settings import Settings
from service.workers import Share

if TYPE_CHECKING:
    from model.backbone import Backbone
    from model.laser import Laser

AnyLaser = Union["Laser", RemoteLaser]


class StartupError(Exception):
    """The service cannot serve; one line that says why and what to do."""


def load_recommender(
    settings: Settings, metrics: Metrics, bundle_id: str | None = None, beside: Recommender | None = None
) -> Recommender:
    """Open a bundle, by default the one the settings name, and warm up. Raises StartupError.

    `beside` is one that answers meanwhile: where both have the same frozen backbone, it is loaded once.
    """
    device = settings.device
    if device == "auto":
        device = "cuda" if has_cuda() else "cpu"
    with ExitStack() as undo:
        try:
            bundle = open_bundle(settings.bundles, bundle_id or settings.bundle)
            checkpoint = bundle.folder / "checkpoint"
            pool = _pool(checkpoint, device, settings, beside)  # loads aside meanwhile
            if pool:
                undo.callback(pool.release)
            search_on: Literal["auto", "cpu"] = "cpu" if device == "cpu" else "auto"
            index = open_index(bundle.vectors, search_on, bundle.partition, settings.exact_items)
            encoder, reader = _remote(pool) if pool else _local(checkpoint, device, settings.dtype, beside)
        except (BundleError, CheckpointError, PoolError) as error:
            raise StartupError(_line(error)) from error
        _match(bundle, encoder)
        try:
            texts = KnownTexts(reader, _known_texts(encoder, beside))
            release = pool.release if pool else None
            recommender = Recommender(bundle, encoder, index, settings, metrics, texts, release)
            undo.pop_all()
            undo.callback(recommender.close)
            texts.begun()
            recommender.warm_up()
        except Exception as error:
            raise StartupError(
                f"bundle {bundle.manifest.bundle_id}: the first forward pass failed: {_line(error)}"
            ) from error
        undo.pop_all()
    return recommender


def _pool(checkpoint: Path, device: str, settings: Settings, beside: Recommender | None) -> Pool | None:
    """Processes that encode with this checkpoint, those of `beside` where they do; None: encode in threads."""
    on_cpu = device == "cpu"
    share = Share.of(usable_cores(), on_cpu, settings.encode_workers)
    try:
        if not share.in_processes(settings.encode_in, on_cpu):
            return None
    except ValueError as error:
        raise StartupError(f"LASER_ENCODE_IN=processes: {error}; auto takes threads elsewhere") from error
    if (
        beside is not None
        and isinstance(beside.encoder, RemoteLaser)
        and beside.encoder.fingerprint == fingerprint(checkpoint)
        and beside.encoder.pool.share()
    ):
        return beside.encoder.pool
    return Pool(checkpoint, settings.dtype, *share)


def _remote(pool: Pool) -> tuple[RemoteLaser, TextReader]:
    """The Laser that a pool has loaded, and its text model. Raises PoolError."""
    return RemoteLaser.of(pool), RemoteTexts(pool)


def _local(
    checkpoint: Path, device: str, dtype: str, beside: Recommender | None
) -> tuple["Laser", TextReader]:
    """A Laser that computes here, and its text model. Raises CheckpointError, StartupError."""
    from model.backbone import BackboneError
    from model.checkpoint import load_checkpoint
    from model.encoder import TextEncoder

    try:
        backbone = _shared_backbone(checkpoint, beside)
        laser = load_checkpoint(checkpoint, device=device, dtype=dtype, backbone=backbone)
    except BackboneError as error:
        raise StartupError(_line(error)) from error
    laser.fuse()
    return laser, FrozenTexts(TextEncoder(laser.config, laser.backbone))


def _shared_backbone(checkpoint: Path, beside: Recommender | None) -> "Backbone | None":
    """The backbone that is in memory, if the checkpoint was trained on the same one. Raises CheckpointError."""
    from model.checkpoint import backbone_of
    from model.laser import Laser

    if beside is None or not isinstance(beside.encoder, Laser):
        return None
    loaded = beside.encoder
    same = backbone_of(checkpoint) == (loaded.config.backbone, loaded.backbone.fingerprint)
    return loaded.backbone if same else None


def _known_texts(encoder: AnyLaser, beside: Recommender | None) -> KnownTexts | None:
    """The texts of the one that answers, if they are read in the same way."""
    if beside is None or not isinstance(beside.texts, KnownTexts):
        return None
    alike = getattr(beside.encoder, "reading", None) == encoder.reading
    return beside.texts if alike else None


def _match(bundle: Bundle, encoder: AnyLaser) -> None:
    """The vectors must come from the checkpoint that lies beside them."""
    name = f"bundle {bundle.manifest.bundle_id}"
    if not len(bundle.catalogue):
        raise StartupError(f"{name} has no items")
    if encoder.fingerprint != bundle.manifest.encoder_fingerprint:
        raise StartupError(
            f"{name}: its vectors were made by encoder {bundle.manifest.encoder_fingerprint[:12]}, "
            f"but its checkpoint is {encoder.fingerprint[:12]}; re-index"
        )
    if encoder.width != bundle.vectors.shape[1]:
        raise StartupError(
            f"{name}: its vectors are {bundle.vectors.shape[1]} wide, its encoder's {encoder.width}; re-index"
        )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
