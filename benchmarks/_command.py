"""What benchmarks have in common, above all those that start a service: their options, and how they end."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks._outcome import MISSED, RESULTS, Check, publish
from benchmarks.speed_bench.table import print_outcome
from index.bundle import Manifest
from training.run_folder import git_hash

DEMO = "runs/demo"


def existing(folder: str) -> Path:
    """A folder as argparse reads it. Raises ArgumentTypeError."""
    if not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"no {folder}; `laser demo` makes the demo's")
    return Path(folder)


def bench_parser(name: str, document: str | None) -> argparse.ArgumentParser:
    """`laser bench NAME` with --seed and --out, described by its module's first line."""
    parser = argparse.ArgumentParser(
        prog=f"laser bench {name}", description=(document or "").partition("\n")[0]
    )
    parser.add_argument("--seed", type=int, default=0, help="the number that everything drawn follows from")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder for the result")
    return parser


def data_parser(name: str, document: str | None) -> argparse.ArgumentParser:
    """The same with --data, of which speed_bench.world.data_folder makes a folder."""
    parser = bench_parser(name, document)
    parser.add_argument("--data", type=Path, help="a data folder (default: data/scientific, else the films)")
    return parser


def service_parser(name: str, document: str | None) -> argparse.ArgumentParser:
    """`bench_parser` with --bundles."""
    parser = bench_parser(name, document)
    parser.add_argument(
        "--bundles", type=existing, default=f"{DEMO}/bundles", help="whose published bundle is served"
    )
    return parser


def asking_parser(name: str, document: str | None, seconds: float) -> argparse.ArgumentParser:
    """`service_parser` with --data, whose test users ask, --users, and --seconds of a phase."""
    parser = service_parser(name, document)
    parser.add_argument("--data", type=existing, default=f"{DEMO}/data", help="whose test users ask")
    parser.add_argument("--users", type=int, default=2000, help="different requests")
    parser.add_argument("--seconds", type=float, default=seconds, help="how long each phase takes")
    return parser


def report(
    name: str,
    given: argparse.Namespace,
    shown: Sequence[str],
    data: Mapping[str, str],
    checks: Sequence[Check],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Print and publish the outcome of a run; `shown` are the options its command is written with, besides the seed,
    and `data` names each data set's hash."""
    print_outcome(checks, rows)
    options = [
        f"--{option} {_spelled(getattr(given, option.replace('-', '_')))}" for option in (*shown, "seed")
    ]
    command = " ".join([f"laser bench {name}", *options])
    publish(name, command, git_hash(), data, given.seed, checks, rows, given.out)


def finish(
    name: str,
    given: argparse.Namespace,
    shown: Sequence[str],
    manifest: Manifest,
    checks: Sequence[Check],
    rows: Sequence[Mapping[str, Any]],
) -> int:
    """`report` on a bundle. Returns 0 if every requirement is met, else MISSED."""
    report(name, given, shown, {manifest.bundle_id: manifest.data_hash}, checks, rows)
    return 0 if all(check.passed for check in checks) else MISSED


def _spelled(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
