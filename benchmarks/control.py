"""Control: say it in a sentence, and do the recommendations obey? `laser bench control --help` lists the options.

For every data set it builds cases of nine types from the catalogue and the test split (C1 include, C2 exclude, C3
range, C4 several at once, C5 other words, C6 minimal pairs, C7 cannot be met, C8 relative, C9 irrelevant), asks them
and the held-out sentences of benchmarks/control_sentences/ through `POST /recommend` of the real app, and sets the
answers beside those to no sentence, to the sentence in the prompt, to the sentence alone, and to filters from a
perfect parse and from plain keywords. The parts are in benchmarks/control_bench/.

The figures of the first run on held-out sentences stay in results/control_first_run_NAME.json, whatever comes later.
"""

import argparse
import asyncio
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks._outcome import machine, publish
from benchmarks.control_bench import curve, report, runs, speed
from benchmarks.control_bench.baselines import DirectSearch, Keywords
from benchmarks.control_bench.build import build_cases
from benchmarks.control_bench.cases import Case, read_held_out
from benchmarks.control_bench.runs import DIRECT, SERVED, Bench
from benchmarks.control_bench.service import serving
from benchmarks.control_bench.truth import PERCENTILE
from benchmarks.control_bench.world import world_of
from index.bundle import Bundle, open_bundle
from model.checkpoint import load_checkpoint
from model.encoder import TextEncoder
from service.constraints import Vocabulary
from service.frozen_texts import FrozenTexts
from service.settings import Settings, load_settings
from training.data import Dataset, load_dataset
from training.run_folder import git_hash

HERE = Path(__file__).parent
DEMO = "films=runs/demo/data:runs/demo/bundles"
STEERED = ("C1", "C2", "C3", "C4", "C5", "C8")


@dataclass(frozen=True)
class Source:
    """One data set: its name, its canonical folder, the folder of its bundles, and the columns to ask about."""

    name: str
    data: Path
    bundles: Path
    columns: tuple[str, ...] = ()


