"""The files of a checkpoint, and which one it is. Nothing is loaded here, torch least of all: who asks only whether a
checkpoint is still the same has the answer in milliseconds."""

import hashlib
from pathlib import Path

CONFIG, WEIGHTS, VOCABULARY = "config.json", "weights.safetensors", "vocabulary.json"


class CheckpointError(Exception):
    """The folder is no usable checkpoint; the message names the file and what to do."""


def fingerprint(folder: Path) -> str:
    """sha256 over the checkpoint's three files: two folders with the same one encode the same.

    Raises CheckpointError.
    """
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS, VOCABULARY):
        try:
            digest.update(file_digest(folder / name))
        except FileNotFoundError as error:
            raise CheckpointError(f"{folder / name} is missing; {folder} is no checkpoint") from error
        except OSError as error:
            raise CheckpointError(f"{folder / name} cannot be read: {error}") from error
    return digest.hexdigest()


def file_digest(path: Path) -> bytes:
    """sha256 of a file, read as a stream."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
