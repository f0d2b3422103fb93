"""Bundles: written aside, whole or refused, never overwritten, and safe from a process that dies at any
moment."""

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from index.bundle import (
    BundleError,
    BundleWriter,
    Manifest,
    current_id,
    list_bundles,
    open_bundle,
    publish,
    write_arrays,
)
from index.catalog import Catalogue
from index.manifest import read_manifest
from index.neighbours import Neighbours
from index.tensors import TokenTable, map_tensors

RECORDS = [
    {"item_id": "a", "title": "Alien", "year": 1979, "genres": ["Horror"]},
    {"item_id": "ж", "title": "Солярис", "year": 1972, "genres": ["Drama", "Science Fiction"]},
    {"item_id": "c", "title": "Contact", "year": 1997, "genres": []},
]
VECTORS = np.arange(12, dtype=np.float32).reshape(3, 4)
TEXT_VECTORS = np.eye(3, 5, dtype=np.float32)
TOKENS = [[7, 8, 9], [], [101]]
NEIGHBOURS = Neighbours(
    np.array([0, 2, 2, 3]), np.array([1, 2, 0], np.int32), np.array([0.5, 0.25, 2.0], np.float32), 0.8
)


def write_parts(folder: Path) -> None:
    write_arrays(folder, Catalogue.from_records(RECORDS), VECTORS, TEXT_VECTORS, TOKENS, NEIGHBOURS)
    (folder / "checkpoint" / "item").mkdir(parents=True)
    (folder / "checkpoint" / "item" / "weights.safetensors").write_bytes(b"opaque")


def make(root: Path, bundle_id: str) -> Path:
    with BundleWriter(root, bundle_id) as writer:
        write_parts(writer.folder)
        return writer.seal(encoder_fingerprint="f1", data_hash="d1", last_change=7, metrics={"ndcg@10": 0.1})


def reseal(folder: Path, change: Callable[[Path], None]) -> None:
    """Change a part and make the manifest fit it again, so that only the check of the part itself can find
    it."""
    root, bundle_id = folder.parent, folder.name
    with BundleWriter(root, "scratch") as writer:
        folder.rename(root / "old")
        for path in (root / "old").iterdir():
            if path.name != "manifest.json":
                path.rename(writer.folder / path.name)
        change(writer.folder)
        writer.bundle_id = bundle_id
        writer.seal(encoder_fingerprint="f1", data_hash="d1")


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir() if path.name != ".lock"}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = make(tmp_path, "one")
    assert folder == tmp_path / "one"
    bundle = open_bundle(tmp_path, "one")
    assert bundle.catalogue.records() == RECORDS
    assert bundle.vectors.tolist() == VECTORS.tolist()
    assert bundle.text_vectors.tolist() == TEXT_VECTORS.tolist()
    assert [bundle.token_ids[row].tolist() for row in range(3)] == TOKENS
    assert (bundle.vectors.dtype, bundle.token_ids.flat.dtype) == (np.float32, np.int32)
    assert (bundle.folder / "checkpoint" / "item" / "weights.safetensors").read_bytes() == b"opaque"
    manifest = bundle.manifest
    assert (manifest.bundle_id, manifest.items, manifest.last_change) == ("one", 3, 7)
    assert (manifest.encoder_fingerprint, manifest.data_hash, manifest.metrics) == (
        "f1",
        "d1",
        {"ndcg@10": 0.1},
    )
    assert set(manifest.files) == {
        "catalogue.parquet",
        "columns.json",
        "items.safetensors",
        "neighbours.safetensors",
        "checkpoint/item/weights.safetensors",
    }
    assert manifest.files["checkpoint/item/weights.safetensors"].bytes == 6


