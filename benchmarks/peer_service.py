"""The whole service against what one would put together without it: an embedding server, and FAISS behind it.

    laser bench peer_service [--data FOLDER --bundles FOLDER] [--seconds S]

The same users ask both through the same client. Ours gets their history as `POST /recommend` and answers with k items.
infinity gets, ready made, the text of the prompt that ours builds, and answers with a vector, for which the client
searches IndexFlatIP: neither a server of its own, nor filters, nor the making of a prompt is counted against that side.
Both have the same weights, read the same tokens and do not cache; both run with their defaults.
"""

import argparse
import asyncio
import base64
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import faiss
import numpy as np

from benchmarks._command import asking_parser, report
from benchmarks._outcome import Check
from benchmarks._service import copy_bundle, serving
from benchmarks.service_bench.client import (
    Finish,
    closed_loop,
    open_loop,
    per_second,
    post,
    quantile,
    unhindered,
)
from benchmarks.service_bench.infinity import InfinityError, installed, serving_infinity
from benchmarks.service_bench.phases import ENOUGH, Phase
from benchmarks.service_bench.requests import Asked, bodies, users_of
from index.bundle import Bundle, open_bundle
from model.checkpoint import load_checkpoint

K = 10
ROUNDS = 3
EQUAL = 0.7  # of what the peer can do: the load under which both are timed


class Side(NamedTuple):
    """One of the two: where it is, what is asked, and what the client does with an answer."""

    key: str
    url: str
    requests: list[bytes]
    finish: Finish | None = None


class Measured(NamedTuple):
    """Phases of both sides, in turns."""

    saturated: dict[str, list[Phase]]
    equal: dict[str, list[Phase]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, publish. Returns 0, or 2 where there is no peer."""
    given = asking_parser("peer_service", __doc__, seconds=15).parse_args(arguments)
    bundle = open_bundle(given.bundles)
    asked = users_of(given.data, bundle.catalogue, given.users, given.seed)
    try:
        measured = _measure(bundle, asked, given, installed())
    except InfinityError as error:
        print(error, file=sys.stderr)
        return 2
    data = {given.data.name: asked.data_hash}
    report("peer_service", given, ("users", "seconds"), data, checks(measured), rows(measured))
    return 0


def checks(measured: Measured) -> list[Check]:
    """What must be reached; every ratio is the median over the rounds of that within a round."""
    ours, theirs = measured.saturated.values()
    faster = [per_second(a.samples) / per_second(b.samples) for a, b in zip(ours, theirs, strict=True)]
    p99s = [[quantile(phase.accepted, 0.99) for phase in phases] for phases in measured.equal.values()]
    slower = [a / b for a, b in zip(*p99s, strict=True) if a is not None and b]
    failed = sum(
        each.status != 200 for phases in measured.equal.values() for p in phases for each in p.samples
    )
    return [
        Check("requests/s over the peer's", median(faster), "x", ">=", 1.6),
        Check("p99 over the peer's at equal load", median(slower) if slower else None, "x", "<=", 0.65),
        Check("requests not answered at equal load", failed, "requests", "<=", 0),
    ]


def rows(measured: Measured) -> list[dict[str, object]]:
    """All phases."""
    return [
        phase.row()
        for sides in (measured.saturated, measured.equal)
        for phases in sides.values()
        for phase in phases
    ]


def _measure(bundle: Bundle, asked: Asked, given: argparse.Namespace, peer: Path) -> Measured:
    texts = _texts(bundle, asked)
    seen = max(map(len, asked.histories))
    index = faiss.IndexFlatIP(bundle.text_vectors.shape[1])
    index.add(np.ascontiguousarray(bundle.text_vectors, np.float32))
    vectors = [
        post("/embeddings", {"model": "model", "input": [text], "encoding_format": "base64"})
        for text in texts
    ]

    def search(body: bytes) -> None:
        """The k items of one vector, and as many as may have been seen and are dropped."""
        encoded = json.loads(body)["data"][0]["embedding"]
        query = np.frombuffer(base64.b64decode(encoded), np.float32)[None]
        index.search(query, K + seen)

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_bundle(given.bundles, folder / "bundles")
        with (
            serving(folder, cache_mb="0") as service,
            serving_infinity(peer, folder / "infinity.log") as url,
        ):
            ours = Side(
                "laser",
                service.url,
                [post("/recommend", body) for body in bodies(asked, bundle.catalogue, K)],
            )
            theirs = Side("infinity and FAISS", url, vectors, search)
            with unhindered():
                return asyncio.run(_in_turns((ours, theirs), given.seconds, given.seed))


async def _in_turns(sides: tuple[Side, Side], seconds: float, seed: int) -> Measured:
    saturated: dict[str, list[Phase]] = {side.key: [] for side in sides}
    equal: dict[str, list[Phase]] = {side.key: [] for side in sides}
    for side in sides:
        await closed_loop(side.url, side.requests, ENOUGH, seconds / 2, finish=side.finish)  # warms up
    for number in range(1, ROUNDS + 1):
        for side in sides:
            samples = await closed_loop(side.url, side.requests, ENOUGH, seconds, finish=side.finish)
            saturated[side.key].append(Phase(f"{side.key}, saturated {number}", samples))
    rate = EQUAL * median(per_second(phase.samples) for phase in saturated[sides[1].key])
    for number in range(1, ROUNDS + 1):
        for side in sides:
            samples = await open_loop(
                side.url, side.requests, rate, seconds, seed + number, finish=side.finish
            )
            equal[side.key].append(Phase(f"{side.key}, {rate:.0f}/s {number}", samples))
    return Measured(saturated, equal)


def _texts(bundle: Bundle, asked: Asked) -> list[str]:
    """The text of each user's prompt."""
    laser = load_checkpoint(bundle.folder / "checkpoint", device="cpu")
    kept = laser.config.max_history
    prompts = (
        laser.text.prompts.prompt([bundle.token_ids[row].tolist() for row in history[-kept:]])
        for history in asked.histories
    )
    return [laser.backbone.tokenizer.decode(prompt, skip_special_tokens=True) for prompt in prompts]


if __name__ == "__main__":
    sys.exit(main())
