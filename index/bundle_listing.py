"""What there is under a bundles' root, for people and programs that choose among it. Nothing is verified here."""

from dataclasses import dataclass
from pathlib import Path

from index.bundle import list_bundles
from index.bundle_pointer import published_ids
from index.manifest import BundleError


@dataclass(frozen=True)
class ListedBundle:
    """One bundle by its manifest."""

    bundle_id: str
    created: str  # ISO 8601, UTC
    items: int
    last_change: int  # number of the last catalogue change that the bundle contains
    encoder: str  # fingerprint of the checkpoint whose vectors these are
    bytes: int
    steps_back: (
        int | None
    )  # rollbacks until it is published: 0 for the published one, None for one that never was


@dataclass(frozen=True)
class Listing:
    """All bundles, oldest first."""

    published: str | None
    pointer_damaged: str | None  # what is wrong with the pointer, for a person
    bundles: tuple[ListedBundle, ...]


def listing(root: Path) -> Listing:
    """The bundles whose manifests are whole, and where the pointer leads. A damaged pointer is no error here."""
    order: list[str] = []
    damaged = None
    try:
        order = published_ids(root)
    except BundleError as error:
        damaged = str(error)
    bundles = [
        ListedBundle(
            bundle_id=manifest.bundle_id,
            created=manifest.created,
            items=manifest.items,
            last_change=manifest.last_change,
            encoder=manifest.encoder_fingerprint,
            bytes=manifest.size,
            steps_back=order.index(manifest.bundle_id) if manifest.bundle_id in order else None,
        )
        for manifest in list_bundles(root)
    ]
    return Listing(order[0] if order else None, damaged, tuple(bundles))