def test_arrays_are_mapped_and_cannot_be_written(tmp_path: Path) -> None:
    make(tmp_path, "one")
    bundle = open_bundle(tmp_path, "one")
    assert isinstance(bundle.vectors.base.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        bundle.vectors[0, 0] = 1


def test_neighbours_are_read_as_they_were_written(tmp_path: Path) -> None:
    make(tmp_path, "one")
    neighbours = open_bundle(tmp_path, "one").neighbours
    assert neighbours.starts.tolist() == [0, 2, 2, 3]
    assert neighbours.rows.tolist() == [1, 2, 0]
    assert neighbours.weights.tolist() == [0.5, 0.25, 2.0]
    assert neighbours.decay == 0.8  # to the last digit
    assert neighbours.boosts([0, 2]).rows.tolist() == [0, 1, 2]
    assert isinstance(neighbours.weights.base.base, np.memmap)


def test_a_bundle_without_neighbours_has_empty_ones(tmp_path: Path) -> None:
    """As every bundle was before there were neighbours."""
    with BundleWriter(tmp_path, "plain") as writer:
        write_arrays(writer.folder, Catalogue.from_records(RECORDS), VECTORS, TEXT_VECTORS, TOKENS)
        writer.seal(encoder_fingerprint="f", data_hash="d")
    bundle = open_bundle(tmp_path, "plain")
    assert set(bundle.manifest.files) == {"catalogue.parquet", "columns.json", "items.safetensors"}
    assert len(bundle.neighbours) == 3
    assert bundle.neighbours.boosts([0, 1, 2]).rows.tolist() == []


def test_a_bundle_of_no_items(tmp_path: Path) -> None:
    with BundleWriter(tmp_path, "none") as writer:
        write_arrays(writer.folder, Catalogue.from_records([]), np.zeros((0, 4)), np.zeros((0, 5)), [])
        writer.seal(encoder_fingerprint="f", data_hash="d")
    assert len(open_bundle(tmp_path, "none").token_ids) == 0


def test_publish_moves_the_pointer_and_nothing_else(tmp_path: Path) -> None:
    assert current_id(tmp_path) is None
    with pytest.raises(BundleError, match=r"current does not exist: .* Run `laser reindex` first"):
        open_bundle(tmp_path)
    make(tmp_path, "one")
    assert current_id(tmp_path) is None
    publish(tmp_path, "one")
    make(tmp_path, "two")
    assert current_id(tmp_path) == "one"
    publish(tmp_path, "two")
    assert (current_id(tmp_path), open_bundle(tmp_path).manifest.bundle_id) == ("two", "two")
    publish(tmp_path, "one")
    assert current_id(tmp_path) == "one"
    assert [manifest.bundle_id for manifest in list_bundles(tmp_path)] == ["one", "two"]
    assert names(tmp_path) == {"one", "two", "current"}


def test_a_damaged_bundle_is_not_published(tmp_path: Path) -> None:
    make(tmp_path, "one")
    publish(tmp_path, "one")
    make(tmp_path, "two")
    (tmp_path / "two" / "columns.json").write_text("{}")
    with pytest.raises(BundleError, match=r"columns\.json"):
        publish(tmp_path, "two")
    assert current_id(tmp_path) == "one"


def test_bundles_are_listed_although_one_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert list_bundles(tmp_path / "nowhere") == []
    make(tmp_path, "one")
    make(tmp_path, "two")
    (tmp_path / "one" / "manifest.json").write_text("{}")
    assert [manifest.bundle_id for manifest in list_bundles(tmp_path)] == ["two"]
    assert "manifest.json" in caplog.text


FILES = [
    "manifest.json",
    "catalogue.parquet",
    "columns.json",
    "items.safetensors",
    "neighbours.safetensors",
    "checkpoint/item/weights.safetensors",
]


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_is_found(name: str, tmp_path: Path) -> None:
    make(tmp_path, "one")
    path = tmp_path / "one" / name
    whole = path.read_bytes()
    for length in sorted({0, 1, len(whole) // 2, len(whole) - 1}):
        path.write_bytes(whole[:length])
        with pytest.raises(BundleError, match=name):
            open_bundle(tmp_path, "one")
    path.write_bytes(whole)
    open_bundle(tmp_path, "one")


@pytest.mark.parametrize("name", FILES)
def test_flipped_bits_are_found_in_every_file(name: str, tmp_path: Path) -> None:
    make(tmp_path, "one")
    path = tmp_path / "one" / name
    whole = path.read_bytes()
    for position in range(0, len(whole), max(1, len(whole) // 30)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << (position % 8)
        path.write_bytes(bytes(damaged))
        with pytest.raises(BundleError, match=name):
            open_bundle(tmp_path, "one")


def test_no_bit_of_a_manifest_can_flip(tmp_path: Path) -> None:
    path = make(tmp_path, "one") / "manifest.json"
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 23):  # every place of a byte, and every third byte
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(bytes(damaged))
        with pytest.raises(BundleError, match=r"manifest\.json"):
            read_manifest(tmp_path / "one")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    make(tmp_path, "one")
    (tmp_path / "one" / name).unlink()
    with pytest.raises(BundleError, match=name):
        open_bundle(tmp_path, "one")


def test_a_file_that_does_not_belong_is_named(tmp_path: Path) -> None:
    make(tmp_path, "one")
    (tmp_path / "one" / "checkpoint" / "extra.bin").write_bytes(b"")
    with pytest.raises(BundleError, match=r"checkpoint/extra\.bin is not in the bundle's manifest"):
        open_bundle(tmp_path, "one")


def test_links_are_refused_wherever_they_are(tmp_path: Path) -> None:
    make(tmp_path, "one")
    weights = tmp_path / "one" / "checkpoint" / "item" / "weights.safetensors"
    weights.rename(tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match=r"weights\.safetensors is a link"):
        open_bundle(tmp_path, "one")
    (tmp_path / "elsewhere").unlink()
    make(tmp_path, "two")
    (tmp_path / "alias").symlink_to(tmp_path / "two")
    with pytest.raises(BundleError, match="alias is a link"):
        open_bundle(tmp_path, "alias")
    (tmp_path / "current").symlink_to(tmp_path / "two" / "columns.json")
    with pytest.raises(BundleError, match="current is a link"):
        open_bundle(tmp_path)
    manifest = tmp_path / "two" / "manifest.json"
    manifest.rename(tmp_path / "manifest")
    manifest.symlink_to(tmp_path / "manifest")
    with pytest.raises(BundleError, match="not a plain file"):
        open_bundle(tmp_path, "two")


def test_a_link_cannot_be_sealed(tmp_path: Path) -> None:
    with BundleWriter(tmp_path, "one") as writer:
        write_parts(writer.folder)
        (writer.folder / "checkpoint" / "link").symlink_to("/etc/hostname")
        with pytest.raises(BundleError, match="checkpoint/link is a link"):
            writer.seal(encoder_fingerprint="f", data_hash="d")
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    "bundle_id", ["", "..", "a/b", "/etc", "a.b", "a b", "x" * 65, "é", "one\n", "current", "Current"]
)
def test_ids_that_could_leave_the_root_are_refused(bundle_id: str, tmp_path: Path) -> None:
    for call in (BundleWriter, open_bundle, publish):
        with pytest.raises(BundleError, match="bundle id"):
            call(tmp_path, bundle_id)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("content", [b"", b"../one", b"one\n\n", b"\xff", b"one two\n"])
def test_a_damaged_pointer_is_named(content: bytes, tmp_path: Path) -> None:
    make(tmp_path, "one")
    (tmp_path / "current").write_bytes(content)
    with pytest.raises(BundleError, match="current does not name a bundle"):
        open_bundle(tmp_path)


def test_a_pointer_to_a_bundle_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "current").write_bytes(b"gone\n")
    with pytest.raises(BundleError, match=r"gone does not exist: there is no bundle 'gone'"):
        open_bundle(tmp_path)


def test_a_bundle_cannot_be_renamed_or_hold_paths_outside(tmp_path: Path) -> None:
    folder = make(tmp_path, "one")
    folder.rename(tmp_path / "two")
    with pytest.raises(BundleError, match="is of bundle 'one', not 'two'"):
        open_bundle(tmp_path, "two")
    fields = json.loads((tmp_path / "two" / "manifest.json").read_text())
    for path in ("../outside", "/etc/passwd", "a//b", "a/./b", "a\\b"):
        with pytest.raises(ValueError, match="malformed"):
            Manifest(**{**{k: v for k, v in fields.items() if k != "sha256"}, "files": {path: None}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_fingerprint": " "}, "encoder_fingerprint"),
        ({"data_hash": ""}, "data_hash"),
        ({"last_change": -1}, "last_change"),
        ({"metrics": {"ndcg": float("nan")}}, "metric 'ndcg'"),
    ],
)
def test_what_a_seal_must_say(change: dict[str, object], message: str, tmp_path: Path) -> None:
    with BundleWriter(tmp_path, "one") as writer:
        write_parts(writer.folder)
        with pytest.raises(BundleError, match=message):
            writer.seal(**{"encoder_fingerprint": "f", "data_hash": "d", **change})  # type: ignore[arg-type]
    assert names(tmp_path) == set()


def swap(name: str, array: np.ndarray, file: str = "items.safetensors") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        arrays = load_file(folder / file)
        save_file({**arrays, name: array}, folder / file)

    return change


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("vectors", VECTORS[:2], r"disagree on the number of items: \[2, 3\]"),
        ("text_vectors", TEXT_VECTORS[:1], "disagree"),
        ("token_offsets", np.array([0, 3, 4]), "disagree"),
        ("vectors", VECTORS.astype(np.int32), "'vectors' is missing, or is not float32"),
        ("vectors", VECTORS[0].copy(), "with 2 axes"),
        ("vectors", np.where(VECTORS == 5, np.nan, VECTORS).astype(np.float32), "vectors hold NaN"),
        ("text_vectors", np.full((3, 5), np.inf, np.float32), "text_vectors hold NaN or Infinity"),
        ("token_offsets", np.array([0, 3, 2, 4]), "offsets do not rise"),
        ("token_offsets", np.array([1, 3, 3, 4]), "offsets do not rise"),
        ("token_offsets", np.array([0, 3, 3, 5]), "offsets do not rise"),
        ("token_ids", np.array([7, -8, 9, 101], np.int32), "token id is negative"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    name: str, array: np.ndarray, message: str, tmp_path: Path
) -> None:
    folder = make(tmp_path, "one")
    with pytest.raises(BundleError, match=f"items.safetensors cannot be used: .*{message}"):
        reseal(folder, swap(name, array))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("starts", np.array([0, 2, 2, 2, 3]), "it is of 4 items, the bundle of 3"),
        ("starts", np.array([0, 2, 1, 3]), "starts do not rise"),
        ("starts", np.array([0, 2, 2, 3], np.int32), "'starts' is missing, or is not int64"),
        ("rows", np.array([1, 2, 3], np.int32), r"rows must lie in 0\.\.2"),
        ("rows", np.array([1, 2], np.int32), "2 rows need as many weights, not 3"),
        ("weights", np.array([1, -1, 1], np.float32), "weights must be finite and not negative"),
        ("weights", np.array([1, np.nan, 1], np.float32), "weights must be finite"),
        ("weights", np.array([[1, 1, 1]], np.float32), "'weights' is missing, or is not float32 with 1 axes"),
        ("decay", np.array([1.5]), "decay must lie above 0"),
        ("decay", np.array([0.5, 0.5]), "decay holds 2 numbers instead of 1"),
        ("decay", np.array([0.5], np.float32), "'decay' is missing, or is not float64"),
    ],
)
def test_neighbours_that_do_not_fit_are_refused(
    name: str, array: np.ndarray, message: str, tmp_path: Path
) -> None:
    folder = make(tmp_path, "one")
    with pytest.raises(BundleError, match=f"neighbours.safetensors cannot be used: .*{message}"):
        reseal(folder, swap(name, array, "neighbours.safetensors"))


