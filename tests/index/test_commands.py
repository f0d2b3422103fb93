"""`laser bundles`: what it prints, what it publishes, and one line for what it refuses."""

import json
from pathlib import Path

import pytest

import laser
from index.bundle import list_bundles, publish
from index.bundle_pointer import published_ids
from tests.index.test_bundle import make

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Bundles a, b and c; a and then b are published."""
    for bundle_id in "abc":
        make(tmp_path, bundle_id)
    publish(tmp_path, "a")
    publish(tmp_path, "b")
    monkeypatch.setenv("LASER_BUNDLES", str(tmp_path))
    return tmp_path


def test_the_list_says_which_is_published_and_the_way_back(root: Path, capsys: Captured) -> None:
    assert laser.main(["bundles", "list"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["bundle", "made", "(UTC)", "items", "changes", "MB", "published"]
    assert [line.split()[0] for line in lines] == ["a", "b", "c"]
    assert [line.split()[3:] for line in lines] == [
        ["3", "7", "0.0", "1", "step", "back"],
        ["3", "7", "0.0", "now"],
        ["3", "7", "0.0"],
    ]


def test_the_list_as_json(root: Path, capsys: Captured) -> None:
    assert laser.main(["bundles", "list", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["published"], said["pointer_damaged"]) == ("b", None)
    assert [(one["bundle_id"], one["steps_back"]) for one in said["bundles"]] == [
        ("a", 1),
        ("b", 0),
        ("c", None),
    ]
    first = list_bundles(root)[0]
    size = sum(entry.bytes for entry in first.files.values())
    assert said["bundles"][0] == {
        "bundle_id": "a",
        "created": first.created,
        "items": 3,
        "last_change": 7,
        "encoder": "f1",
        "bytes": size,
        "steps_back": 1,
    }


def test_promote_and_rollback_move_the_pointer(root: Path, capsys: Captured) -> None:
    assert laser.main(["bundles", "promote", "c"]) == 0
    assert capsys.readouterr().out == "published c\n"
    assert published_ids(root) == ["c", "b", "a"]
    assert laser.main(["bundles", "rollback"]) == 0
    assert capsys.readouterr().out == "published b again, instead of c\n"
    assert laser.main(["bundles", "rollback", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"published": "a", "left": "b"}
    assert laser.main(["bundles", "promote", "c", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"published": "c"}


def test_prune_keeps_as_many_as_it_is_told(root: Path, capsys: Captured) -> None:
    assert laser.main(["bundles", "prune", "--keep", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"removed": ["a"]}
    assert laser.main(["bundles", "prune", "--keep", "1"]) == 0
    assert capsys.readouterr().out == "removed nothing\n"
    assert [manifest.bundle_id for manifest in list_bundles(root)] == ["b", "c"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("promote d", "{root}/d does not exist: there is no bundle 'd'. Choose one that is there"),
        ("promote ../a", "bundle id '../a' must be 1 to 64 of A-Z a-z 0-9 _ - and not 'current'"),
        (
            "promote c --bundles {root}/no",
            "{root}/no/c does not exist: there is no bundle 'c'. Choose one that is there",
        ),
        (
            "rollback --bundles {root}/no",
            "there is nothing to go back to: no bundle is published. Promote a bundle by its id",
        ),
        ("prune --bundles {root}/no", "{root}/no does not exist: there is nothing to remove"),
        ("prune --keep 0", "Invalid value for '--keep': Input should be greater than or equal to 1"),
    ],
)
def test_what_is_refused_is_one_line_and_changes_nothing(
    words: str, says: str, root: Path, capsys: Captured
) -> None:
    assert laser.main(["bundles", *words.format(root=root).split()]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"laser: {says.format(root=root)}\n")
    assert published_ids(root) == ["b", "a"]


def test_a_damaged_pointer_does_not_hide_the_list(root: Path, capsys: Captured) -> None:
    (root / "current").write_bytes(b"\xff")
    assert laser.main(["bundles", "list"]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 4
    assert said.err.startswith(f"laser: {root}/current does not name a bundle")
    assert laser.main(["bundles", "list", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["pointer_damaged"].endswith("Publish a bundle again")
    assert laser.main(["bundles", "promote", "c"]) == 0


def test_an_empty_folder_says_how_to_make_a_bundle(tmp_path: Path, capsys: Captured) -> None:
    assert laser.main(["bundles", "list", "--bundles", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path} holds no bundle; `laser reindex` makes one\n"
