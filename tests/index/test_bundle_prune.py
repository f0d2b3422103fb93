"""Pruning: what stays, and that nothing published or newer goes."""

from pathlib import Path

import pytest

from index.bundle import BundleError, list_bundles, publish, roll_back
from index.bundle_pointer import published_ids
from index.bundle_prune import prune
from tests.index.test_bundle import make, names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """a, b, c, d made in this order; b, c, a, c published in this order; d never."""
    for bundle_id in "abcd":
        make(tmp_path, bundle_id)
    for bundle_id in "bcac":
        publish(tmp_path, bundle_id)
    return tmp_path


def test_the_last_published_stay_and_what_is_newer(root: Path) -> None:
    assert published_ids(root) == ["c", "a", "b"]
    assert prune(root, 2) == ["b"]
    assert [manifest.bundle_id for manifest in list_bundles(root)] == ["a", "c", "d"]
    assert names(root) == {"a", "c", "d", "current"}
    assert published_ids(root) == ["c", "a"]
    assert prune(root, 1) == ["a"]
    assert published_ids(root) == ["c"]
    assert prune(root, 1) == []
    with pytest.raises(BundleError, match="nothing to go back to"):
        roll_back(root)


def test_a_damaged_one_is_left_for_a_person(root: Path) -> None:
    (root / "b" / "manifest.json").write_bytes(b"")
    assert prune(root, 1) == ["a"]
    assert names(root) == {"b", "c", "d", "current"}


def test_without_something_usable_published_nothing_goes(root: Path) -> None:
    (root / "c" / "manifest.json").write_bytes(b"")
    with pytest.raises(BundleError, match="nothing usable is published"):
        prune(root, 1)
    (root / "current").unlink()
    with pytest.raises(BundleError, match="nothing usable is published"):
        prune(root, 1)
    with pytest.raises(BundleError, match="keep must be at least 1, not 0"):
        prune(root, 0)
    with pytest.raises(BundleError, match="does not exist"):
        prune(root / "nowhere", 1)
    assert names(root) >= {"a", "b", "c", "d"}
