"""The benchmarks of speed: what they count and compare, on tiny worlds; no test looks at how fast anything is."""

import json
from pathlib import Path

import faiss
import numpy as np
import pytest
import torch

from benchmarks import encode, growth, search
from benchmarks._timing import alternate, slope, times_faster
from benchmarks.speed_bench import world
from benchmarks.speed_bench.clock import Clock, backbone_clock
from benchmarks.speed_bench.flops import rate, useful_flops
from benchmarks.speed_bench.vectors import draw
from benchmarks.train_step import Steps
from index.item_index import ExactIndex
from model.backbone import Backbone
from tests.tiny import tiny_backbone


def test_contestants_take_turns_after_one_call_each_that_does_not_count() -> None:
    calls: list[str] = []
    taken = alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, budget=0, least=2)
    assert calls == ["a", "b"] * 3
    assert [len(seconds) for seconds in taken.values()] == [2, 2]


def test_a_measurement_ends_with_its_most_rounds() -> None:
    calls: list[int] = []
    alternate({"a": lambda: calls.append(1)}, budget=3600, most=4)
    assert len(calls) == 5


def test_a_ratio_is_the_median_of_those_within_the_rounds() -> None:
    """The second round was slow for both, the third for one alone."""
    assert times_faster({"us": [1, 10, 1], "them": [2, 20, 7]}, "us", "them") == 2


def test_slopes_of_known_growth() -> None:
    assert slope([1, 10, 100], [5, 50, 500]) == pytest.approx(1)
    assert slope([1, 10, 100], [5, 500, 50_000]) == pytest.approx(2)
    assert slope([1, 10, 100], [5, 5, 5]) == pytest.approx(0)


def test_useful_operations_of_a_hand_made_case() -> None:
    """Two layers of width 32, inner width 64. One text of 3 tokens:
    a whole layer: 2 * 3 * (4 * 32 * 32 + 2 * 32 * 64) + 4 * 9 * 32 = 50,304
    the last one:  2 * 3 * 2 * 32 * 32 + 2 * (2 * 32 * 32 + 2 * 32 * 64) + 4 * 3 * 32 = 24,960
    """
    assert useful_flops(tiny_backbone(), [3]) == 50_304 + 24_960
    assert useful_flops(tiny_backbone(), [3, 3]) == 2 * (50_304 + 24_960)


def test_the_rate_of_a_product_of_two_squares() -> None:
    assert rate([1.0, 2.0, 100.0]) == 2 * 2048**3 / 2


def test_shares_and_ratios_of_encoding() -> None:
    """Half a product's work in its time is half the rate; the peer takes twice as long for 5/6 of the tokens."""
    taken = {"laser": [1.0, 1.0], encode.PEER: [2.0, 2.0], encode.PRODUCT: [1.0, 1.0]}
    checks, rows = encode.figures(taken, flops=2048.0**3, prompts=10, tokens=600, their_tokens=500)
    assert [check.value for check in checks] == pytest.approx([0.5, 2.4, 2.0])
    assert [(row.get("prompts_per_s"), row.get("tokens_per_s")) for row in rows] == [
        (None, None),
        (10.0, 600),
        (5.0, 250),
    ]


def test_all_searches_find_the_same_and_a_forbidden_row_would_show() -> None:
    vectors = draw(2000, 16, 3, seed=0)
    flat = faiss.IndexFlatIP(16)
    flat.add(vectors.items)
    index = ExactIndex(vectors.items)
    mask = np.random.default_rng(0).random(2000) < 0.1
    calls = search.contestants(index, flat, vectors.queries, mask)
    assert list(calls) == [search.OURS, search.FILTERED]
    ours, theirs = (call() for call in calls.values())
    assert mask[theirs].all()
    assert search.agreement(vectors.items, vectors.queries, ours, theirs) == 1
    everything = search.contestants(index, flat, vectors.queries, np.ones(2000, bool))
    assert list(everything) == [search.OURS, search.FILTERED, search.PLAIN]
    assert search.agreement(vectors.items, vectors.queries, ours, everything[search.PLAIN]()) < 1


