"""Removing bundles that nobody will go back to.

A service that still answers from a removed bundle goes on: what it has mapped stays until it lets go.
"""

import shutil
from pathlib import Path
from secrets import token_hex

from index.bundle import STAGING, list_bundles
from index.bundle_pointer import forget, published_ids
from index.durable import locked, sync
from index.manifest import BundleError


def prune(root: Path, keep: int) -> list[str]:
    """Remove all bundles but the `keep` last published ones and those made after the published one. Returns their ids.

    A bundle whose manifest is damaged is left for a person to judge. Raises BundleError where nothing is published or
    `keep` is below 1.
    """
    if keep < 1:
        raise BundleError(f"--keep must be at least 1, not {keep}: the published bundle stays")
    if not root.is_dir():
        raise BundleError(f"{root} does not exist: there is nothing to remove")
    with locked(root):
        order = published_ids(root)
        made = {manifest.bundle_id: manifest.created for manifest in list_bundles(root)}
        if not order or order[0] not in made:
            raise BundleError(f"nothing usable is published in {root}: promote a bundle first")
        kept = {*order[:keep], *(name for name, created in made.items() if created > made[order[0]])}
        removed = [bundle_id for bundle_id in made if bundle_id not in kept]
        forget(root, removed)  # first: from now on nobody is led to them
        for bundle_id in removed:
            aside = root / f"{STAGING}{bundle_id}-{token_hex(4)}"
            (root / bundle_id).rename(aside)
            shutil.rmtree(aside)
        sync(root)
    return removed
