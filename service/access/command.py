"""`laser keys create | list | revoke`: the file of API keys, changed from the command line.

A running service follows the file, so none of this needs a restart but the first key, which turns keys on.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from typer import Argument, Option

from service.access.key_file import PER_NAME, KeyFileError, Keys, change_keys, first_of, read_keys
from service.access.keys import DEFAULT_TENANT, ApiKey, Issued, Scope, issue
from service.settings import load_settings

File = Annotated[
    Path | None, Option("--file", help="The file of keys, instead of the one the service's settings name.")
]
Json = Annotated[bool, Option("--json", help="Print one JSON object for machines, not text for people.")]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def _root() -> None:
    """API keys of the service: made, listed and revoked without a restart."""


@app.command()
def create(
    name: Annotated[str, Argument(help="Who will hold it. A name may have two keys, to change over.")],
    scopes: Annotated[
        list[Scope] | None, Option("--scope", help="What it is good for; may be given several times.")
    ] = None,
    tenant: Annotated[str | None, Option(help="Whose users and events it works on; none: default.")] = None,
    rate: Annotated[float | None, Option(help="Requests a second, instead of the service's limit.")] = None,
    burst: Annotated[int | None, Option(help="Requests at once, instead of the service's limit.")] = None,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it, once: only its digest is kept.

    A second key of a name takes over what the first one has wherever no option says otherwise.
    """
    path = _path(file)
    first = not path.exists()

    def add(keys: Keys) -> tuple[Sequence[ApiKey], Issued]:
        issued = _successor([key for key in keys.keys if key.name == name], name, scopes, tenant, rate, burst)
        return [*keys.keys, issued.key], issued

    issued = change_keys(path, add)
    if as_json:
        typer.echo(json.dumps({"key": issued.secret, **_shown(issued.key)}))
        return
    typer.echo(issued.secret)
    typer.echo("Keep it now: it is shown this once.", err=True)
    if first:
        typer.echo(f"{path} is new: a service that runs asks for keys from its next start on.", err=True)


@app.command("list")
def list_keys(file: File = None, as_json: Json = False) -> None:
    """Show the keys there are: ids, names, tenants, scopes and limits."""
    rows = [_shown(key) for key in read_keys(_path(file)).keys]
    if as_json:
        typer.echo(json.dumps({"keys": rows}))
        return
    for row in rows:
        limits = f"{row['rate'] or '-'}/s {row['burst'] or '-'}"
        scopes = ",".join(row["scopes"]) if isinstance(row["scopes"], list) else ""
        typer.echo(
            f"{row['id']}  {row['name']:<20}  {row['tenant']:<12}  {scopes:<24}  {limits:<10}  {row['created']}"
        )


@app.command()
def revoke(
    ids: Annotated[
        list[str], Argument(metavar="ID...", help="The keys' ids, as `laser keys list` shows them.")
    ],
    file: File = None,
) -> None:
    """Take keys out of force, within a second where a service runs."""

    def remove(keys: Keys) -> tuple[Sequence[ApiKey], None]:
        missing = sorted(set(ids) - {key.id for key in keys.keys})
        if missing:
            raise KeyFileError(
                f"there is no key {', '.join(missing)}; `laser keys list` shows those there are"
            )
        return [key for key in keys.keys if key.id not in ids], None

    change_keys(_path(file), remove)
    typer.echo(f"revoked {', '.join(ids)}", err=True)


def _successor(
    others: Sequence[ApiKey],
    name: str,
    scopes: Sequence[Scope] | None,
    tenant: str | None,
    rate: float | None,
    burst: int | None,
) -> Issued:
    """A key like the name's newest one, where options say nothing else. Raises KeyFileError."""
    if len(others) >= PER_NAME:
        listed = " and ".join(key.id for key in others)
        raise KeyFileError(
            f"{name} has {PER_NAME} keys already, {listed}: revoke the one that is not used any more"
        )
    newest = others[-1] if others else None
    granted = frozenset(scopes) if scopes else newest.scopes if newest else frozenset()
    if not granted:
        raise KeyFileError(f"say what the key is good for: --scope {', --scope '.join(Scope)}")
    if newest:
        tenant, rate, burst = tenant or newest.tenant, rate or newest.rate, burst or newest.burst
    created = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        return issue(name, tenant or DEFAULT_TENANT, granted, created, rate, burst)
    except ValidationError as error:
        raise KeyFileError(first_of(error)) from error


def _shown(key: ApiKey) -> dict[str, object]:
    """All but the digest."""
    shown: dict[str, object] = key.model_dump(mode="json", exclude={"sha256"})
    return shown | {"scopes": sorted(key.scopes)}


def _path(file: Path | None) -> Path:
    return load_settings().keys_path if file is None else file
