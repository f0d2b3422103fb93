"""The file of API keys: JSON that only its owner writes, replaced whole, never edited in place.

It holds digests, no keys, so that reading it lets nobody in; but whoever could write it could add a key of their own,
so a file that others may write is refused.
"""

import os
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from index.durable import locked, sync
from service.access.keys import ApiKey

PER_NAME = 2  # active keys: the old one works until its holders have the new one
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

Result = TypeVar("Result")


class KeyFileError(ValueError):
    """The file of keys cannot be used; one line that says why and what to do."""


class Keys(BaseModel):
    """The file's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    keys: tuple[ApiKey, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Keys":
        if len({key.id for key in self.keys}) < len(self.keys):
            raise ValueError("two keys have one id")
        names = Counter(key.name for key in self.keys)
        for name, count in names.items():
            if count > PER_NAME:
                raise ValueError(f"{name} has {count} keys, and at most {PER_NAME} may be active")
            if len({key.tenant for key in self.keys if key.name == name}) > 1:
                raise ValueError(f"the keys of {name} belong to different tenants")
        return self


def read_keys(path: Path) -> Keys:
    """Read and check the file. Raises KeyFileError."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & OTHERS_WRITE:
                raise KeyFileError(f"{path} can be written by others than its owner: chmod 600 {path}")
            return Keys.model_validate_json(file.read())
    except ValidationError as error:
        raise KeyFileError(f"{path}: {first_of(error)}") from error
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror})") from error


def change_keys(path: Path, change: Callable[[Keys], tuple[Sequence[ApiKey], Result]]) -> Result:
    """Replace the keys by what `change` makes of them, on disk when it returns. One process at a time.

    Raises KeyFileError, also where the new keys do not go together.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent):
            keys, result = change(read_keys(path) if path.exists() else Keys())
            _write(path, Keys(keys=tuple(keys)))
            return result
    except ValidationError as error:
        raise KeyFileError(first_of(error)) from error
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written ({error.strerror})") from error


def first_of(error: ValidationError) -> str:
    """The first thing that is wrong, as `place: what`."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    what = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {what}" if place else what


def _write(path: Path, keys: Keys) -> None:
    """Aside, with its rights from the first byte on, then in one step."""
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(keys.model_dump_json(indent=1).encode() + b"\n")
    sync(aside)
    aside.rename(path)
    sync(path.parent)
