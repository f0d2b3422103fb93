"""Startup, all or nothing: a bundle is verified, matched with its checkpoint, proven by a forward pass, or refused.

Every reason to refuse becomes one StartupError whose message is one line for a person.
"""

from pathlib import Path
from typing import Literal

import torch

from index.bundle import Bundle, BundleError, open_bundle
from index.item_index import open_index
from model.backbone import Backbone, BackboneError
from model.checkpoint import CheckpointError, backbone_of, load_checkpoint
from model.encoder import TextEncoder
from model.laser import Laser
from service.known_texts import KnownTexts
from service.metrics import Metrics
from service.recommender import Recommender
from service.settings import Settings


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
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        bundle = open_bundle(settings.bundles, bundle_id or settings.bundle)
        checkpoint = bundle.folder / "checkpoint"
        shared = _shared_backbone(checkpoint, beside)
        laser = load_checkpoint(checkpoint, device=device, dtype=settings.dtype, backbone=shared)
    except (BundleError, CheckpointError, BackboneError) as error:
        raise StartupError(_line(error)) from error
    _match(bundle, laser)
    laser.fuse()
    search_on: Literal["auto", "cpu"] = "cpu" if device == "cpu" else "auto"
    index = open_index(bundle.vectors, search_on, bundle.partition, settings.exact_items)
    text = TextEncoder(laser.config, laser.backbone)  # one that does not whiten
    texts = KnownTexts(text, _known_texts(laser, beside))
    recommender = Recommender(bundle, laser, index, settings, metrics, texts)
    texts.begun()
    try:
        recommender.warm_up()
    except Exception as error:
        recommender.close()
        raise StartupError(
            f"bundle {bundle.manifest.bundle_id}: the first forward pass failed: {_line(error)}"
        ) from error
    return recommender


def _shared_backbone(checkpoint: Path, beside: Recommender | None) -> Backbone | None:
    """The backbone that is in memory, if the checkpoint was trained on the same one. Raises CheckpointError."""
    if beside is None or not isinstance(beside.encoder, Laser):
        return None
    config, fingerprint = backbone_of(checkpoint)
    loaded = beside.encoder
    same = (config, fingerprint) == (loaded.config.backbone, loaded.backbone.fingerprint)
    return loaded.backbone if same else None


def _known_texts(laser: Laser, beside: Recommender | None) -> KnownTexts | None:
    """The texts of the one that answers, if they are read in the same way."""
    if beside is None or not isinstance(beside.encoder, Laser) or not isinstance(beside.texts, KnownTexts):
        return None
    other = beside.encoder
    alike = other.backbone is laser.backbone and other.config.prompt == laser.config.prompt
    return beside.texts if alike else None


def _match(bundle: Bundle, laser: Laser) -> None:
    """The vectors must come from the checkpoint that lies beside them."""
    name = f"bundle {bundle.manifest.bundle_id}"
    if not len(bundle.catalogue):
        raise StartupError(f"{name} has no items")
    if laser.fingerprint != bundle.manifest.encoder_fingerprint:
        raise StartupError(
            f"{name}: its vectors were made by encoder {bundle.manifest.encoder_fingerprint[:12]}, "
            f"but its checkpoint is {laser.fingerprint[:12]}; re-index"
        )
    if laser.width != bundle.vectors.shape[1]:
        raise StartupError(
            f"{name}: its vectors are {bundle.vectors.shape[1]} wide, its encoder's {laser.width}; re-index"
        )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
