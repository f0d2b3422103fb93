"""`laser bundles list | promote | rollback | prune`: what is published, and what is to be.

A service that runs follows the pointer within about a second, so none of this needs a restart.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

if TYPE_CHECKING:
    from index.bundle_listing import ListedBundle

Bundles = Annotated[Path, Option(envvar="LASER_BUNDLES", help="The folder that holds all bundles.")]
BundleId = Annotated[str, Argument(metavar="ID", help="A bundle's id, as `laser bundles list` shows it.")]
Json = Annotated[bool, Option("--json", help="Print one JSON object for machines, not text for people.")]
DEFAULT = Path("bundles")

bundles_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@bundles_app.command("list")
def list_all(bundles: Bundles = DEFAULT, as_json: Json = False) -> None:
    """Show the bundles there are, oldest first, and which of them is published."""
    from index.bundle_listing import listing

    found = listing(bundles)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    elif found.bundles:
        _print_table(found.bundles)
    else:
        typer.echo(f"{bundles} holds no bundle; `laser reindex` makes one")
    if found.pointer_damaged:
        typer.echo(f"laser: {found.pointer_damaged}", err=True)
        raise typer.Exit(1)


@bundles_app.command()
def promote(bundle_id: BundleId, bundles: Bundles = DEFAULT, as_json: Json = False) -> None:
    """Verify a bundle and publish it: services that follow the pointer change to it without losing a request."""
    from index.bundle import publish

    publish(bundles, bundle_id)
    _say(f"published {bundle_id}", {"published": bundle_id}, as_json)


@bundles_app.command()
def rollback(bundles: Bundles = DEFAULT, as_json: Json = False) -> None:
    """Verify the bundle that was published before and publish it again; once more goes further back."""
    from index.bundle import roll_back
    from index.bundle_pointer import current_id

    left = current_id(bundles)
    bundle_id = roll_back(bundles)
    _say(f"published {bundle_id} again, instead of {left}", {"published": bundle_id, "left": left}, as_json)


@bundles_app.command()
def prune(
    keep: Annotated[int, Option(min=1, help="How many of the last published bundles stay.")] = 3,
    bundles: Bundles = DEFAULT,
    as_json: Json = False,
) -> None:
    """Remove the bundles that were published longer ago; what is newer than the published one stays."""
    from index.bundle_prune import prune as prune_bundles

    removed = prune_bundles(bundles, keep)
    _say(f"removed {', '.join(removed) or 'nothing'}", {"removed": removed}, as_json)


def _print_table(bundles: "Sequence[ListedBundle]") -> None:
    width = max(len(bundle.bundle_id) for bundle in bundles)
    typer.echo(f"{'bundle':{width}}  {'made (UTC)':19}  {'items':>10}  {'changes':>10}  {'MB':>8}  published")
    for one in bundles:
        made = one.created[:19].replace("T", " ")
        when = {None: "", 0: "now", 1: "1 step back"}.get(one.steps_back, f"{one.steps_back} steps back")
        numbers = f"{one.items:>10,}  {one.last_change:>10,}  {one.bytes / 1e6:>8,.1f}"
        typer.echo(f"{one.bundle_id:{width}}  {made}  {numbers}  {when}".rstrip())


def _say(text: str, result: Mapping[str, object], as_json: bool) -> None:
    typer.echo(json.dumps(result) if as_json else text)
