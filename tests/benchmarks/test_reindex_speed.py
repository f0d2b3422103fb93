"""The benchmark of re-indexing: what is timed, what the checks are of, and the catalogue that is made larger."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.reindex_speed import Run, checks, measure, rows
from benchmarks.speed_bench.enlarged import write_enlarged
from benchmarks.speed_bench.passes import least_seconds, recorded_passes
from model.backbone import Backbone
from model.checkpoint import save_checkpoint
from tests.tiny import tiny_backbone, tiny_laser
from tests.training_world import ITEM_IDS, ITEMS, write_world
from training.data import hash_files, load_dataset


def test_re_indexing_is_measured_whole_then_unchanged(tmp_path: Path) -> None:
    save_checkpoint(tiny_laser(ITEM_IDS, tmp_path / "backbone"), tmp_path / "run" / "checkpoint")
    write_world(tmp_path / "data")
    with recorded_passes() as passes:
        measure(tmp_path, tmp_path / "data", ())
    assert sum(len(each.present) for each in passes) == 2 * ITEMS, "the text and the prompt of each item"
    run = measure(tmp_path, tmp_path / "data", passes)
    assert run.items == ITEMS
    assert 0 < run.limit < run.full
    assert len(list((tmp_path / "bundles").glob("*/manifest.json"))) == 1, "the second one made none"


def test_passes_are_run_again_as_they_were_in_both_ways() -> None:
    backbone, seen = tiny_backbone(), []
    place = torch.arange(3)[None]
    with torch.inference_mode(), recorded_passes() as passes:
        backbone(backbone.embedding(place), place >= 0, place, torch.tensor([2]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Backbone, "forward", lambda *given: seen.append((*given, torch.is_inference_mode_enabled()))
        )
        assert least_seconds(passes) > 0
    (each,) = passes
    assert torch.equal(each.embeddings, backbone.embedding(place))
    assert len(seen) == 2
    for call in seen:
        assert all(given is kept for given, kept in zip(call, (*each, True), strict=True))


def test_the_run_whose_share_is_the_median_counts() -> None:
    runs = [Run(10, 2.0, 1.8, 0.5), Run(10, 4.0, 3.4, 0.04), Run(10, 4.0, 1.0, 0.5)]
    assert [(check.value, check.target) for check in checks(runs)] == [(0.85, 0.85), (0.01, 0.02)]
    assert rows("films", runs[1:2]) == [
        {
            "key": "films 1",
            "items": 10,
            "items_per_s": 2.5,
            "limit_items_per_s": 2.9,
            "share": 0.85,
            "full_s": 4.0,
            "unchanged_s": 0.04,
            "unchanged_share": 0.01,
        }
    ]


RECORDS = [
    {"item_id": "a", "title": "one two three four five", "tags": ["x", "y", "z", "w"], "year": 1999},
    {"item_id": "b", "title": "six seven eight nine ten", "tags": ["v"], "year": None},
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "dataset.json").write_text('{"name": "two", "timestamp": "position", "text": ["title"]}')
    (folder / "items.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    (folder / "interactions.csv").write_text("user_id,item_id,timestamp\nu,a,1\nu,b,2\nv,b,3\n")
    return folder


def test_an_enlarged_folder_has_other_texts_of_the_same_words_and_as_many_users_an_item(
    source: Path, tmp_path: Path
) -> None:
    write_enlarged(source, tmp_path / "large", 5, seed=0)
    data = load_dataset(tmp_path / "large")
    assert data.item_ids == ("a", "b", "a#1", "b#1", "a#2", "b#2"), "whole copies, at least five items"
    assert data.items[:2] == tuple(RECORDS)
    for row, item in enumerate(data.items):
        original = RECORDS[row % 2]
        assert sorted(str(item["title"]).split()) == sorted(str(original["title"]).split())
        assert sorted(item["tags"]) == sorted(original["tags"])  # type: ignore[call-overload]
        assert item["year"] == original["year"]
    assert len({str(item["title"]) for item in data.items}) == 6
    assert data.user_ids == ("u", "v", "u#1", "v#1", "u#2", "v#2")
    assert [history.tolist() for history in data.histories] == [[0, 1], [1], [2, 3], [3], [4, 5], [5]]


def test_an_enlarged_folder_follows_from_its_seed(source: Path, tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        write_enlarged(source, tmp_path / name, 6, seed)
    assert hash_files(tmp_path / "one") == hash_files(tmp_path / "same") != hash_files(tmp_path / "other")
