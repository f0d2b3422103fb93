"""The swap benchmark's judgement: what counts as failed, as mixed, as grown."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.swap import Measured, Swap, bodies_of, checks, rows
from benchmarks.swap_bench.load import Answer, Load
from benchmarks.swap_bench.memory import Memory, memory_of
from benchmarks.swap_bench.variants import made_by, write_variants
from index.bundle import current_id, open_bundle
from service.memory import descendants
from tests.service.world import write_bundle


def test_variants_tell_themselves_apart_and_order_their_rows_differently(tmp_path: Path) -> None:
    root = tmp_path / "variants"
    source = write_variants(write_bundle(tmp_path), root, ("one", "two"))
    assert (source.bundle_id, current_id(root)) == ("first", "one")
    one, two = open_bundle(root, "one"), open_bundle(root, "two")
    assert one.catalogue.item_ids[0] != two.catalogue.item_ids[0]
    assert set(one.catalogue.item_ids) == set(two.catalogue.item_ids)
    for bundle, name in ((one, "one"), (two, "two")):
        row = bundle.catalogue.row("i3")
        assert row is not None
        assert bundle.catalogue.title(row) == f"thing 3@{name}"
    rows_of = [bundle.catalogue.row("i3") for bundle in (one, two)]
    np.testing.assert_array_equal(one.vectors[rows_of[0]], two.vectors[rows_of[1]])
    assert made_by([{"title": "a@b@one"}, {"title": "c@two"}]) == {"one", "two"}


def answer(bundle: str, *items: tuple[str, str]) -> dict[str, Any]:
    return {
        "versions": {"bundle": bundle},
        "items": [{"item_id": item_id, "title": f"thing@{made}"} for item_id, made in items],
    }


def test_an_answer_is_judged_by_its_titles_and_by_what_the_bundle_answers_undisturbed() -> None:
    right = answer("one", ("a", "one"), ("b", "one"))
    answers = [
        (200, right),  # learned
        (200, right),
        (200, answer("one", ("a", "one"), ("b", "two"))),  # of two bundles
        (200, answer("one", ("x", "one"), ("y", "one"))),  # rows of another
        (429, {}),
    ]

    def respond(request: httpx.Request) -> httpx.Response:
        if not answers:
            raise httpx.ConnectError("gone")
        status, body = answers.pop(0)
        return httpx.Response(status, json=body)

    async def ask() -> list[Answer]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(respond), base_url="http://x") as client:
            load = Load(client, [{"k": 2}])
            await load.learn()
            for _ in range(5):
                await load.ask(0)
        return load.answers

    found = [(each.status, each.bundle, each.mixed) for each in asyncio.run(ask())]
    assert found == [
        (200, "one", False),
        (200, "one", True),
        (200, "one", True),
        (429, "", False),
        (0, "", False),
    ]


def test_every_requirement_is_a_check_and_states_stand_in_rows() -> None:
    swaps = [Swap(float(n), 0.5, True, Memory(100.0 + n, 50.0)) for n in range(21)]
    swaps.append(Swap(30.0, 2.5, False, Memory(100.0, 50.0)))
    answers = [Answer(-1.0, 0.01, 200, "one"), Answer(1.0, 0.02, 429), Answer(2.0, 0.03, 200, "one", True)]
    measured = Measured(answers, swaps, Memory(100.0, 50.0), Memory(170.5, 60.0), 0.0)
    found = {check.name: (check.value, check.passed) for check in checks(measured, 22)}
    assert found == {
        "swaps": (21, False),
        "failed_requests": (1, False),
        "mixed_responses": (1, False),
        "memory_growth": (70.5, False),
    }
    by_key = {row["key"]: row for row in rows(measured)}
    assert (by_key["calm"]["requests"], by_key["swapping"]["statuses"]) == (1, {"200": 1, "429": 1})
    assert (by_key["swap"]["median_s"], by_key["swap"]["most_s"]) == (0.5, 2.5)
    assert [row["swaps"] for row in rows(measured) if row["key"] == "memory"] == [0, 20, 22]


def test_the_requests_follow_from_the_seed() -> None:
    item_ids = [f"i{n}" for n in range(30)]
    assert bodies_of(item_ids, 1) == bodies_of(item_ids, 1) != bodies_of(item_ids, 2)
    assert len(bodies_of(item_ids, 1)) == 20


def test_a_process_is_larger_than_nothing() -> None:
    memory = memory_of(os.getpid())
    assert memory.resident >= memory.anonymous > 1


FORKS = """
import os, sys
block = bytearray(os.urandom(1 << 26))
if os.fork():
    print("there", flush=True)
sys.stdin.read()
"""


def test_what_processes_share_counts_once_and_descendants_count() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as forked:
        assert forked.stdin is not None
        assert forked.stdout is not None
        assert forked.stdout.readline() == b"there\n"
        assert len(list(descendants(forked.pid))) == 1
        assert 64 < memory_of(forked.pid).anonymous < 64 + 32
        forked.stdin.close()
