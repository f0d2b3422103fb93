"""What `laser keys` does to the file of keys: add one, take some out, show what there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from service.access.key_file import PER_NAME, KeyFileError, Keys, change_keys, first_of, read_keys
from service.access.keys import ApiKey, Issued, issue
from service.access.scopes import DEFAULT_TENANT, Scope
from service.settings import load_settings


@dataclass(frozen=True)
class Wish:
    """A key to be made. What is None or empty is taken over from the name's newest key, if it has one."""

    name: str
    scopes: tuple[str, ...] = ()
    tenant: str | None = None
    rate: float | None = None
    burst: int | None = None


def path_of(file: Path | None) -> Path:
    """The file to work on: the one given, or the one the service's settings name. Raises SettingsError."""
    return load_settings().keys_path if file is None else file


def create(path: Path, wish: Wish) -> Issued:
    """Make a key and add it. Raises KeyFileError."""

    def add(keys: Keys) -> tuple[Sequence[ApiKey], Issued]:
        issued = _issue([key for key in keys.keys if key.name == wish.name], wish)
        return [*keys.keys, issued.key], issued

    return change_keys(path, add)


def revoke(path: Path, ids: Sequence[str]) -> None:
    """Take keys out. Raises KeyFileError, and takes out none, where there is no key of one of the ids."""

    def remove(keys: Keys) -> tuple[Sequence[ApiKey], None]:
        missing = sorted(set(ids) - {key.id for key in keys.keys})
        if missing:
            raise KeyFileError(
                f"there is no key {', '.join(missing)}; `laser keys list` shows those there are"
            )
        return [key for key in keys.keys if key.id not in ids], None

    change_keys(path, remove)


def listed(path: Path) -> list[dict[str, object]]:
    """What `laser keys list` shows of each key. Raises KeyFileError."""
    return [shown(key) for key in read_keys(path).keys]


def shown(key: ApiKey) -> dict[str, object]:
    """All but the digest."""
    fields: dict[str, object] = key.model_dump(mode="json", exclude={"sha256"})
    return fields | {"scopes": sorted(key.scopes)}


def _issue(others: Sequence[ApiKey], wish: Wish) -> Issued:
    """A key like the name's newest one, where the wish says nothing else. Raises KeyFileError."""
    if len(others) >= PER_NAME:
        ids = " and ".join(key.id for key in others)
        raise KeyFileError(
            f"{wish.name} has {PER_NAME} keys already, {ids}: revoke the one that is not used any more"
        )
    unknown = sorted(set(wish.scopes) - set(Scope))
    if unknown:
        raise KeyFileError(f"{unknown[0]!r} is none of the scopes {', '.join(Scope)}")
    newest = others[-1] if others else None
    scopes = frozenset(map(Scope, wish.scopes)) or (newest.scopes if newest else frozenset())
    if not scopes:
        raise KeyFileError(f"say what the key is good for, with --scope: {', '.join(Scope)}")
    tenant, rate, burst = wish.tenant, wish.rate, wish.burst
    if newest:
        tenant, rate, burst = tenant or newest.tenant, rate or newest.rate, burst or newest.burst
    created = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        return issue(wish.name, tenant or DEFAULT_TENANT, scopes, created, rate, burst)
    except ValidationError as error:
        raise KeyFileError(first_of(error)) from error