def test_rows_whose_scores_tie_agree_in_any_order() -> None:
    items = np.array([[1, 0], [1, 0], [0.5, 0]], np.float32)
    query = np.array([[1, 0]], np.float32)
    assert search.agreement(items, query, np.array([[0, 1]]), np.array([[1, 0]])) == 1
    assert search.agreement(items, query, np.array([[0, 1]]), np.array([[0, 2]])) == 0.5


def test_the_search_benchmark_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--items", "3000", "--width", "16", "--seconds", "0", "--out", str(tmp_path)]
    assert search.main(options) == 0
    outcome = json.loads((tmp_path / "search.json").read_text())
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == outcome
    targets = {check["name"]: check["target"] for check in outcome["checks"]}
    assert len(targets) == 12
    assert targets["allowed_100_batch_1_speedup"] == 2.0
    assert targets["allowed_100_batch_32_speedup"] == 1.5
    assert targets["allowed_10_batch_32_speedup"] == 1.0
    equal = [check["value"] for check in outcome["checks"] if check["name"].endswith("equal_top_10")]
    assert equal == [1.0] * 6


def test_drawn_vectors_are_unit_length_and_the_same_for_a_seed() -> None:
    first, again, other = (draw(100, 8, 2, seed) for seed in (1, 1, 2))
    np.testing.assert_allclose(np.linalg.norm(first.items, axis=1), 1, atol=1e-6)
    assert first.queries.shape == (2, 8)
    assert np.array_equal(first.items, again.items)
    assert not np.array_equal(first.items, other.items)


def test_growth_is_checked_series_by_series() -> None:
    rows = [
        {"series": "history", "size": 1, "ms": 3.0},
        {"series": "history", "size": 10, "ms": 3.0},
        {"series": "catalogue", "size": 10, "ms": 1.0},
        {"series": "catalogue", "size": 100, "ms": 100.0},
    ]
    found = {check.name: (round(check.value or 0, 6), check.passed) for check in growth.slopes(rows)}
    assert found == {"history_slope": (0.0, True), "catalogue_slope": (2.0, False)}


def test_a_row_for_each_size_in_order() -> None:
    rows = grown = growth.grow("history", {1: lambda: None, 20: lambda: None}, budget=0)
    assert [(row["key"], row["series"], row["size"]) for row in grown] == [
        ("history 1", "history", 1),
        ("history 20", "history", 20),
    ]
    assert all(float(str(row["ms"])) >= 0 for row in rows)


def test_the_clock_counts_both_directions_and_leaves_the_backbone_as_it_was() -> None:
    backbone, before = tiny_backbone(), Backbone.forward
    embeddings = torch.zeros(1, 3, backbone.width, requires_grad=True)
    with backbone_clock() as clock:
        present, positions = torch.ones(1, 3, dtype=torch.bool), torch.arange(3)[None]
        hidden = backbone(embeddings, present, positions, torch.tensor([2]))
        assert clock.forward > 0
        assert clock.backward == 0
        hidden.sum().backward()
        assert clock.backward > 0
        assert clock.seconds == clock.forward + clock.backward
    assert Backbone.forward is before


def test_steps_after_the_warm_up_are_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 20.0, 31.0, 45.0])
    monkeypatch.setattr("benchmarks.train_step.time.perf_counter", lambda: next(times))
    clock = Clock()
    steps = Steps(clock)
    for done in range(4):
        clock.forward, clock.backward = 2.0 * done, 3.0 * done
        steps("items", done, 4)  # another stage: not a step
        steps("phase 1, epoch 1", done, 4)
    assert steps.taken() == [(11.0, 2.0, 3.0), (14.0, 2.0, 3.0)]


def test_measured_on_what_is_named_else_on_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, films = tmp_path / "usual", tmp_path / "films"
    monkeypatch.setattr(world, "USUAL", usual)
    monkeypatch.setattr(world, "FILMS", films)
    assert world.data_folder(tmp_path / "mine") == tmp_path / "mine"
    assert world.data_folder(None) == films
    assert (films / "items.jsonl").is_file()
    usual.mkdir()
    assert world.data_folder(None) == usual
