"""The order of publishing: where a rollback goes, that it survives, and what a damaged pointer costs."""

from pathlib import Path

import pytest

from index.bundle import BundleError, current_id, open_bundle, publish, roll_back
from index.bundle_pointer import REMEMBERED, point, published_ids, step_back
from tests.index.test_bundle import make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three bundles, published in the order of their names."""
    for bundle_id in ("one", "two", "three"):
        make(tmp_path, bundle_id)
        publish(tmp_path, bundle_id)
    return tmp_path


def test_rolling_back_goes_back_step_by_step_to_the_first(root: Path) -> None:
    assert (root / "current").read_text() == "three\ntwo\none\n"
    assert roll_back(root) == "two"
    assert open_bundle(root).manifest.bundle_id == "two"
    assert roll_back(root) == "one"
    with pytest.raises(BundleError, match="nothing to go back to: 'one' is the first that was published"):
        roll_back(root)
    assert published_ids(root) == ["one"]


def test_publishing_an_earlier_one_again_takes_it_to_the_front(root: Path) -> None:
    publish(root, "one")
    assert published_ids(root) == ["one", "three", "two"]
    assert roll_back(root) == "three"


def test_publishing_what_is_published_changes_nothing(root: Path) -> None:
    before = (root / "current").stat()
    publish(root, "three")
    assert (root / "current").stat() == before


def test_a_folder_where_nothing_was_published_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    assert published_ids(tmp_path) == []
    with pytest.raises(BundleError, match="nothing to go back to: no bundle is published"):
        roll_back(tmp_path)


def test_rolling_back_to_a_damaged_or_missing_bundle_changes_nothing(root: Path) -> None:
    (root / "two" / "columns.json").write_text("{}")
    with pytest.raises(BundleError, match=r"two/columns\.json"):
        roll_back(root)
    (root / "two").rename(root / "elsewhere")
    with pytest.raises(BundleError, match="there is no bundle 'two'"):
        roll_back(root)
    assert current_id(root) == "three"


def test_a_published_bundle_that_is_damaged_can_be_rolled_back(root: Path) -> None:
    (root / "three" / "manifest.json").write_bytes(b"")
    assert roll_back(root) == "two"


def test_a_step_back_from_what_is_no_longer_so_is_refused(root: Path) -> None:
    seen = published_ids(root)
    publish(root, "one")
    with pytest.raises(BundleError, match="changed meanwhile"):
        step_back(root, seen)
    assert published_ids(root) == ["one", "three", "two"]


@pytest.mark.parametrize("content", [b"three\n../two\n", b"three\n\ntwo\n", b"three\ntwo\xff\n", b"three\n "])
def test_a_pointer_with_a_damaged_order_is_damaged_until_published_anew(content: bytes, root: Path) -> None:
    (root / "current").write_bytes(content)
    for call in (published_ids, current_id, roll_back):
        with pytest.raises(BundleError, match="current does not name a bundle"):
            call(root)
    publish(root, "two")
    assert published_ids(root) == ["two"]


def test_a_link_in_the_place_of_the_pointer_is_replaced_and_never_followed(root: Path) -> None:
    (root / "current").rename(root / "elsewhere")
    (root / "current").symlink_to(root / "elsewhere")
    with pytest.raises(BundleError, match="current is a link"):
        roll_back(root)
    publish(root, "one")
    assert published_ids(root) == ["one"]
    assert (root / "elsewhere").read_text() == "three\ntwo\none\n"


def test_the_order_does_not_grow_for_ever(tmp_path: Path) -> None:
    for number in range(REMEMBERED + 5):
        point(tmp_path, f"b{number}")
    order = published_ids(tmp_path)
    assert (len(order), order[0], order[-1]) == (REMEMBERED, f"b{REMEMBERED + 4}", "b5")
