"""`laser keys create | list | revoke`: API keys, changed from the command line.

A running service follows the file of keys, so none of this needs a restart but the first key, which turns keys on.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

File = Annotated[
    Path | None, Option("--file", help="The file of keys, instead of the one the service's settings name.")
]
Json = Annotated[bool, Option("--json", help="Print one JSON object for machines, not text for people.")]

keys_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@keys_app.command()
def create(
    name: Annotated[str, Argument(help="Who will hold it. A name may have two keys, to change over.")],
    scopes: Annotated[
        list[str] | None,
        Option(
            "--scope",
            help="recommend, write, admin or metrics: what it is good for. Several are several options.",
        ),
    ] = None,
    tenant: Annotated[str | None, Option(help="Whose users and events it works on; none: default.")] = None,
    rate: Annotated[float | None, Option(help="Requests a second, instead of the service's limit.")] = None,
    burst: Annotated[int | None, Option(help="Requests at once, instead of the service's limit.")] = None,
    file: File = None,
    as_json: Json = False,
) -> None:
    """Make an API key and print it, once: only its digest is kept.

    A second key of a name takes over what the first one has, wherever no option says otherwise.
    """
    from service.access import issuing

    path = issuing.path_of(file)
    first = not path.exists()
    issued = issuing.create(path, issuing.Wish(name, tuple(scopes or ()), tenant, rate, burst))
    if as_json:
        typer.echo(json.dumps({"key": issued.secret, **issuing.shown(issued.key)}))
        return
    typer.echo(issued.secret)
    typer.echo("Keep it now: it is shown this once.", err=True)
    if first:
        typer.echo(
            f"{path} is new: a service that is running asks for keys from its next start on.", err=True
        )


@keys_app.command("list")
def list_keys(file: File = None, as_json: Json = False) -> None:
    """Show the API keys in force, without what their holders send."""
    from service.access import issuing

    rows = issuing.listed(issuing.path_of(file))
    if as_json:
        typer.echo(json.dumps({"keys": rows}))
    for row in () if as_json else rows:
        scopes = "+".join(map(str, row["scopes"])) if isinstance(row["scopes"], list) else ""
        limit = f"{row['rate']}/s" if row["rate"] else "-"
        typer.echo(
            f"{row['id']}  {row['name']:20}  {row['tenant']:12}  {scopes:24}  {limit:8}  {row['created']}"
        )


@keys_app.command()
def revoke(
    ids: Annotated[
        list[str], Argument(metavar="ID...", help="The keys' ids, as `laser keys list` shows them.")
    ],
    file: File = None,
) -> None:
    """Take API keys out of force, within a second also where a service is running."""
    from service.access import issuing

    issuing.revoke(issuing.path_of(file), ids)
    typer.echo(f"revoked: {', '.join(ids)}", err=True)
