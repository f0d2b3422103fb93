"""Live changes in a re-index: folded in, never lost by it, and still there after a rollback."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from index.bundle import BundleError, list_bundles, open_bundle
from laser import main
from model.laser import Laser
from service.store.changes import Change, ChangeLog
from service.store.sqlite import SqliteStore
from tests.training_world import ITEM_IDS, ITEMS, quiet, record
from training.live_changes import fold
from training.reindex import Reindexed, reindex

FIRST, SECOND = ITEM_IDS[0], ITEM_IDS[1]


@pytest.fixture
def log(home: Path) -> ChangeLog:
    return SqliteStore(home / "state.sqlite", 10, 5.0).changes


@pytest.fixture
def again(home: Path, log: ChangeLog) -> Callable[[], Reindexed]:
    return lambda: reindex(home / "run", home / "data", home / "bundles", console=quiet(), log=log)


Again = Callable[[], Reindexed]


def put(item_id: str, **fields: object) -> Change:
    return Change(item_id, json.dumps({**record(0), "item_id": item_id, **fields}))


def test_a_fold_replaces_in_place_appends_and_leaves_out() -> None:
    items = [{"item_id": "a"}, {"item_id": "b", "x": 1}, {"item_id": "c"}]
    changes = [
        (4, "b", '{"item_id": "b"}'),
        (6, "d", '{"item_id": "d"}'),
        (7, "a", None),
        (9, "nobody", None),
    ]
    assert fold(items, changes) == [{"item_id": "b"}, {"item_id": "c"}, {"item_id": "d"}]


def test_changes_are_in_the_next_bundle_which_names_the_last(
    home: Path, log: ChangeLog, again: Again
) -> None:
    assert again().items == ITEMS
    log.append([put("new", title="brand new"), put(SECOND, title="renamed"), Change(FIRST, None)])
    made = again()
    assert (made.items, made.encoded, made.reused) == (ITEMS, 2, ITEMS - 2)
    bundle = open_bundle(home / "bundles")
    assert bundle.manifest.last_change == 3
    assert bundle.catalogue.item_ids == (*ITEM_IDS[1:], "new")
    assert [bundle.catalogue.title(row) for row in (0, ITEMS - 1)] == ["renamed", "brand new"]
    assert bundle.popularity is not None
    assert bundle.popularity[ITEMS - 1] == 0
    assert again().bundle_id == made.bundle_id  # nothing changed since
    log.append([Change("new", None)])
    assert again().items == ITEMS - 1
    assert [manifest.last_change for manifest in list_bundles(home / "bundles")] == [0, 3, 4]


def test_the_log_reaches_back_to_the_oldest_kept_bundle(home: Path, log: ChangeLog, again: Again) -> None:
    log.append([Change(FIRST, None)])
    oldest = again()
    log.append([put("new")])
    again()
    assert [change.number for change in log.after(1, 10).changes] == [2]
    bundle = open_bundle(home / "bundles", oldest.bundle_id)
    assert [change[:2] for change in log.net(bundle.manifest.last_change).changes] == [(2, "new")]
    log.append([Change("new", None)])
    again()
    assert FIRST not in open_bundle(home / "bundles").catalogue.item_ids  # folded, and not forgotten
    assert "new" not in open_bundle(home / "bundles").catalogue.item_ids


def test_a_new_item_has_the_same_neighbours_live_and_after(
    home: Path, log: ChangeLog, again: Again, laser: Laser
) -> None:
    again()
    before = open_bundle(home / "bundles")
    log.append([put("new", title="something else")])
    again()
    after = open_bundle(home / "bundles")
    attacher = laser.attacher()
    assert attacher is not None
    text = after.text_vectors[ITEMS]
    place = attacher.place(before.catalogue.item_ids)
    ties = attacher.ties("new", place, before.text_vectors @ text, before.text_vectors)
    boosts = after.neighbours.boosts([ITEMS])
    order = np.argsort(ties.targets)
    assert boosts.rows.tolist() == ties.targets[order].tolist() != []
    np.testing.assert_allclose(boosts.values, ties.out[order], rtol=1e-4)


def test_a_log_that_ends_before_a_bundle_is_another_log(home: Path, log: ChangeLog, again: Again) -> None:
    log.append([put("new")])
    again()
    other = SqliteStore(home / "other.sqlite", 10, 5.0).changes
    for wrong in (other, None):
        with pytest.raises(
            BundleError, match=r"contains catalogue changes up to 1, .* ends at 0: set LASER_"
        ):
            reindex(home / "run", home / "data", home / "bundles", console=quiet(), log=wrong)


def test_the_command_reads_the_services_log(
    home: Path, log: ChangeLog, capsys: pytest.CaptureFixture[str]
) -> None:
    log.append([Change(FIRST, None)])
    arguments = [
        "reindex",
        str(home / "run"),
        str(home / "data"),
        "--bundles",
        str(home / "bundles"),
        "--json",
    ]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["items"] == ITEMS - 1
    assert open_bundle(home / "bundles").manifest.last_change == 1


def test_the_command_makes_no_store_where_there_is_none(home: Path) -> None:
    assert main(["reindex", str(home / "run"), str(home / "data"), "--bundles", str(home / "bundles")]) == 0
    assert not (home / "state.sqlite").exists()