def test_a_catalogue_of_another_bundle_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path, "one")
    with pytest.raises(BundleError, match=r"disagree on the number of items: \[2, 3\]"):
        reseal(folder, Catalogue.from_records(RECORDS[:2]).save)


def test_a_sealed_id_is_never_taken_again(tmp_path: Path) -> None:
    make(tmp_path, "one")
    with pytest.raises(BundleError, match="one exists: bundles are never overwritten"):
        BundleWriter(tmp_path, "one")
    first, second = BundleWriter(tmp_path, "two"), BundleWriter(tmp_path, "two")
    for writer in (first, second):
        write_parts(writer.folder)
    first.seal(encoder_fingerprint="first", data_hash="d")
    with second, pytest.raises(BundleError, match="two exists"):
        second.seal(encoder_fingerprint="second", data_hash="d")
    assert open_bundle(tmp_path, "two").manifest.encoder_fingerprint == "first"
    assert names(tmp_path) == {"one", "two"}


def test_a_failed_writer_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with BundleWriter(tmp_path, "one") as writer:
            write_parts(writer.folder)
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        fail()
    assert names(tmp_path) == set()


def test_leftovers_of_the_dead_go_and_the_living_stay(tmp_path: Path) -> None:
    (tmp_path / ".staging-one-dead").mkdir()
    (tmp_path / ".staging-one-dead" / "half").write_bytes(b"a file")
    living = BundleWriter(tmp_path, "one")
    write_parts(living.folder)
    make(tmp_path, "two")
    assert names(tmp_path) == {living.folder.name, "two"}
    living.seal(encoder_fingerprint="f", data_hash="d")
    assert names(tmp_path) == {"one", "two"}