def source_of(text: str) -> Source:
    """NAME=DATA:BUNDLES, with :COLUMN,COLUMN behind it where not all columns are meant. Raises ValueError."""
    name, _, rest = text.partition("=")
    parts = rest.split(":")
    if not name or len(parts) not in (2, 3) or not all(parts):
        raise ValueError(f"{text!r} is not NAME=DATA:BUNDLES or NAME=DATA:BUNDLES:COLUMN,COLUMN")
    columns = tuple(parts[2].split(",")) if len(parts) == 3 else ()
    return Source(name, Path(parts[0]), Path(parts[1]), columns)


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(prog="control", description="Do recommendations obey a sentence?")
    parser.add_argument(
        "--on", action="append", type=source_of, metavar="NAME=DATA:BUNDLES[:COLUMNS]", help=f"default {DEMO}"
    )
    parser.add_argument("--cases", type=int, default=300, help="built cases a type (default 300)")
    parser.add_argument(
        "--users", type=int, default=3, help="users who say each held-out sentence (default 3)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--percentile",
        type=float,
        default=PERCENTILE,
        help=f"the documented percentile of relative words (default {PERCENTILE:g})",
    )
    parser.add_argument(
        "--steer",
        metavar="SETTING=W,W,...",
        help="also run soft mode at these values of a setting of the service, for the curve",
    )
    parser.add_argument("--steer-cases", type=int, default=60, help="built cases a type for it (default 60)")
    parser.add_argument("--without-held-out", action="store_true", help="leave the held-out sentences alone")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="folder for the figures")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it all. Exit 0 with figures, whether or not they reach their targets; 2 where there is nothing to run on."""
    options = options_of(arguments)
    sources = options.on or [source_of(DEMO)]
    for source in sources:
        if not (source.data.is_dir() and source.bundles.is_dir()):
            print(
                f"{source.name}: no {source.data} or no {source.bundles}; `laser demo` makes the demo's",
                file=sys.stderr,
            )
            return 2
    options.results.mkdir(parents=True, exist_ok=True)
    given = sys.argv[1:] if arguments is None else arguments
    command = shlex.join(["laser", "bench", "control", *given])
    commit = git_hash()  # of the code that is measured, whatever is committed meanwhile
    rows: list[dict[str, object]] = []
    hashes = {}
    for source in sources:
        dataset = load_dataset(source.data)
        hashes[source.name] = dataset.data_hash
        rows += asyncio.run(_measure(source, dataset, options, commit))
    checks = [*report.checks(rows), *speed.checks(rows)]
    print(report.table(rows))
    for check in checks:
        print("reached" if check.passed else "MISSED ", check.name, check.value, check.op, check.target)
    publish("control", command, commit, hashes, options.seed, checks, rows, options.results)
    return 0


async def _measure(
    source: Source, dataset: Dataset, options: argparse.Namespace, commit: str
) -> list[dict[str, object]]:
    """All rows of one data set."""
    bundle = open_bundle(source.bundles, None)
    world = world_of(source.name, bundle.catalogue, dataset, source.columns)
    settings = load_settings(bundles=source.bundles, bundle=bundle.manifest.bundle_id)
    laser = load_checkpoint(bundle.folder / "checkpoint", device="cpu")
    direct = DirectSearch(laser, bundle)
    words = FrozenTexts(TextEncoder(laser.config, laser.backbone)).words()
    sentences = HERE / "control_sentences" / f"{source.name}.jsonl"
    built = build_cases(world, options.cases, options.seed, options.percentile)
    times = speed.read_times((case.sentence for case in built), Vocabulary(bundle.catalogue, words))
    found: list[dict[str, object]] = [
        {"data": source.name, "set": "speed", "system": "parse", "type": "all", **times}
    ]
    async with serving(settings, bundle.catalogue) as service:
        bench = Bench(world, service, direct, Keywords(bundle.catalogue), options.percentile)
        print(f"{source.name}: {len(built)} built cases", file=sys.stderr)
        judged = await runs.run(bench, built, (*SERVED, *DIRECT))
        found += [{"data": source.name, "set": "built", **row} for row in runs.rows(judged)]
        if sentences.is_file() and not options.without_held_out:
            said = runs.said_by(
                world, read_held_out(sentences), options.users, options.seed, options.percentile
            )
            print(f"{source.name}: {len(said)} held-out cases", file=sys.stderr)
            judged = await runs.run(bench, said, (*SERVED, *DIRECT))
            held_out = [{"data": source.name, "set": "held-out", **row} for row in runs.rows(judged)]
            found += held_out
            each = [{"id": case.id, **_present(judgement)} for case, judgement in judged["laser"]]
            first: dict[str, object] = {
                "commit": commit,
                "machine": machine(),
                "data": {source.name: dataset.data_hash},
            }
            first |= {"seed": options.seed, "rows": held_out, "each": each}
            if report.keep_first_run(options.results / f"control_first_run_{source.name}.json", first):
                print(f"{source.name}: these are the figures of the first run, kept", file=sys.stderr)
    if options.steer:
        few = build_cases(world, options.steer_cases, options.seed, options.percentile)
        steered = [case for case in few if case.type in STEERED]
        weighted = await _curve(bench, bundle, settings, steered, options.steer)
        title = f"{source.name}, soft mode, by {options.steer.partition('=')[0]}"
        picture = curve.svg(title, curve.points(weighted))
        (options.results / f"control_soft_{source.name}.svg").write_text(picture, encoding="utf-8")
        for point in curve.points(weighted):
            print(f"{title} {point.weight:g}: satisfied {point.satisfied:.3f}, NDCG@10 {point.ndcg:.4f}")
        found += weighted
    return found


async def _curve(
    bench: Bench, bundle: Bundle, settings: Settings, cases: Sequence[Case], steer: str
) -> list[dict[str, object]]:
    """Soft mode at each value of one setting."""
    name, _, values = steer.partition("=")
    found = []
    for value in values.split(","):
        changed = load_settings(bundles=settings.bundles, bundle=settings.bundle, **{name: float(value)})
        async with serving(changed, bundle.catalogue) as service:
            judged = await runs.run(
                Bench(bench.world, service, bench.direct, bench.keywords, bench.percentile), cases, ["soft"]
            )
        found += [
            {"data": bench.world.name, "set": "built", "weight": float(value), **row}
            for row in runs.rows(judged)
        ]
    return found


def _present(judgement: object) -> dict[str, object]:
    return {name: value for name, value in asdict(judgement).items() if value is not None}  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main())
