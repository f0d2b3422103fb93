"""The command line: `laser COMMAND --help` says what each command takes and makes.

Thin on purpose. A command reads its arguments, calls one function and says what came of it; the code behind
it is imported inside, so that help and mistakes answer at once. Progress goes to standard error, and `--json`
prints one object on standard output. Bad input is one line on standard error and exit status 2.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from typer import Argument, Option

from index.commands import bundles_app
from service.access.command import keys_app

Choice = TypeVar("Choice", bound=StrEnum)
DEMO_USERS = 500  # whom the demo's quick evaluation looks at
OURS = ("benchmarks", "demo", "index", "model", "service", "training")


class Dump(StrEnum):
    """The public dumps that training/prepare.py reads."""

    AMAZON2014 = "amazon2014"
    AMAZON2018 = "amazon2018"
    AMAZON2023 = "amazon2023"
    MOVIELENS = "movielens"


DataFolder = Annotated[Path, Argument(help="A data folder: items.jsonl, interactions.csv, dataset.json.")]
RunFolder = Annotated[Path, Argument(help="A run folder that `laser train` has finished.")]
RunFolders = Annotated[list[Path], Argument(help="Finished run folders; several are seeds to average over.")]
Address = Annotated[str | None, Option(help="The address to listen on.")]
Port = Annotated[int | None, Option(help="The port to listen on.")]
Device = Annotated[str, Option(help="cpu, cuda, or auto: cuda where there is one.")]
Changes = Annotated[list[str] | None, Option("--set", metavar="KEY=VALUE", help="Change one setting.")]
Columns = Annotated[list[str] | None, Option("--column", metavar="NAME=KIND", help="Correct a kind.")]
Untested = Annotated[bool, Option("--untested-backbone", help="Accept an architecture no test has proven.")]
Json = Annotated[bool, Option("--json", help="Print one JSON object for machines, not text for people.")]

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
data_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data", help="Turn public dumps into a data folder, and look at one.")
app.add_typer(bundles_app, name="bundles", help="See which bundle is published, and change it.")
app.add_typer(keys_app, name="keys", help="Make, list and revoke the API keys of the service.")


@app.callback()
def _root() -> None:
    """Recommendations from a history, a sentence and filters. Begin with `laser demo` or `laser doctor`."""


@app.command()
def demo(
    folder: Annotated[Path, Option(help="Where the demo's data, run and bundles are.")] = Path("runs/demo"),
    serve: Annotated[bool, Option(help="Serve once the bundle is there, or stop.")] = True,
    host: Address = None,
    port: Port = None,
) -> None:
    """Train on the bundled films and serve recommendations, skipping what an earlier start has finished."""
    from demo.home import prepare_home
    from index.bundle import current_id

    prepare_home(folder)
    if current_id(folder / "bundles") is None:
        _build_demo(folder)
    else:
        _say(f"The demo in {folder} is up to date.")
    if serve:
        _serve(bundles=folder / "bundles", host=host, port=port)


def _build_demo(folder: Path) -> None:
    from demo.simulator import write_demo
    from training.evaluate import evaluate as evaluate_runs
    from training.pipeline import train as train_laser
    from training.reindex import reindex as make_bundle

    started = time.monotonic()
    if not (folder / "data").exists():
        write_demo(folder / "data")
    train_laser(folder / "data", folder / "run", preset_name="demo", resume=True)
    evaluate_runs([folder / "run"], folder / "data", users=DEMO_USERS)  # its page goes into the bundle
    bundle = make_bundle(folder / "run", folder / "data", folder / "bundles").bundle_id
    _say(f"The demo is ready after {time.monotonic() - started:.0f} s: bundle {bundle} in {folder}/bundles.")


@data_app.command()
def prepare(
    source: Annotated[Dump, Argument(help="Which dump it is.")],
    raw: Annotated[Path, Argument(help="The folder with the dump's files.")],
    out: Annotated[Path, Argument(help="The data folder to write; it must not exist yet.")],
    k_core: Annotated[int, Option(min=1, help="The least interactions of a user and of an item.")] = 1,
    all_items: Annotated[bool, Option("--all-items", help="Keep items without interactions too.")] = False,
    as_json: Json = False,
) -> None:
    """Turn the files of a public dump into a data folder that every other command reads."""
    from rich.console import Console

    from training.prepare import prepare as prepare_data
    from training.task_bars import counters

    with counters(Console(stderr=True)) as count:
        result = prepare_data(source, raw, out, k_core, all_items, count)
    _report(asdict(result), as_json)


@data_app.command()
def check(folder: DataFolder, as_json: Json = False) -> None:
    """Report what a data folder holds, and what in it would mislead training or evaluation."""
    from training.check_data import check as check_data

    _report(check_data(folder).to_dict(), as_json)


@app.command()
def train(
    data: DataFolder,
    out: Annotated[Path, Option(help="The run folder to write: configuration, metrics, checkpoint.")],
    preset: Annotated[str, Option(help="cpu, gpu, paper, faithful or demo: what to start from.")] = "cpu",
    changes: Changes = None,
    backbone: Annotated[str | None, Option(help="Another frozen text model: a hub id or a folder.")] = None,
    untested_backbone: Untested = False,
    seed: Annotated[int, Option(min=0, help="The number that all random draws follow from.")] = 0,
    device: Device = "auto",
    resume: Annotated[bool, Option("--resume", help="Go on with a run that was stopped.")] = False,
    as_json: Json = False,
) -> None:
    """Train the ID recommenders and both phases of Laser on a data folder, and write a checkpoint.

    A setting is named as in the run's run.json, for example --set laser.m_former.experts=8.
    """
    from training.pipeline import train as train_laser

    started = time.monotonic()
    overrides = _pairs(changes, "--set")
    if backbone is not None:
        overrides["laser.backbone.name"] = backbone
    if untested_backbone:
        overrides["laser.backbone.untested"] = "true"
    checkpoint = train_laser(data, out, preset, seed, resume, _device(device), overrides)
    _report({"checkpoint": str(checkpoint), "seconds": round(time.monotonic() - started, 1)}, as_json)


@app.command()
def evaluate(
    runs: RunFolders,
    data: DataFolder,
    faithful: Annotated[list[Path] | None, Option(help="A run of the preset faithful for each run.")] = None,
    seed: Annotated[int, Option(min=0, help="The number that the intervals follow from.")] = 0,
    report: Annotated[Path | None, Option(help="A folder to write one HTML page into, for people.")] = None,
    users: Annotated[int | None, Option(min=1, help="A quick look: at so many users, drawn by seed.")] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Rank all items for every test user, by Laser and by each baseline, as served and unmasked."""
    from training.evaluate import evaluate as evaluate_runs

    table = evaluate_runs(runs, data, _device(device), faithful or (), seed, report=report, users=users)
    typer.echo(json.dumps(table.to_dict()) if as_json else table.text())


