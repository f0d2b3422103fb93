"""The files of a checkpoint, and which one it is. Nothing is loaded here, torch least of all: who asks only whether a
checkpoint is still the same has the answer in milliseconds."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

CONFIG, WEIGHTS, VOCABULARY = "config.json", "weights.safetensors", "vocabulary.json"


class CheckpointError(Exception):
    """The folder is no usable checkpoint; the message names the file and what to do."""


def fingerprint(folder: Path) -> str:
    """sha256 over the checkpoint's three files: two folders with the same one encode the same.

    Raises CheckpointError.
    """
    return fingerprint_of(file_digests(folder))


def fingerprint_of(digests: Mapping[str, bytes]) -> str:
    """The fingerprint of a checkpoint whose files have these digests."""
    return hashlib.sha256(b"".join(digests[name] for name in (CONFIG, WEIGHTS, VOCABULARY))).hexdigest()


def file_digests(folder: Path) -> dict[str, bytes]:
    """sha256 of each of the three files, read as streams. Raises CheckpointError."""
    digests = {}
    for name in (CONFIG, WEIGHTS, VOCABULARY):
        try:
            digests[name] = file_digest(folder / name)
        except FileNotFoundError as error:
            raise CheckpointError(f"{folder / name} is missing; {folder} is no checkpoint") from error
        except OSError as error:
            raise CheckpointError(f"{folder / name} cannot be read: {error}") from error
    return digests


def file_digest(path: Path) -> bytes:
    """sha256 of a file, read as a stream."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
