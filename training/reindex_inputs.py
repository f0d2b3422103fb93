"""What a bundle was made of, written into it: a re-index that would read the same again has nothing to do.

    made_from.json    in a bundle, see MadeFrom

It is compared by digests, in milliseconds. Neither the catalogue nor the checkpoint is read for it, and torch is not
imported.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from index.bundle import Manifest, current_id
from index.bundle_files import manifest_of
from index.columns import ColumnKind
from index.manifest import BundleError, verify_files

MADE_FROM = "made_from.json"
CONTENTS = 1  # counts up with every version that puts something else into a bundle than the one before


@dataclass(frozen=True)
class MadeFrom:
    """All that a bundle follows from."""

    checkpoint: str  # fingerprint
    data: str  # hash of the data folder
    last_change: int  # number of the last live change
    kinds: Mapping[str, ColumnKind]  # of columns, where they are not left to be inferred
    reports: str  # digest of the pages about the run
    contents: int = CONTENTS

    def render(self) -> str:
        """The one spelling of this as JSON."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    def write(self, folder: Path) -> None:
        """Into a bundle that is being written."""
        (folder / MADE_FROM).write_text(self.render(), encoding="utf-8")


def published_from(bundles: Path, inputs: MadeFrom) -> Manifest | None:
    """The manifest of the published bundle if it was made of these inputs and is whole; else None."""
    try:
        bundle_id = current_id(bundles)
        if bundle_id is None:
            return None
        folder = bundles / bundle_id
        manifest = manifest_of(folder, bundle_id)
        if (folder / MADE_FROM).read_bytes() != inputs.render().encode():
            return None
        verify_files(folder, manifest)
    except (BundleError, OSError):
        return None
    return manifest
