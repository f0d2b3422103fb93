"""What a bundle says about itself: whose vectors these are, from which data, and the sha256 of every file.

The manifest proves itself too: it ends with the sha256 of the rest, and must be spelled exactly as this
module spells it, so that one flipped bit anywhere in a bundle is found.
"""

import hashlib
import json
import math
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
POINTER = "current"
FORMAT = 1
BUNDLE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
REMEDY = "Restore the bundle from a copy, or choose another bundle"
SHA256 = re.compile(r"[0-9a-f]{64}")


class BundleError(Exception):
    """A bundle, or the pointer to one, that cannot be used. The message names the file and says what to
    do."""


@dataclass(frozen=True)
class FileEntry:
    """One file of a bundle as it was when sealed."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """`files` are named by their path in the bundle, with forward slashes; the manifest itself is not among
    them."""

    bundle_id: str
    created: str  # ISO 8601, UTC
    encoder_fingerprint: str  # of the checkpoint whose vectors these are
    data_hash: str
    items: int
    last_change: int  # number of the last catalogue change that the bundle contains
    metrics: Mapping[str, float]
    files: Mapping[str, FileEntry]
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Raises ValueError for a field that cannot be."""
        check_id(self.bundle_id)
        if self.format != FORMAT:
            raise ValueError(f"format {self.format!r} is not {FORMAT}, which this version reads: index again")
        if datetime.fromisoformat(self.created).tzinfo is None:
            raise ValueError("created has no time zone")
        for name in ("encoder_fingerprint", "data_hash"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"{name} must be text that is not blank")
        for name in ("items", "last_change"):
            value = getattr(self, name)
            if type(value) is not int or value < 0:
                raise ValueError(f"{name} must be a whole number from 0")
        for name, number in self.metrics.items():
            if type(number) is not float or not math.isfinite(number):
                raise ValueError(f"metric {name!r} must be a finite number")
        for path, entry in self.files.items():
            if not is_inside(path) or type(entry.bytes) is not int or not SHA256.fullmatch(entry.sha256):
                raise ValueError(f"the entry of file {path!r} is malformed")

    @property
    def size(self) -> int:
        """Bytes of all its files together, the manifest itself left out."""
        return sum(entry.bytes for entry in self.files.values())

    def render(self) -> bytes:
        """The one spelling of this manifest as JSON, its own sha256 last."""
        fields = asdict(self)
        return _spell(fields | {"sha256": hashlib.sha256(_spell(fields)).hexdigest()})


def check_id(bundle_id: str) -> None:
    """Raises ValueError where the text cannot name a bundle."""
    if not BUNDLE_ID.fullmatch(bundle_id) or bundle_id.lower() == POINTER:
        raise ValueError(f"bundle id {bundle_id!r} must be 1 to 64 of A-Z a-z 0-9 _ - and not {POINTER!r}")


def is_inside(path: str) -> bool:
    """True for a relative path with forward slashes that stays in its folder."""
    parts = path.split("/")
    return "\\" not in path and "\0" not in path and all(part not in ("", ".", "..") for part in parts)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle's folder. Raises BundleError where it is damaged, or names another bundle."""
    path = folder / MANIFEST
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError("it is not a plain file")
        content = path.read_bytes()
        fields: Any = json.loads(content)
        fields.pop("sha256")
        fields["files"] = {name: FileEntry(**entry) for name, entry in fields["files"].items()}
        manifest = Manifest(**fields)
        if manifest.render() != content:
            raise ValueError("its checksum does not fit its content")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"{path} cannot be used: {error}. Restore it, or choose another bundle") from error
    return manifest


def describe_files(folder: Path) -> dict[str, FileEntry]:
    """Size and sha256 of every file in a folder but the manifest, by path. Raises BundleError for links and
    special files."""
    return {
        name: FileEntry(_sha256(path), path.stat().st_size) for name, path in walk(folder) if name != MANIFEST
    }


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Raises BundleError unless the folder holds exactly the manifest's files, each with its content."""
    found = dict(walk(folder))
    found.pop(MANIFEST, None)
    for name in sorted(manifest.files.keys() - found.keys()):
        raise BundleError(f"{folder / name} is missing. {REMEDY}")
    for name in sorted(found.keys() - manifest.files.keys()):
        raise BundleError(
            f"{folder / name} is not in the bundle's manifest. Remove it, or choose another bundle"
        )
    for name, entry in manifest.files.items():
        size = found[name].stat().st_size
        if size != entry.bytes:
            raise BundleError(f"{folder / name} has {size:,} bytes instead of {entry.bytes:,}. {REMEDY}")
        if _sha256(found[name]) != entry.sha256:
            raise BundleError(f"{folder / name} was changed or damaged (its sha256 differs). {REMEDY}")


def walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Path within the bundle and path on disk of every file. Raises BundleError for a link, a device or an
    impossible name."""
    for child in sorted(folder.iterdir()):
        name, mode = prefix + child.name, child.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield from walk(child, f"{name}/")
        elif not stat.S_ISREG(mode) or not is_inside(name):
            raise BundleError(
                f"{child} is a link or no plain file. A bundle holds plain files only: remove it"
            )
        else:
            yield name, child


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _spell(fields: Mapping[str, object]) -> bytes:
    return (json.dumps(fields, indent=1, ensure_ascii=True, allow_nan=False) + "\n").encode()
