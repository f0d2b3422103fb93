"""What is kept: the store of users and changes, the bundle that would be served, the checkpoint in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from service.doctor.finding import Finding, chosen_settings

if TYPE_CHECKING:
    from index.bundle_listing import Listing
    from index.manifest import Manifest
    from model.config import BackboneConfig
    from service.settings import Settings


def store() -> Iterator[Finding]:
    """The store of users and events, as a service with these settings would open it."""
    from service.store.opening import open_store
    from service.store.protocol import StoreUnavailable

    chosen = chosen_settings()
    if chosen is None:
        return  # said above
    kind = f"SQLite in {chosen.state_file}" if chosen.redis_url is None else "Redis at LASER_REDIS_URL"
    if chosen.redis_url is None and not chosen.state_file.exists():
        yield Finding("store", "good", f"{kind}, to be made by the first event")
        return
    opened = open_store(chosen)
    try:
        warnings = opened.warnings()
    except StoreUnavailable as error:
        advice = "Until it works events get 503, and user_id counts for nothing"
        yield Finding("store", "wrong", f"{kind}: {error.reason}", advice)
    else:
        advice = "Change Redis' configuration"
        yield from (Finding("store", "warning", f"{kind}: {line}", advice) for line in warnings)
        if not warnings:
            yield Finding("store", "good", f"{kind}, keeps what it acknowledges")
    finally:
        opened.close()


def bundles() -> Iterator[Finding]:
    """The bundle that would be served, read and verified whole, and where the pointer and the settings disagree."""
    from index.bundle import BundleError, open_bundle
    from index.bundle_listing import listing

    chosen = chosen_settings()
    if chosen is None:
        return  # said above
    root: Path = chosen.bundles
    found = listing(root)
    try:
        bundle = open_bundle(root, chosen.bundle)
    except BundleError as error:
        yield Finding("bundle", "warning", str(error), _another(found))
    else:
        text = f"{bundle.manifest.bundle_id} in {root}, {len(bundle.catalogue):,} items, verified"
        yield Finding("bundle", "good", text)
        if chosen.empty_request == "popular" and bundle.popularity is None:
            text = "LASER_EMPTY_REQUEST=popular, but the bundle does not know what is popular"
            yield Finding("bundle", "warning", text, "Re-index with the run's data, or unset it")
    yield from _disagreements(chosen, found)


def _disagreements(chosen: "Settings", found: "Listing") -> Iterator[Finding]:
    from index.bundle import BundleError, open_bundle

    if chosen.bundle is not None and found.published not in (None, chosen.bundle):
        text = f"{found.published} is published, but LASER_BUNDLE holds the service to {chosen.bundle}"
        yield Finding("bundle", "warning", text, "Unset LASER_BUNDLE to serve what is published")
    if chosen.shadow_bundle is not None:
        try:
            open_bundle(chosen.bundles, chosen.shadow_bundle)
        except BundleError as error:
            yield Finding("shadow", "warning", str(error), "Correct LASER_SHADOW_BUNDLE, or unset it")


def _another(found: "Listing") -> str:
    """What to do where the bundle that would be served cannot be."""
    if any(bundle.steps_back for bundle in found.bundles):
        return "Go back to the one before: laser bundles rollback"
    others = [bundle.bundle_id for bundle in found.bundles if bundle.steps_back is None]
    if others:
        return f"Publish another one: laser bundles promote {others[-1]}"
    return "Make one: laser reindex RUN DATA, or laser demo"


def checkpoint() -> Iterator[Finding]:
    """The checkpoint of that bundle: is it the one that made the vectors, and is its backbone at hand?"""
    from model.checkpoint import CheckpointError, backbone_of, fingerprint

    manifest = served_manifest()
    chosen = chosen_settings()
    if manifest is None or chosen is None:
        return  # said above
    folder = chosen.bundles / manifest.bundle_id / "checkpoint"
    try:
        config, _ = backbone_of(folder)
        made_by = fingerprint(folder)
    except (CheckpointError, OSError) as error:
        yield Finding("checkpoint", "wrong", str(error), "Restore the bundle from a copy, or re-index")
        return
    if made_by != manifest.encoder_fingerprint:
        text = f"{folder} is not the one that made the bundle's vectors"
        yield Finding("checkpoint", "wrong", text, "Re-index: laser reindex RUN DATA")
    elif (advice := _where_from(config)) is not None:
        yield Finding("checkpoint", "warning", f"its backbone {config.name} is no folder here", advice)
    else:
        yield Finding("checkpoint", "good", f"made the bundle's vectors, on the backbone {config.name}")


def _where_from(config: "BackboneConfig") -> str | None:
    """What to know of a backbone that has to be loaded from elsewhere; None where it is here."""
    from model.config import EMBEDDED

    if config.name == EMBEDDED or Path(config.name).is_dir():
        return None
    return "It comes from the hub, or from the cache in HF_HOME, when the service starts: see that it can"


def served_manifest() -> "Manifest | None":
    """Of the bundle that would be served; None where there is none to be read."""
    from index.bundle import BundleError, current_id, list_bundles

    chosen = chosen_settings()
    if chosen is None:
        return None
    try:
        bundle_id = chosen.bundle or current_id(chosen.bundles)
    except BundleError:
        return None
    return next((each for each in list_bundles(chosen.bundles) if each.bundle_id == bundle_id), None)