@app.command()
def reindex(
    run: RunFolder,
    data: DataFolder,
    bundles: Annotated[Path, Option(help="The folder that holds all bundles.")] = Path("bundles"),
    columns: Columns = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Encode items that are new or changed, also while serving, and publish a bundle for `laser serve`."""
    from index.columns import ColumnKind
    from service.store.opening import open_changes
    from training.reindex import reindex as make_bundle

    kinds = {n: _one_of(ColumnKind, kind, "--column") for n, kind in _pairs(columns, "--column").items()}
    with open_changes(bundles) as log:
        _report(asdict(make_bundle(run, data, bundles, lambda: _device(device), kinds, log=log)), as_json)


@app.command()
def serve(
    bundles: Annotated[Path | None, Option(help="The folder that holds all bundles.")] = None,
    bundle: Annotated[str | None, Option(help="The bundle to serve, instead of the published one.")] = None,
    host: Address = None,
    port: Port = None,
    device: Annotated[str | None, Option(help="cpu, cuda, or auto: cuda where there is one.")] = None,
) -> None:
    """Answer requests from a bundle until a signal; LASER_* variables set all the rest."""
    _serve(bundles=bundles, bundle=bundle, host=host, port=port, device=device)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str | None, Argument(help="One of benchmarks/; none: all this round lacks.")] = None,
) -> None:
    """Measure against peers and limits; what follows NAME is passed on to the benchmark."""
    from benchmarks import run, run_round

    raise typer.Exit(run_round() if name is None else run(name, context.args))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look at packages, devices, settings, store, bundle, memory and disk, and say what to do where one is wrong."""
    from service.doctor import examine

    findings = examine()
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}))
    else:
        typer.echo("\n".join(map(str, findings)))
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


def _serve(**options: object) -> None:
    """Serve until a signal; options that were not given are left to the environment."""
    from service import serve as serve_settings
    from service.settings import load_settings

    given = {name: value for name, value in options.items() if value is not None}
    raise typer.Exit(serve_settings(load_settings(**given)))


def _device(name: str) -> str:
    """The device to run on. Raises BadParameter where torch has none of that name."""
    import torch

    cuda = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if cuda else "cpu"
    if name != "cpu" and not (cuda and name.startswith("cuda")):
        raise typer.BadParameter(f"torch has no device {name!r} here; use cpu or auto", param_hint="--device")
    return name


def _pairs(options: Sequence[str] | None, name: str) -> dict[str, str]:
    """NAME=VALUE options as a dict. Raises BadParameter."""
    for option in options or ():
        if "=" not in option:
            raise typer.BadParameter(f"{option!r} has no '='", param_hint=name)
    return dict(option.split("=", 1) for option in options or ())


def _one_of(choices: type[Choice], value: str, name: str) -> Choice:
    """The member of an enumeration. Raises BadParameter."""
    if value not in list(choices):
        raise typer.BadParameter(f"{value!r} is none of {', '.join(choices)}", param_hint=name)
    return choices(value)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _report(result: Mapping[str, object], as_json: bool) -> None:
    """What came of a command: one JSON object, or a line a fact."""
    from training.summary import summary

    typer.echo(json.dumps(result, default=str) if as_json else summary(result))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its status: 0, 1 where a check failed, 2 for bad input, 130 for Ctrl+C."""
    try:
        return app(args=arguments, prog_name="laser", standalone_mode=False) or 0
    except (typer.Abort, KeyboardInterrupt):
        _say("laser: stopped")
        return 130
    except typer.TyperException as error:
        usage = error.format_message()
        _say(usage if usage.startswith("Usage:") else f"laser: {usage}")
    except Exception as error:
        if isinstance(error, ModuleNotFoundError):
            _say(f"laser: {error}; `laser doctor` says what is missing")
        elif isinstance(error, OSError) or type(error).__module__.partition(".")[0] in OURS:
            _say(f"laser: {' '.join(str(error).split())}")
        else:
            raise  # a mistake of ours: the traceback is what helps
    return 2


if __name__ == "__main__":
    sys.exit(main())