def write_from_a_process(root: Path, bundle_id: str) -> None:
    make(root, bundle_id)
    publish(root, bundle_id)


def test_processes_may_write_and_publish_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=write_from_a_process, args=(tmp_path, f"p{n}")) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0] * 3
    assert names(tmp_path) == {"p0", "p1", "p2", "current"}
    open_bundle(tmp_path)


CRASHING = """
import os, shutil, sys
from pathlib import Path
from index.bundle import publish
from tests.index.test_bundle import make

def dying_after(count):
    def wrap(call):
        def counted(*args, **kwargs):
            nonlocal count
            count -= 1
            if count < 0:
                os._exit(9)
            return call(*args, **kwargs)
        return counted
    for name in ("fsync", "rename", "mkdir"):
        setattr(os, name, wrap(getattr(os, name)))

base = Path(sys.argv[1])
make(base / "start", "old")
publish(base / "start", "old")
for step in range(200):
    root = base / f"step{step:03}"
    shutil.copytree(base / "start", root)
    child = os.fork()
    if child == 0:
        dying_after(step)
        make(root, "new")
        publish(root, "new")
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
"""


def test_a_process_killed_at_any_step_leaves_whole_bundles(tmp_path: Path) -> None:
    """A writer is killed before its 1st, 2nd, ... change to the disk; each time, old and new are whole or
    absent."""
    subprocess.run([sys.executable, "-c", CRASHING, str(tmp_path)], check=True, timeout=600)
    roots = sorted(tmp_path.glob("step*"))
    assert len(roots) > 10
    published = []
    for root in roots:
        published.append(open_bundle(root).manifest.bundle_id)
        sealed = {manifest.bundle_id for manifest in list_bundles(root)}
        assert {"old"} <= sealed <= {"old", "new"}
        for bundle_id in sealed:
            open_bundle(root, bundle_id)
        if "new" not in sealed:
            make(root, "new")
        publish(root, "new")
        make(root, "newer")
        assert {name for name in names(root) if name.startswith(".staging")} == set()
    assert published == sorted(published, reverse=True)  # old until the last rename, new from then on
    assert set(published) == {"old", "new"}


def test_a_token_table_is_strict_about_rows() -> None:
    table = TokenTable.from_lists(TOKENS)
    assert table.offsets.tolist() == [0, 3, 3, 4]
    assert (len(table), table[0].tolist()) == (3, [7, 8, 9])
    for row in (-1, 3):
        with pytest.raises(IndexError):
            table[row]


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}',
    ],
)
def test_a_malformed_array_file_is_refused(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 8)
    with pytest.raises(ValueError, match=r"does not fit its place|Expecting property name"):
        map_tensors(path)
    path.write_bytes((1000).to_bytes(8, "little"))
    with pytest.raises(ValueError, match="header is longer than the file"):
        map_tensors(path)
